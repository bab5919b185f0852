"""Apps of a configuration beside those that a program added, from one configuration to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from mcdnn.asked_apps import AskedApps
from mcdnn.engine_file import AppTable, parse_engine_table
from mcdnn.wiring import Setup, open_setup
from tests.catalog_builder import build_catalog

WHO = {"name": "who", "task": "identity"}
ODD = {"name": "odd", "task": "parity"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


def setup_of(folder: Path, *apps: dict[str, Any]) -> Setup:
    return open_setup(parse_engine_table({"catalog": str(folder), "app": list(apps)}, "e.toml"))


def test_added_apps_stay_when_the_configuration_changes_and_configured_ones_go(folder: Path) -> None:
    before, after = setup_of(folder, WHO), setup_of(folder)
    apps = AskedApps().configured_by(before).with_added(AppTable(**ODD), before.catalog)
    assert (list(apps.by_name), apps.added) == (["who", "odd"], {"odd"})
    assert list(apps.configured_by(after).by_name) == ["odd"]


def test_a_configuration_takes_an_added_app_over_until_it_names_it_no_more(folder: Path) -> None:
    setup = setup_of(folder)
    added = AskedApps().with_added(AppTable(**ODD), setup.catalog)
    taken_over = added.configured_by(setup_of(folder, {**ODD, "weight": 3.0}))
    assert taken_over.by_name["odd"].weight == 3.0
    assert list(taken_over.configured_by(setup).by_name) == ["odd"]


def test_a_removed_app_is_not_brought_back_and_its_classes_are_remembered(folder: Path) -> None:
    setup = setup_of(folder, WHO)
    apps = AskedApps().configured_by(setup).with_added(AppTable(**ODD), setup.catalog)
    left = apps.without("odd", setup.catalog)
    assert (list(left.by_name), left.added) == (["who"], frozenset())
    assert list(left.configured_by(setup).by_name) == ["who"]
    assert left.classes_of("odd") == ("even", "odd")
    assert list(apps.by_name) == ["who", "odd"]  # what was is as it was


def test_what_is_there_already_or_not_at_all_is_refused(folder: Path) -> None:
    setup = setup_of(folder, WHO)
    apps = AskedApps().configured_by(setup)
    with pytest.raises(BadInput, match=r"an app 'who' is there already: remove_app\('who'\) first"):
        apps.with_added(AppTable(**WHO), setup.catalog)
    with pytest.raises(BadInput, match=r"remove_app: no app 'odd': there are \['who'\]"):
        apps.without("odd", setup.catalog)
    with pytest.raises(BadInput, match=r"no app 'odd': there are \['who'\]"):
        apps.classes_of("odd")


def test_an_added_app_whose_task_another_catalog_lacks_is_refused(folder: Path, tmp_path: Path) -> None:
    setup = setup_of(folder)
    apps = AskedApps().with_added(AppTable(**ODD), setup.catalog)
    del setup.catalog.tasks["parity"]  # of this setup alone
    with pytest.raises(BadInput, match=r"app odd: task 'parity': the catalog has \['identity'\]"):
        apps.configured_by(setup)
