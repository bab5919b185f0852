from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from catalog.backends.protocol import LoadedPart
from catalog.backends.table import open_backend
from catalog.errors import BackendError, CatalogError
from catalog.preprocessing import resize
from catalog.store import Catalog, open_catalog
from cloud.answering import jobs_of, whole_answer
from cloud.hosting import HostedCatalog
from cloud.messages import ClassifyCall, OfferedVariant
from cloud.refusals import BadRequest, DoesNotFit, UnknownVariant
from cloud.tree_run import Job
from engine.offload import OffloadedAnswer, Question

MOST_WINDOWS = 16
QUESTIONS = (
    Question("who", "wide/identity"),
    Question("even", "wide/parity"),
    Question("cheap", "narrow/identity"),
    Question("tiny", "small/parity"),
)


class CountingBackend:
    """onnxruntime, counting how often each part is loaded and run."""

    name = "counting"

    def __init__(self) -> None:
        self._real = open_backend("onnxruntime")
        self.loaded: list[str] = []
        self.batches: list[tuple[str, int]] = []

    def load(self, path: Path) -> LoadedPart:
        self.loaded.append(path.stem)
        part = self._real.load(path)

        def run(inputs):
            self.batches.append((path.stem, len(inputs)))
            return part(inputs)

        return run


def windows(count: int, size: int = 16) -> list[np.ndarray]:
    return list(np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8))


def jobs_asking(
    host: HostedCatalog, questions: Sequence[Question], given: Sequence[np.ndarray], most: int = MOST_WINDOWS
) -> list[Job]:
    walks = host.walks(questions)
    trees = [host.tree(w.root) for w in walks]
    stacks = [np.stack([resize(w, t.size_px, t.input_type.resize) for w in given]) for t in trees]
    return jobs_of(walks, stacks, most)


def answered(
    host: HostedCatalog, questions: Sequence[Question], given: Sequence[np.ndarray], most: int = MOST_WINDOWS
) -> tuple[tuple[OffloadedAnswer, ...], ...]:
    """Each job of a request in a batch of its own, put together."""
    outcomes = [host.run([job]).outcomes[0] for job in jobs_asking(host, questions, given, most)]
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return whole_answer(ClassifyCall("r", tuple(questions), (), 1.0), outcomes, 1.0).answers


def answers_one_by_one(catalog: Catalog, variant_id: str, given: list[np.ndarray]) -> list[OffloadedAnswer]:
    """The plain way: every part of the variant on every window alone."""
    variant = catalog.variants[variant_id]
    trunk = catalog.trunks[variant.trunk]
    classes = catalog.tasks[variant.task].classes
    rule = catalog.input_types[trunk.input_type].resize
    backend = open_backend("onnxruntime")
    answers = []
    for window in given:
        values = resize(window, trunk.size_px, rule)[np.newaxis]
        for part in trunk.parts:
            values = backend.load(catalog.part_path(part))(values)
        confidences = catalog.head_weights(variant.head).confidences(values)[0]
        best = int(confidences.argmax())
        answers.append(OffloadedAnswer(classes[best], float(confidences[best])))
    return answers


def test_every_question_gets_the_answer_that_its_variant_gives_alone(
    opened: Catalog, hosted: HostedCatalog
) -> None:
    given = windows(5, 16) + windows(2, 23)
    rows = answered(hosted, QUESTIONS, given, most=4)
    for question, row in zip(QUESTIONS, rows, strict=True):
        expected = answers_one_by_one(opened, question.variant, given)
        assert [a.class_name for a in row] == [a.class_name for a in expected]
        assert [a.confidence for a in row] == pytest.approx([a.confidence for a in expected], abs=1e-5)


def test_jobs_of_different_requests_run_together_and_each_gets_its_own_answers(
    opened: Catalog,
) -> None:
    backend = CountingBackend()
    host = HostedCatalog(opened, backend, math.inf, MOST_WINDOWS)
    asked = [
        ((Question("a", "wide/identity"),), windows(3)),
        ((Question("b", "narrow/parity"), Question("c", "wide/parity")), windows(2)),
        ((Question("d", "narrow/identity"),), windows(1)),
        ((Question("e", "wide/identity"),), windows(4)),
    ]
    jobs = [jobs_asking(host, questions, given)[0] for questions, given in asked]
    outcomes = host.run(jobs).outcomes
    shared, wide = opened.trunks["wide"].parts
    narrow = opened.trunks["narrow"].parts[1]
    assert sorted(backend.batches[3:]) == sorted([(shared, 10), (wide, 9), (narrow, 3)])
    assert sum(o.execution_s for o in outcomes) > 0.0
    for (questions, given), outcome in zip(asked, outcomes, strict=True):
        assert outcome.batch_windows == 10
        for i, question in enumerate(questions):
            expected = answers_one_by_one(opened, question.variant, given)
            assert [a.class_name for a in outcome.rows[i]] == [a.class_name for a in expected]
            found = [a.confidence for a in outcome.rows[i]]
            assert found == pytest.approx([a.confidence for a in expected], abs=1e-5)
    host.close()


