"""Whole searches, as small as they can be."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.compiler.compiling import Conditions, compile_catalog
from catalog.compiler.events import Event, unobserved
from catalog.compiler.outcomes import Outcome
from catalog.compiler.request import CompileRequest, ModelSpec
from catalog.compiler.search_record import End, SearchLimits, SearchRecord, read_record, write_record
from catalog.compiler.search_space import search_space
from catalog.compiler.searching import LEAST_AHEAD, Search
from catalog.compiler.workplace import Workplace
from catalog.models.architecture import Architecture
from catalog.parts import Part, Trunk
from catalog.store import Catalog, open_catalog
from catalog.tasks import Task
from catalog.transforms.recipe import Effort, StoredTrunk
from catalog.variants import Variant
from tests.tiny_compile import DATE, QUICK, tiny_request, without_trials

TRIED = 6
DIGITS = Task("identity", "digit", tuple("0123456789"))


def request() -> CompileRequest:
    asked = tiny_request(("lowrank", "int8"), rendered_windows=300)
    return replace(asked, effort=Effort(2, 2, 1))


def searched(
    root: Path,
    limits: SearchLimits | None,
    resume: bool = False,
    jobs: int = 1,
    events: list[Event] | None = None,
) -> Catalog:
    observe = unobserved if events is None else events.append
    conditions = Conditions(jobs, time.perf_counter, lambda: DATE, QUICK)
    return compile_catalog(request(), root, resume, conditions, observe, limits)


def decided(root: Path) -> SearchRecord:
    record = read_record(root)
    assert record is not None
    return record


def names(root: Path) -> list[str]:
    return [d.candidate for d in decided(root).decisions]


def test_after_the_full_size_of_each_family_nothing_is_begun_that_would_end_too_late(tmp_path: Path) -> None:
    asked = replace(
        request(), models=(ModelSpec(techniques=("int8",)), ModelSpec(Architecture("vgg"), ("int8",)))
    )
    seconds = iter(range(0, 10_000, 50))
    place = Workplace(tmp_path, tmp_path, (DIGITS,), asked.effort, 0)
    record = SearchRecord(SearchLimits(budget_s=60.0), LEAST_AHEAD)
    search = Search(place, search_space(asked), record, lambda: float(next(seconds)))
    for name in ("convnet-w100-d100-r16", "vgg-w100-d100-r16"):
        assignment = search.next()
        assert assignment is not None
        assert assignment.candidate.name == name
        search.finish(finished(name), StoredTrunk(16, (), tmp_path))
    assert search.next() is None


def finished(name: str) -> Outcome:
    part = Part(name, (16, 16, 3), (8,), 100, 100, 100, 1000)
    variant = Variant(f"{name}/identity", "identity", name, "h", 0.9, 0.9, 0.0)
    return Outcome(Trunk(name, "digit", 16, (name,), 8, ()), (part,), (), (variant,))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("search") / "catalog"
    searched(root, SearchLimits(max_candidates=TRIED))
    return root


def test_a_search_tries_as_many_as_it_may_and_leaves_a_whole_catalog(whole: Path) -> None:
    catalog = open_catalog(whole)
    record = decided(whole)
    assert len(record.decisions) == TRIED
    assert {d.candidate for d in record.decisions if d.end is End.FINISHED} == set(catalog.trunks)
    assert catalog.contents.compiled.complete
    assert record.decisions[0].candidate == "convnet-w100-d100-r16"


def test_two_processes_search_the_same_and_a_killed_search_goes_on_the_same(
    whole: Path, tmp_path: Path
) -> None:
    killed = Path(shutil.copytree(whole, tmp_path / "killed"))
    record = decided(killed)
    begun = replace(record.decisions[3], end=End.UNDER_WAY, curve=(), seconds=None)
    write_record(killed, replace(record, decisions=(*record.decisions[:3], begun)))
    events: list[Event] = []
    resumed = searched(killed, None, resume=True, jobs=2, events=events)
    assert names(killed) == names(whole)
    assert resumed.contents.parts == open_catalog(whole).contents.parts
    assert without_trials(resumed) == without_trials(open_catalog(whole))
