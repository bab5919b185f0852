"""Whole searches, as small as they can be."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.compiler.compiling import Conditions, compile_catalog
from catalog.compiler.events import Event, unobserved
from catalog.compiler.request import CompileRequest
from catalog.compiler.search_record import End, SearchLimits, SearchRecord, read_record, write_record
from catalog.store import Catalog, open_catalog
from catalog.transforms.recipe import Effort
from tests.tiny_compile import DATE, QUICK, tiny_request

TRIED = 6


def request() -> CompileRequest:
    asked = tiny_request(("scale", "lowrank", "int8"), rendered_windows=300)
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
    assert resumed.contents.variants == open_catalog(whole).contents.variants
