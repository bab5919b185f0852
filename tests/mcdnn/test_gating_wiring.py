"""Which sources are gated and what is tracked, as ENGINE.toml and the switches say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from engine.gating.still_scenes import NO_GATE
from engine.results import REUSED
from engine.sources.choosing import open_chosen
from engine.tracking.tracked_answers import NO_TRACKING, TrackedAnswers
from mcdnn.cli import main
from mcdnn.engine import Engine
from mcdnn.engine_file import parse_engine_table
from mcdnn.gating_wiring import make_gate, make_tracking, with_switches
from mcdnn.source_wiring import choices_of
from tests.catalog_builder import build_catalog

DIGITS = {"uri": "digits:?seed=7&seconds=6&pace=max"}
TYPES = ("digit", "face", "scene", "mine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


def gated(tables: dict[str, Any], motion_gate: bool | None = None) -> list[bool]:
    file = with_switches(parse_engine_table({"catalog": "c", **tables}, "test"), motion_gate, None)
    sources = open_chosen(choices_of(file.source, file.motion_gate.on))
    for opened in sources:
        opened.source.close()
    assert (make_gate(file, sources) is NO_GATE) is not any(s.gated for s in sources)
    return [s.gated for s in sources]


def test_recordings_and_digits_are_not_gated_unless_they_are_to_be() -> None:
    assert gated({"source": [DIGITS]}) == [False]
    assert gated({"source": [{**DIGITS, "motion_gate": True}]}) == [True]
    assert gated({"source": [DIGITS], "motion_gate": {"on": True}}) == [True]
    assert gated({"source": [{**DIGITS, "motion_gate": False}], "motion_gate": {"on": True}}) == [False]


def test_cameras_are_gated_by_themselves() -> None:
    camera = {"uri": "7", "timeout_s": 0.2}  # there is none: it is gated when it comes
    assert gated({"source": [camera]}) == [True]
    assert gated({"source": [camera], "motion_gate": {"on": False}}) == [False]


def test_the_switch_wins_over_the_file() -> None:
    tables = {"source": [{**DIGITS, "motion_gate": False}]}
    assert gated(tables, motion_gate=True) == [True]
    assert gated({"source": [{**DIGITS, "motion_gate": True}]}, motion_gate=False) == [False]


def test_nothing_is_tracked_unless_it_is_asked_for() -> None:
    file = parse_engine_table({"catalog": "c"}, "test")
    assert make_tracking(file, TYPES) is NO_TRACKING
    assert isinstance(make_tracking(with_switches(file, None, True), TYPES), TrackedAnswers)
    asked = parse_engine_table({"catalog": "c", "tracking": {}}, "test")
    assert make_tracking(with_switches(asked, None, False), TYPES) is NO_TRACKING


def test_a_wrong_input_type_is_named(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"tracking\.input_types: 'fase': not an input type of the catalog"):
        Engine({"catalog": str(folder), "tracking": {"input_types": ["fase"]}})


def test_a_wrong_key_is_named() -> None:
    with pytest.raises(BadInput, match=r"tracking\.half_life: no such key: expected one of input_types"):
        parse_engine_table({"catalog": "c", "tracking": {"half_life": 3.0}}, "test")
    with pytest.raises(BadInput, match=r"motion_gate\.refresh_s: Input should be greater than 0"):
        parse_engine_table({"catalog": "c", "motion_gate": {"refresh_s": 0.0}}, "test")


def test_a_run_with_both_asks_less_and_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "ENGINE.toml"
    config.write_text(
        f'catalog = "{folder}"\npolicy = "original"\n[tracking]\nleast_confidence = 0.02\n'
        f'[[source]]\nuri = "{DIGITS["uri"]}"\n[[app]]\nname = "who"\ntask = "identity"\n'
    )
    figures = {}
    for name, switches in {"plain": ["--no-tracking"], "spared": ["--motion-gate"]}.items():
        out = tmp_path / f"{name}.jsonl"
        assert main(["run", str(config), *switches, "--out", str(out), "--json"]) == 0
        printed = capsys.readouterr()
        figures[name] = json.loads(printed.out)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        app = figures[name]["apps"][0]
        assert app["requests"] + app["reused"] == len(lines)
        assert app["reused"] == sum(line["place"] == REUSED for line in lines)
        assert ("tracked: " in printed.err) is ("still: " in printed.err) is (name == "spared")
    plain, spared = figures["plain"], figures["spared"]
    assert plain["standing"]["gated"] == {"frames": {}, "requests": 0.0, "saved_j": 0.0}
    assert plain["apps"][0]["reused"] == plain["standing"]["tracks"] == 0
    assert spared["apps"][0]["requests"] < plain["apps"][0]["requests"] / 2
    assert spared["standing"]["gated"]["frames"]["digits"] > 5
    assert all(line["track"] is not None for line in lines)
