"""The page as the command line opens it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from catalog.errors import BadInput, MissingExtra
from mcdnn.commands.run import add_parser, run
from mcdnn.engine import Engine
from mcdnn.web.opening import page_of
from tests.catalog_builder import build_catalog
from tests.mcdnn.web.pages import ask


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("opening")
    build_catalog(root / "catalog")
    (root / "ENGINE.toml").write_text(
        'catalog = "catalog"\n[[source]]\nuri = "digits:?seconds=1&pace=max"\n'
        '[[app]]\nname = "who"\ntask = "identity"\n'
    )
    return root


def test_the_next_run_is_shown_and_its_end_too(folder: Path) -> None:
    engine = Engine(folder / "ENGINE.toml")
    with page_of(engine, "box", ":0", None) as page:
        end = engine.run(on_start=page.follow)
        state = ask(page.at, "/api/state").json
    assert (state["now"]["title"], state["now"]["status"]) == ("box", "ended")
    assert state["now"]["summary"]["frames"] == end.frames == 15
    assert state["why"][0]["chosen"]["variant"] == end.apps[0].variant


def test_a_page_that_is_refused_leaves_the_engine_as_it_was(folder: Path) -> None:
    engine = Engine(folder / "ENGINE.toml")
    with pytest.raises(BadInput, match="--web-token-file"), page_of(engine, "box", "0.0.0.0:0", None):
        pass
    assert [s.sink for s in engine.run().standing.sinks] == []


def test_without_its_packages_the_command_that_installs_them_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    for name in [n for n in sys.modules if n.startswith("mcdnn.web.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtra, match=r"--web needs uvicorn: pip install 'mcdnn\[web\]'"):
        run(parser.parse_args(["run", str(folder / "ENGINE.toml"), "--web", ":0"]))
