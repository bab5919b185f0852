"""Whole compiles, as small as they can be."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.backends.part_chain import PartChain
from catalog.backends.table import open_backend
from catalog.compiler.compiling import Conditions, compile_catalog
from catalog.compiler.events import (
    CandidateFailed,
    CandidateProgress,
    CandidateStarted,
    Event,
    Planned,
    unobserved,
)
from catalog.compiler.request import ModelSpec
from catalog.compiler.search_record import SearchLimits
from catalog.errors import BadInput, RunFailed
from catalog.measuring import BATCHES
from catalog.models.architecture import Architecture
from catalog.store import Catalog, open_catalog
from tests.tiny_compile import DATE, QUICK, compile_tiny, tiny_request

BASE = "convnet-w100-d100-r16"
SHARED = "convnet-w100to33-d100-r16"
INT8 = f"{BASE}-int8"


def ids(catalog: Catalog) -> tuple[list[str], list[str]]:
    return [p.id for p in catalog.contents.parts], [h.id for h in catalog.contents.heads]


@pytest.fixture(scope="module")
def catalog(tiny_catalog: Path) -> Catalog:
    return open_catalog(tiny_catalog)


def test_a_compiled_catalog_is_complete_and_opens_with_every_file_checked(catalog: Catalog) -> None:
    assert catalog.contents.compiled.complete
    assert catalog.contents.compiled.failed == {}
    assert list(catalog.trunks) == [BASE, SHARED, INT8]


def test_every_trunk_has_a_head_for_every_task(catalog: Catalog) -> None:
    assert set(catalog.variants) == {f"{t}/{task}" for t in catalog.trunks for task in ("identity", "parity")}


def test_a_trunk_on_anothers_first_part_shares_its_file(catalog: Catalog) -> None:
    base, shared, int8 = (catalog.trunks[n].parts for n in (BASE, SHARED, INT8))
    assert base[0] == shared[0]
    assert base[1] != shared[1]
    assert not set(base) & set(int8)
    assert [catalog.parts[p].precision for p in int8] == ["int8", "int8"]


def test_trunks_have_learned_something(catalog: Catalog) -> None:
    for variant in catalog.variants.values():
        chance = 1 / len(catalog.tasks[variant.task].classes)
        assert variant.validation_accuracy > chance
        assert variant.test_accuracy > chance


def test_stored_features_are_those_that_the_stored_parts_and_heads_answer_by(catalog: Catalog) -> None:
    for variant in catalog.variants.values():
        stored = catalog.features(variant.trunk, variant.task, "validation")
        confidences = catalog.head_weights(variant.head).confidences(stored.features.astype(np.float32))
        accuracy = float((confidences.argmax(axis=1) == stored.labels).mean())
        assert accuracy == pytest.approx(variant.validation_accuracy, abs=0.01)


def test_every_part_and_head_is_measured(catalog: Catalog) -> None:
    measured = catalog.measurements("host")
    assert {(m.part, m.batch) for m in measured.parts} == {(p, b) for p in catalog.parts for b in BATCHES}
    assert all(0.0 < m.latency_p50_s <= m.latency_p95_s and m.load_s > 0.0 for m in measured.parts)
    assert set(measured.head_s) == {h.id for h in catalog.contents.heads}
    assert catalog.front("identity")


def test_the_torch_reference_agrees_with_the_default_backend(catalog: Catalog) -> None:
    windows = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    for name in (BASE, SHARED):
        paths = [catalog.part_path(p) for p in catalog.trunks[name].parts]
        found = [PartChain(open_backend(b), paths)(windows) for b in ("onnxruntime", "torch")]
        np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-4)


def test_nothing_of_the_work_is_left_behind(tiny_catalog: Path) -> None:
    assert sorted(p.name for p in tiny_catalog.iterdir()) == [
        "catalog.json", "features", "heads", "parts", "profiles",
    ]  # fmt: skip


def test_resuming_a_complete_catalog_changes_and_trains_nothing(tiny_catalog: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "catalog"))
    before = (root / "profiles" / "host.json").read_bytes()
    events: list[Event] = []
    again = compile_tiny(tiny_request(), root, resume=True, events=events)
    assert ids(again) == ids(open_catalog(tiny_catalog))
    assert (root / "profiles" / "host.json").read_bytes() == before
    assert not [e for e in events if isinstance(e, CandidateStarted)]


def test_what_is_damaged_is_made_anew_and_the_same(tiny_catalog: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "catalog"))
    whole = open_catalog(root)
    part = whole.part_path(whole.trunks[INT8].parts[1])
    part.write_bytes(part.read_bytes()[:-1])
    events: list[Event] = []
    again = compile_tiny(tiny_request(), root, resume=True, events=events)
    assert [e.candidate for e in events if isinstance(e, CandidateStarted)] == [INT8]
    assert ids(again) == ids(whole)
    open_catalog(root)


def test_a_whole_catalog_takes_further_techniques_and_trains_nothing_twice(
    tiny_catalog: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "catalog"))
    before = open_catalog(root)
    events: list[Event] = []
    more = compile_tiny(tiny_request(("scale", "int8", "scale+int8")), root, resume=True, events=events)
    (further,) = more.trunks.keys() - before.trunks.keys()
    assert [e.candidate for e in events if isinstance(e, CandidateStarted)] == [further]
    assert all(set(was) < set(now) for was, now in zip(ids(before), ids(more), strict=True))
    with pytest.raises(BadInput, match="tasks, models, settings or data changed since it was begun"):
        compile_tiny(tiny_request(), root, resume=True)


def test_a_list_does_not_go_on_as_a_search_and_is_none_the_worse_for_the_attempt(tmp_path: Path) -> None:
    root, listed = tmp_path / "catalog", tiny_request(("prune", "int8"))
    whole = compile_tiny(listed, root)
    conditions = Conditions(1, time.perf_counter, lambda: DATE, QUICK)
    with pytest.raises(BadInput, match="cannot be resumed"):
        compile_catalog(listed, root, True, conditions, unobserved, SearchLimits(max_candidates=9))
    events: list[Event] = []
    again = compile_tiny(listed, root, resume=True, events=events)
    assert ids(again) == ids(whole)
    assert not [e for e in events if isinstance(e, CandidateStarted)]


def test_another_request_cannot_resume(tiny_catalog: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "catalog"))
    with pytest.raises(BadInput, match="tasks, models, settings or data changed since it was begun"):
        compile_tiny(replace(tiny_request(), seed=5), root, resume=True)
    open_catalog(root)


def test_a_folder_with_a_catalog_is_not_overwritten(tiny_catalog: Path) -> None:
    with pytest.raises(BadInput, match="complete it with --resume, or give another folder"):
        compile_tiny(tiny_request(), tiny_catalog)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    for resume in (False, True):
        with pytest.raises(BadInput, match="holds files that are no catalog"):
            compile_tiny(tiny_request(), tmp_path, resume)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_compiles_do_not_write_into_one_folder(tmp_path: Path) -> None:
    from catalog.compiler.begun_catalog import claimed

    with claimed(tmp_path / "c", resume=False), pytest.raises(BadInput, match="another process is compiling"):
        compile_tiny(tiny_request(), tmp_path / "c", resume=True)


def test_wrong_data_is_named_with_its_task(tmp_path: Path) -> None:
    request = tiny_request()
    assert request.tasks[0].data is not None
    lost = replace(request.tasks[0], data=replace(request.tasks[0].data, source=str(tmp_path / "gone")))
    with pytest.raises(BadInput, match=r"task\.identity: .*gone: no such folder"):
        compile_tiny(replace(request, tasks=(lost, request.tasks[1])), tmp_path / "c")


def test_after_wrong_data_the_same_command_starts_again(tmp_path: Path) -> None:
    request = tiny_request()
    assert request.tasks[0].data is not None
    lost = replace(request.tasks[0], data=replace(request.tasks[0].data, source=str(tmp_path / "gone")))
    for _ in range(2):
        with pytest.raises(BadInput, match="no such folder"):
            compile_tiny(replace(request, tasks=(lost, request.tasks[1])), tmp_path / "c")


def test_no_jobs_are_no_compile(tmp_path: Path) -> None:
    conditions = Conditions(0, lambda: 0.0, lambda: DATE)
    with pytest.raises(BadInput, match="jobs 0: expected at least 1"):
        compile_catalog(tiny_request(), tmp_path / "c", False, conditions, unobserved)


def architecture(name: str, *techniques: str) -> ModelSpec:
    return ModelSpec(Architecture(f"tests.catalog.compiler.architectures:{name}"), techniques)


def test_a_failure_costs_its_own_trunk_and_what_starts_from_it(tmp_path: Path) -> None:
    models = (
        architecture("diverging", "int8"),
        architecture("mistaken"),
        architecture("deadly"),
        architecture("fixed"),
        architecture("glaring"),
        architecture("disk_full"),
    )
    events: list[Event] = []
    made = compile_tiny(replace(tiny_request(), models=models), tmp_path / "c", events=events)
    assert list(made.trunks) == ["fixed-w100-d100-r16"]
    assert made.contents.compiled.complete
    reasons = made.contents.compiled.failed
    assert reasons == {e.candidate: e.reason for e in events if isinstance(e, CandidateFailed)}
    assert "diverged in epoch 1" in reasons["diverging-w100-d100-r16"]
    assert reasons["diverging-w100-d100-r16-int8"] == "starts from diverging-w100-d100-r16, which failed"
    assert reasons["mistaken-w100-d100-r16"].startswith("ZeroDivisionError: a slip of the author")
    assert "a slip" in (tmp_path / "c" / "failures" / "mistaken-w100-d100-r16.txt").read_text()
    assert "ended with status -9" in reasons["deadly-w100-d100-r16"]
    assert "features of identity are not finite as float16" in reasons["glaring-w100-d100-r16"]
    assert "cannot be written: File too large" in reasons["disk-full-w100-d100-r16"]


def test_a_compile_of_which_nothing_comes_fails(tmp_path: Path) -> None:
    request = replace(tiny_request(), models=(architecture("mistaken"),))
    with pytest.raises(RunFailed, match="no trunk could be made; mistaken-w100-d100-r16: ZeroDivisionError"):
        compile_tiny(request, tmp_path / "c")
    assert not open_catalog(tmp_path / "c").contents.compiled.complete


def test_an_observer_hears_of_the_plan_before_the_work(tiny_catalog: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "catalog"))
    events: list[Event] = []
    compile_tiny(tiny_request(), root, resume=True, events=events)
    planned = next(e for e in events if isinstance(e, Planned))
    assert planned.candidates == planned.done == (BASE, SHARED, INT8)
    assert not [e for e in events if isinstance(e, CandidateProgress)]
