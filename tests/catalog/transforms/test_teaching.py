from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.errors import RunFailed
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.store import head_to_bytes
from catalog.training.batches import Batch, drawn_view, shuffled
from catalog.transforms.recipe import Bench, Effort, StoredTrunk
from catalog.transforms.starting import starting_head
from catalog.transforms.teaching import taught_by
from tests.catalog.graphs import features_part, normal, pixels_part, save

FIRST = HeadWeights(normal(0, 2, 6), normal(1, 2), 1.0)
SECOND = HeadWeights(normal(2, 3, 6), normal(3, 3), 1.5)


def stored(folder: Path) -> StoredTrunk:
    parts = tuple(save(p, folder / f"{k}.onnx") for k, p in enumerate([pixels_part(), features_part()]))
    heads = []
    for k, head in enumerate((FIRST, SECOND)):
        heads.append(folder / f"{k}.safetensors")
        heads[k].write_bytes(head_to_bytes(head))
    return StoredTrunk(8, parts, heads[0], (heads[1],))


def windows(side: int) -> LabelledWindows:
    small = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    return LabelledWindows(small.repeat(side // 8, 1).repeat(side // 8, 2), np.arange(20))


def bench(side: int) -> Bench:
    return Bench(1, side, 5, windows(side), Effort(), lambda _: pytest.fail("starts from none"), print)


def batches(data: LabelledWindows, view: int, mixed: bool = False) -> list[Batch]:
    return list(shuffled(data, 8, np.random.default_rng(0), drawn_view(view, data, 0, mixed)))


def test_a_teacher_answers_for_the_tasks_of_all_its_heads(tmp_path: Path) -> None:
    trunk = stored(tmp_path)
    chain = PartChain(OnnxruntimeBackend(), trunk.parts)
    lesson = taught_by(trunk, bench(8))
    for batch in batches(windows(8), view=0):
        features = chain(batch.windows)
        expected = [features @ head.weight.T + head.bias for head in (FIRST, SECOND)]
        said = lesson.teacher(batch)
        np.testing.assert_allclose(said.logits, np.concatenate(expected, axis=1), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(said.features, features, rtol=1e-4, atol=1e-4)
    assert starting_head(trunk).weight.shape == (5, 6)


def test_a_teacher_reads_the_same_windows_at_its_own_side(tmp_path: Path) -> None:
    at_16 = replace(bench(16), data_at=windows)
    chain = PartChain(OnnxruntimeBackend(), stored(tmp_path).parts)
    lesson = taught_by(stored(tmp_path), at_16)
    batch = batches(at_16.data, view=0)[0]
    seen = batch.view.variation.of(batch.rows)(windows(8).windows[batch.rows])
    head = starting_head(stored(tmp_path))
    np.testing.assert_allclose(
        lesson.teacher(batch).logits, chain(seen) @ head.weight.T + head.bias, rtol=1e-4, atol=1e-4
    )


def test_a_teacher_looks_at_each_view_once_however_many_learn_from_it(tmp_path: Path) -> None:
    trunk, here = stored(tmp_path), replace(bench(8), answers=tmp_path / "answers")
    answers = {}
    for view in (0, 1, 0):
        teacher = taught_by(trunk, here).teacher
        answers[view] = np.concatenate([teacher(batch).logits for batch in batches(here.data, view)])
    assert not np.array_equal(answers[0], answers[1])
    assert sorted(f.name for f in here.answers.glob("*/*")) == ["0.features.npy", "1.features.npy"]  # type: ignore[union-attr]

    later = replace(here, data=LabelledWindows(np.zeros_like(here.data.windows), here.data.labels))
    teacher = taught_by(trunk, later).teacher
    remembered = np.concatenate([teacher(batch).logits for batch in batches(here.data, view=1)])
    np.testing.assert_array_equal(remembered, answers[1])


def test_what_a_teacher_answers_does_not_depend_on_who_asked_before(tmp_path: Path) -> None:
    """Bit for bit: a compile that is resumed makes the same trunks."""
    trunk = stored(tmp_path)
    first, second = (replace(bench(8), answers=tmp_path / name) for name in ("one", "two"))
    shown = {view: batches(first.data, view) for view in (0, 1)}
    forward, backward = taught_by(trunk, first).teacher, taught_by(trunk, second).teacher
    in_order = {view: [forward(b).logits for b in shown[view]] for view in (0, 1)}
    reversed_ = {view: [backward(b).logits for b in shown[view][::-1]][::-1] for view in (1, 0)}
    for view in (0, 1):
        np.testing.assert_array_equal(np.concatenate(in_order[view]), np.concatenate(reversed_[view]))


def test_a_teacher_without_windows_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no windows of 8 px"):
        taught_by(stored(tmp_path), bench(16))


@pytest.mark.parametrize("side", [8, 16])
def test_a_teacher_answers_what_its_student_is_shown_where_windows_are_mixed(
    tmp_path: Path, side: int
) -> None:
    here = replace(bench(side), data_at=windows)
    teacher = taught_by(stored(tmp_path), here).teacher
    chain = PartChain(OnnxruntimeBackend(), stored(tmp_path).parts)
    for batch in batches(here.data, view=1, mixed=True):
        assert batch.view.mixture is not None
        assert batch.view.mixture.of(batch.rows).is_mixed.any()
        seen = batch.windows if side == 8 else batch.view.shown(windows(8).windows, batch.rows)
        np.testing.assert_allclose(teacher(batch).features, chain(seen), rtol=1e-4, atol=1e-4)


def test_what_is_kept_of_a_view_is_not_taken_for_the_mixed_one_of_its_number(tmp_path: Path) -> None:
    trunk, here = stored(tmp_path), replace(bench(8), answers=tmp_path / "answers")
    shown = [batches(here.data, view=1, mixed=mixed) for mixed in (False, True)]
    teacher = taught_by(trunk, here).teacher
    plain, mixed = (np.concatenate([teacher(batch).features for batch in of_view]) for of_view in shown)
    assert not np.array_equal(plain, mixed)
    kept = sorted(f.name for f in here.answers.glob("*/*"))  # type: ignore[union-attr]
    assert kept == ["1-mixed.features.npy", "1.features.npy"]

    blank = replace(here, data=LabelledWindows(np.zeros_like(here.data.windows), here.data.labels))
    for of_view, said in zip(shown, (plain, mixed), strict=True):
        later = taught_by(trunk, blank).teacher
        np.testing.assert_array_equal(np.concatenate([later(batch).features for batch in of_view]), said)
