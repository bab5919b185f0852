from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import Batch
from catalog.training.convnet import convnet
from catalog.training.distillation import Distillation, Lesson, feature_loss, soft_target_loss
from catalog.training.joint_tasks import JointTasks, alone
from catalog.training.schedule import Schedule
from catalog.training.trunk_training import make_deterministic, train_parts


def logits(seed: int, rows: int = 4, classes: int = 5) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, classes), dtype=np.float32))


@given(st.integers(0, 99), st.floats(1.0, 20.0))
def test_only_a_student_that_answers_as_its_teacher_has_no_loss(seed: int, temperature: float) -> None:
    taught = logits(seed)
    same = soft_target_loss(taught + 3.0, taught, alone(5), temperature)
    other = soft_target_loss(logits(seed + 100), taught, alone(5), temperature)
    assert float(same) == pytest.approx(0.0, abs=1e-4)
    assert float(other) > float(same)


def test_the_gradient_at_high_temperature_is_that_of_matching_logits() -> None:
    """Hinton et al., section 2.1, equation 4: (z - v) / C, for logits of mean zero in each row."""
    student = (logits(0) - logits(0).mean(1, keepdim=True)).requires_grad_()
    taught = logits(1) - logits(1).mean(1, keepdim=True)
    soft_target_loss(student, taught, alone(5), 1000.0).backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    expected = (student - taught).detach() / (4 * 5)
    torch.testing.assert_close(student.grad, expected, rtol=1e-2, atol=1e-4)


def test_the_answers_to_each_task_are_compared_by_themselves() -> None:
    student, taught = logits(0), logits(1)
    both = soft_target_loss(student, taught, JointTasks((2, 3), (1.0, 0.5)), 2.0)
    first = soft_target_loss(student[:, :2], taught[:, :2], alone(2), 2.0)
    second = soft_target_loss(student[:, 2:], taught[:, 2:], alone(3), 2.0)
    torch.testing.assert_close(both, first + 0.5 * second)


def test_teacher_and_labels_share_the_loss() -> None:
    student, taught = logits(0), logits(1)
    lesson = Lesson(logits(2).numpy(), taught.numpy())
    soft = soft_target_loss(student, taught, alone(5), 2.0)
    learned = Distillation(lambda _: lesson, temperature=2.0, share=0.25)
    blended = learned.blended(torch.tensor(8.0), student, lesson, alone(5))
    torch.testing.assert_close(blended, 6.0 + 0.25 * soft)


def test_a_student_learns_from_its_teacher_what_the_labels_do_not_tell() -> None:
    """The labels say nothing about the windows; the teacher knows which are bright."""
    bright = np.arange(96) % 2
    noise = np.random.default_rng(0).integers(0, 60, (96, 16, 16, 3))
    windows = (noise + 150 * bright[:, None, None, None]).astype(np.uint8)
    data = LabelledWindows(windows, np.random.default_rng(1).integers(0, 2, 96))

    def teacher(batch: Batch) -> Lesson:
        seen = batch.windows.mean(axis=(1, 2, 3)) > 100
        said = np.stack([np.where(seen, -3.0, 3.0), np.where(seen, 3.0, -3.0)], axis=1).astype(np.float32)
        return Lesson(said, said)

    make_deterministic(5)
    parts, head = convnet(16, width=0.25, depth=0.33), nn.Linear(8, 2)
    lesson = Distillation(teacher, share=0.9)
    rng = np.random.default_rng(0)
    train_parts(parts, head, data, Schedule(8), rng, lambda _: None, distillation=lesson)
    with torch.no_grad():
        answers = nn.Sequential(*parts, head)(torch.from_numpy(windows)).argmax(1).numpy()
    assert (answers == bright).mean() > 0.9
    assert (data.labels == bright).mean() < 0.7


@given(st.integers(0, 99), st.floats(0.1, 10.0))
def test_features_that_point_the_same_way_have_no_loss(seed: int, length: float) -> None:
    taught = logits(seed)
    assert float(feature_loss(length * taught, taught)) == pytest.approx(0.0, abs=1e-5)
    assert float(feature_loss(-taught, taught)) == pytest.approx(2.0, abs=1e-5)
    assert 0.0 < float(feature_loss(logits(seed + 100), taught)) < 2.0
