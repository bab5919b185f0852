from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from catalog.backends.protocol import LoadedPart
from catalog.backends.table import open_backend
from catalog.preprocessing import resize
from catalog.store import Catalog
from cloud.hosting import HostedCatalog
from cloud.messages import OfferedVariant
from cloud.refusals import BadRequest, DoesNotFit, UnknownVariant
from engine.offload import OffloadedAnswer, Question

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
    rows = hosted.answer(hosted.route(QUESTIONS), given)
    for question, row in zip(QUESTIONS, rows, strict=True):
        expected = answers_one_by_one(opened, question.variant, given)
        assert [a.class_name for a in row] == [a.class_name for a in expected]
        assert [a.confidence for a in row] == pytest.approx([a.confidence for a in expected], abs=1e-5)


def test_shared_parts_are_loaded_once_and_run_once_a_batch(opened: Catalog) -> None:
    backend = CountingBackend()
    host = HostedCatalog(opened, backend, math.inf, batch_windows=4)
    route = host.route(QUESTIONS)
    parts = {p for name in ("wide", "narrow", "small") for p in opened.trunks[name].parts}
    host.answer(route, windows(1))
    assert sorted(backend.loaded) == sorted(parts)
    backend.batches.clear()
    host.answer(route, windows(10))
    assert sorted(backend.batches) == sorted((p, n) for p in parts for n in (4, 4, 2))
    host.close()


def test_parts_leave_memory_for_others_and_the_limit_holds(opened: Catalog) -> None:
    backend = CountingBackend()
    limit_bytes = 300_000
    host = HostedCatalog(opened, backend, limit_bytes, batch_windows=16)
    for variant in ("small/identity", "narrow/identity", "small/identity", "narrow/identity"):
        host.answer(host.route((Question("a", variant),)), windows(1))
        assert host.resident_bytes <= limit_bytes
    assert len(backend.loaded) == 4
    narrow_bytes = host.resident_bytes
    tight = HostedCatalog(opened, backend, narrow_bytes - 1, batch_windows=16)
    backend.loaded.clear()
    for _ in range(2):
        for variant in ("small/identity", "wide/identity"):
            route = tight.route((Question("a", variant),))
            if variant == "wide/identity":
                with pytest.raises(DoesNotFit, match="wide/identity: needs more memory"):
                    tight.answer(route, windows(1))
            else:
                tight.answer(route, windows(1))
            assert tight.resident_bytes < narrow_bytes
    host.close()
    tight.close()
    assert host.resident_bytes == 0


def test_an_unknown_variant_is_refused_before_anything_is_loaded(hosted: HostedCatalog) -> None:
    with pytest.raises(UnknownVariant, match="'wide/other'"):
        hosted.route((Question("who", "wide/identity"), Question("x", "wide/other")))
    assert hosted.resident_bytes == 0


def test_questions_about_different_input_types_are_refused(two_inputs: Catalog) -> None:
    host = HostedCatalog(two_inputs, open_backend("onnxruntime"), math.inf, 1)
    with pytest.raises(BadRequest, match=r"about input types \['digit', 'letter'\]: expected one"):
        host.route((Question("a", "wide/identity"), Question("b", "wide/letters")))
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
