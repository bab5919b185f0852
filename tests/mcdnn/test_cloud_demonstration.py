from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import RunFailed
from catalog.store import open_catalog
from cloud.client import CloudClient
from cloud.endpoint import Endpoint
from cloud.link_conditions import Cut
from mcdnn.cloud_demonstration import cloud_config, cut_s, link_changes, served
from mcdnn.engine import Engine
from tests.catalog_builder import build_catalog


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


def test_the_link_is_cut_in_the_middle_and_comes_back() -> None:
    begins_s, ends_s = cut_s(20.0)
    assert 0.0 < begins_s < ends_s < 20.0
    changes = link_changes(20.0)
    assert [c.t_s for c in changes] == [0.0, begins_s, ends_s]
    assert [c.conditions.cut for c in changes] == [Cut.NONE, Cut.STALL, Cut.NONE]


def test_the_device_has_memory_for_the_smallest_trunk_only(folder: Path) -> None:
    catalog = open_catalog(folder)
    config = cloud_config(catalog, Endpoint("127.0.0.1", 1))
    parts = {p.id: p for p in catalog.contents.parts}
    sizes = sorted(sum(parts[p].memory_bytes for p in t.parts) for t in catalog.contents.trunks)
    assert sizes[0] < 1e6 * config["budget"]["memory_mb"] < sizes[-1]
    tasks = {t.name for t in catalog.contents.tasks}
    Engine(config | {"app": [a for a in config["app"] if a["task"] in tasks]})  # it is a configuration


def test_a_server_runs_in_a_process_of_its_own_meanwhile(folder: Path) -> None:
    with served(folder) as endpoint, CloudClient(endpoint) as client:
        assert client.list_catalog(10.0).variants


def test_a_server_that_does_not_start_ends_it(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="ended before it was ready"), served(tmp_path / "none"):
        pass
