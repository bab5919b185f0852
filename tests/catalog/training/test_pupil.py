from __future__ import annotations

import numpy as np
import torch
from torch import nn

from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import Batch, drawn_view, shuffled
from catalog.training.convnet import convnet
from catalog.training.distillation import Distillation, Lesson
from catalog.training.joint_tasks import alone
from catalog.training.pupil import Pupil
from catalog.training.schedule import Schedule
from catalog.training.trunk_training import make_deterministic, train_parts

WIDTH = 6


class Sums(nn.Module):
    """Windows (N, S, S, 3) -> fixed mixtures of their rows, (N, D)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.mixture = torch.from_numpy(rng.standard_normal((24, features), dtype=np.float32))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return (windows.float().mean(2).flatten(1) / 127.5 - 1.0) @ self.mixture


def windows() -> LabelledWindows:
    rng = np.random.default_rng(1)
    return LabelledWindows(rng.integers(0, 256, (200, 8, 8, 3), dtype=np.uint8), rng.integers(0, 2, 200))


def knows(trunk: nn.Module, batch: Batch) -> Lesson:
    features = trunk(torch.from_numpy(batch.windows)).numpy()
    return Lesson(features, np.zeros((len(features), 2), np.float32))


def first_loss(student: nn.Module, teacher: nn.Module, weight: float) -> float:
    data = windows()
    lesson = Distillation(lambda b: knows(teacher, b), feature_weight=weight)
    pupil = Pupil(student, lesson, data, None, 0)
    batch = next(shuffled(data, 32, np.random.default_rng(5), drawn_view(1, data, 0)))
    features = student(torch.from_numpy(batch.windows))
    logits = torch.zeros(32, 2)
    return float(pupil.loss(torch.tensor(0.0), features, logits, batch, alone(2)).detach())


class Mixed(nn.Module):
    """Features of a trunk, mixed into others of which the same can be told."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        mixture = np.random.default_rng(3).standard_normal((WIDTH, WIDTH + 3), dtype=np.float32)
        self.trunk, self.mixture = trunk, torch.from_numpy(mixture)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.trunk(inputs) @ self.mixture
        return mixed


def test_features_of_another_size_are_compared_by_what_they_tell() -> None:
    teacher = Sums(WIDTH)
    assert first_loss(Mixed(teacher), teacher, 1.0) < 0.01
    assert first_loss(nn.Sequential(teacher, nn.Linear(WIDTH, 2)).requires_grad_(False), teacher, 1.0) > 0.02


def test_features_of_the_same_size_are_compared_as_they_are() -> None:
    teacher = Sums(WIDTH)
    assert first_loss(teacher, teacher, 1.0) < 1e-5
    turned = nn.Sequential(teacher, nn.Linear(WIDTH, WIDTH)).requires_grad_(False)
    assert first_loss(turned, teacher, 2.0) > 0.1
    assert first_loss(turned, teacher, 0.0) < 1e-5


def test_a_student_comes_closer_to_the_features_of_its_teacher() -> None:
    """Labels are chance and the teacher's answers are all alike: only its features say anything."""
    data = windows()
    make_deterministic(9)
    teacher = nn.Sequential(*convnet(8, width=0.25, depth=0.33)).eval().requires_grad_(False)
    angles = {}
    for weight in (0.0, 5.0):
        make_deterministic(3)
        parts, head = convnet(8, width=0.25, depth=0.33), nn.Linear(8, 2)
        lesson = Distillation(lambda b: knows(teacher, b), feature_weight=weight)
        train_parts(
            parts, head, data, Schedule(6), np.random.default_rng(0), lambda _: None, distillation=lesson
        )
        with torch.no_grad():
            shown = torch.from_numpy(data.windows)
            pair = (nn.Sequential(*parts)(shown), teacher(shown))
            angles[weight] = float(torch.cosine_similarity(*pair).mean())
    assert angles[5.0] > 0.9
    assert angles[5.0] > angles[0.0] + 0.1
