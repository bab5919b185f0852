"""A whole compile of tasks whose labels lie in different data sets."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.compiler.compiling import Conditions, compile_catalog
from catalog.compiler.events import CandidateStarted, CandidateStopped, DataJoined, DataPrepared, Event
from catalog.compiler.request import CompileRequest, ModelSpec, TaskSpec
from catalog.compiler.search_record import SearchLimits
from catalog.datasets.data_spec import DataSpec
from catalog.store import Catalog
from catalog.transforms.recipe import Effort
from tests.catalog.datasets.pictures import class_folders
from tests.tiny_compile import DATE, DIGIT, QUICK, TASKS, compile_tiny

BASE = "convnet-w100-d100-r16"


def tasks_of(root: Path) -> tuple[TaskSpec, ...]:
    """Digits lead, "noise" trains with them, "grain" gets heads, or parts of its own if they lose much."""
    noise = class_folders(root / "noise", {"a": 14, "b": 14})
    (noise / "b" / "torn.png").write_bytes(b"\x89PNG torn")
    grain = class_folders(root / "grain", {"x": 20, "y": 12, "z": 8})
    return (
        TASKS[0],
        TaskSpec("noise", "digit", DataSpec(str(noise)), trunk_weight=0.5),
        TaskSpec("grain", "digit", DataSpec(str(grain))),
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, list[Event]]:
    root = tmp_path_factory.mktemp("sharing")
    request = CompileRequest(
        (DIGIT,), tasks_of(root), (ModelSpec(techniques=("int8",)),), Effort(1, 1, 1), 200
    )
    events: list[Event] = []
    return compile_tiny(request, root / "catalog", events=events), events


def test_a_corrupt_image_is_named_and_costs_itself_alone(told: tuple[Catalog, list[Event]]) -> None:
    catalog, events = told
    prepared = {e.task: e for e in events if isinstance(e, DataPrepared)}
    assert prepared["noise"].windows == 28
    assert [reason.split("/")[-1] for reason in prepared["noise"].skipped] == [
        "torn.png: not an image that can be decoded"
    ]
    assert catalog.contents.compiled.complete
    assert catalog.contents.compiled.failed == {}


def test_tasks_that_train_together_are_told_with_their_windows(told: tuple[Catalog, list[Event]]) -> None:
    joined = [e for e in told[1] if isinstance(e, DataJoined)]
    assert [(e.input_type, list(e.labelled)) for e in joined] == [("digit", ["identity", "noise"])]
    assert joined[0].windows == sum(joined[0].labelled.values())


def test_every_trunk_serves_every_task(told: tuple[Catalog, list[Event]]) -> None:
    catalog = told[0]
    assert set(catalog.variants) == {
        f"{trunk}/{task}" for trunk in catalog.trunks for task in ("identity", "noise", "grain")
    }


def test_a_task_that_trains_no_trunk_is_held_against_a_trunk_of_its_own(
    told: tuple[Catalog, list[Event]],
) -> None:
    catalog, events = told
    started = [e.candidate for e in events if isinstance(e, CandidateStarted)]
    assert started[:2] == [BASE, f"{BASE}-int8"]
    assert set(started[2:]) >= {f"{BASE}-for-grain", f"{BASE}-own1-grain"}
    assert f"{BASE}-for-grain" in catalog.trunks
    stopped = {e.candidate: e.reason for e in events if isinstance(e, CandidateStopped)}
    for own in (1, 2, 3):
        name = f"{BASE}-own{own}-grain"
        assert (name in catalog.trunks) != (name in stopped)


def test_what_a_task_needs_to_itself_follows_a_search(tmp_path: Path) -> None:
    leading, _, grain = tasks_of(tmp_path)
    grain = replace(grain, share_loss=0.99)  # so that the trunk of its own decides at once
    request = CompileRequest((DIGIT,), (leading, grain), (ModelSpec(),), Effort(1, 1, 1), 200)
    conditions = Conditions(1, time.perf_counter, lambda: DATE, QUICK)
    events: list[Event] = []
    limits = SearchLimits(max_candidates=1)
    catalog = compile_catalog(request, tmp_path / "catalog", False, conditions, events.append, limits)
    assert list(catalog.trunks) == [BASE, f"{BASE}-for-grain"]
    started = [e.candidate for e in events if isinstance(e, CandidateStarted)]
    stopped = [e.candidate for e in events if isinstance(e, CandidateStopped)]
    assert started == [BASE, f"{BASE}-for-grain", f"{BASE}-own1-grain"]
    assert stopped == [f"{BASE}-own{own}-grain" for own in (1, 2, 3)]
    assert catalog.contents.compiled.failed == {}