def test_a_damaged_part_fails_only_the_jobs_that_need_it(small_catalog: Path, tmp_path: Path) -> None:
    opened = open_catalog(Path(shutil.copytree(small_catalog, tmp_path / "copy")))
    opened.part_path(opened.trunks["wide"].parts[1]).write_bytes(b"overwritten")
    opened.head_path(opened.variants["narrow/parity"].head).write_bytes(b"overwritten")
    host = HostedCatalog(opened, open_backend("onnxruntime"), math.inf, MOST_WINDOWS)
    asked = ("wide/identity", "narrow/identity", "narrow/parity", "narrow/identity")
    jobs = [jobs_asking(host, (Question("a", variant),), windows(1))[0] for variant in asked]
    failed, well, damaged, well_too = host.run(jobs).outcomes
    assert isinstance(failed, BackendError)
    assert isinstance(damaged, CatalogError)
    assert len(well.rows[0]) == len(well_too.rows[0]) == 1
    assert well.batch_windows == 2
    host.close()


def test_shared_parts_are_loaded_once_and_run_once_a_batch(opened: Catalog) -> None:
    backend = CountingBackend()
    host = HostedCatalog(opened, backend, math.inf, batch_windows=4)
    parts = {p for name in ("wide", "narrow", "small") for p in opened.trunks[name].parts}
    answered(host, QUESTIONS, windows(1), most=4)
    assert sorted(backend.loaded) == sorted(parts)
    backend.batches.clear()
    answered(host, QUESTIONS, windows(10), most=4)
    assert sorted(backend.batches) == sorted((p, n) for p in parts for n in (4, 4, 2))
    host.close()


def test_parts_leave_memory_for_others_and_the_limit_holds(opened: Catalog) -> None:
    backend = CountingBackend()
    limit_bytes = 300_000
    host = HostedCatalog(opened, backend, limit_bytes, batch_windows=16)
    for variant in ("small/identity", "narrow/identity", "small/identity", "narrow/identity"):
        answered(host, (Question("a", variant),), windows(1))
        assert host.memory.resident_bytes <= limit_bytes
    assert len(backend.loaded) == 4
    assert (host.memory.loads, host.memory.evictions, host.memory.failed_loads) == (6, 0, 0)
    narrow_bytes = host.memory.resident_bytes
    tight = HostedCatalog(opened, backend, narrow_bytes - 1, batch_windows=16)
    backend.loaded.clear()
    for _ in range(2):
        answered(tight, (Question("a", "small/identity"),), windows(1))
        with pytest.raises(DoesNotFit, match="wide/identity: needs more memory"):
            answered(tight, (Question("a", "wide/identity"),), windows(1))
        assert tight.memory.resident_bytes < narrow_bytes
    assert tight.memory.loads > 0
    host.close()
    tight.close()
    assert host.memory.resident_bytes == 0


def test_what_does_not_fit_together_runs_one_after_the_other(opened: Catalog) -> None:
    whole = HostedCatalog(opened, open_backend("onnxruntime"), math.inf, MOST_WINDOWS)
    answered(whole, (Question("a", "wide/identity"),), windows(1))
    host = HostedCatalog(opened, open_backend("onnxruntime"), whole.memory.resident_bytes, MOST_WINDOWS)
    asked = ("wide/identity", "narrow/identity", "wide/identity")
    jobs = [jobs_asking(host, (Question("a", variant),), windows(1))[0] for variant in asked]
    assert [o.batch_windows for o in host.run(jobs).outcomes] == [2, 1, 2]
    assert host.memory.resident_bytes <= whole.memory.resident_bytes
    host.close()
    whole.close()


def test_an_unknown_variant_is_refused_before_anything_is_loaded(hosted: HostedCatalog) -> None:
    with pytest.raises(UnknownVariant, match="'wide/other'"):
        hosted.walks((Question("who", "wide/identity"), Question("x", "wide/other")))
    assert hosted.memory.resident_bytes == 0


def test_questions_about_different_input_types_are_refused(two_inputs: Catalog) -> None:
    host = HostedCatalog(two_inputs, open_backend("onnxruntime"), math.inf, 1)
    with pytest.raises(BadRequest, match=r"about input types \['digit', 'letter'\]: expected one"):
        host.walks((Question("a", "wide/identity"), Question("b", "wide/letters")))
    host.close()


def test_the_listing_names_what_the_catalog_holds(opened: Catalog, hosted: HostedCatalog) -> None:
    listing = hosted.listing()
    assert listing.input_types == opened.contents.input_types
    assert [(t.name, t.classes) for t in listing.tasks] == [
        (t.name, t.classes) for t in opened.contents.tasks
    ]
    assert [t.part_ids for t in listing.trunks] == [t.parts for t in opened.contents.trunks]
    first = opened.contents.variants[0]
    assert listing.variants[0] == OfferedVariant(
        first.id, first.task, first.trunk, first.head, first.validation_accuracy
    )
