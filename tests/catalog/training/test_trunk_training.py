from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from catalog.canonical import canonical_bytes
from catalog.errors import RunFailed
from catalog.graph_costs import describe_part
from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import Batch, drawn_view, shuffled
from catalog.training.convnet import convnet
from catalog.training.distillation import Distillation, Lesson
from catalog.training.export import export_parts
from catalog.training.pupil import FrozenParts
from catalog.training.schedule import Progress, Schedule
from catalog.training.trunk_training import make_deterministic, seed_of, train_parts


def bright_or_dark(count: int = 64) -> LabelledWindows:
    labels = np.arange(count) % 2
    noise = np.random.default_rng(0).integers(0, 60, (count, 16, 16, 3))
    return LabelledWindows((noise + 150 * labels[:, None, None, None]).astype(np.uint8), labels)


class ToPlanes(nn.Module):
    """Windows as planes in [0, 1]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 3, 1, 2).contiguous().float() / 255.0


def trained(epochs: int = 2, rate: float = 4e-3) -> tuple[list[nn.Module], list[Progress]]:
    make_deterministic(5)
    parts = convnet(16, width=0.25, depth=0.33)
    told: list[Progress] = []
    head = nn.Linear(8, 2)
    rng = np.random.default_rng(0)
    train_parts(parts, head, bright_or_dark(), Schedule(epochs, rate), rng, told.append)
    return parts, told


def weights(parts: list[nn.Module]) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for part in parts for p in part.parameters()])


def test_it_learns_and_reports_every_epoch() -> None:
    _, told = trained(epochs=6)
    assert [(p.epoch, p.epochs) for p in told] == [(k, 6) for k in range(1, 7)]
    assert told[-1].loss < told[0].loss
    assert told[-1].accuracy > 0.9


def test_the_same_seed_gives_the_same_weights_to_the_last_bit() -> None:
    np.testing.assert_array_equal(weights(trained()[0]), weights(trained()[0]))


def test_parts_are_left_ready_to_use() -> None:
    assert not any(part.training for part in trained()[0])


def test_pooled_and_flattened_parts_can_be_exported_after_training() -> None:
    parts = [ToPlanes(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())]
    train_parts(
        parts, nn.Linear(4, 2), bright_or_dark(), Schedule(1), np.random.default_rng(0), lambda _: None
    )
    (_, graph) = export_parts(parts, torch.from_numpy(bright_or_dark(4).windows))
    part = describe_part(canonical_bytes(graph), "pooled")
    assert (part.output_shape, part.macs) == ((4,), 14 * 14 * 4 * 27)


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    with pytest.raises(RunFailed, match="diverged in epoch 1"):
        trained(rate=1e30)


def test_frozen_parts_come_before_and_stay() -> None:
    calls: list[tuple[int, ...]] = []

    def frozen(windows: np.ndarray) -> np.ndarray:
        calls.append(windows.shape)
        return windows.astype(np.float32).mean(axis=(1, 2))

    make_deterministic(0)
    head = nn.Linear(3, 2)
    train_parts(
        [nn.BatchNorm1d(3)],
        head,
        bright_or_dark(),
        Schedule(1),
        np.random.default_rng(0),
        lambda _: None,
        frozen,
    )
    assert calls[-2:] == [(32, 16, 16, 3), (32, 16, 16, 3)]


def test_a_candidates_seed_depends_on_its_name_and_the_seed() -> None:
    assert seed_of("a", 0) == seed_of("a", 0)
    assert len({seed_of("a", 0), seed_of("b", 0), seed_of("a", 1)}) == 3


def test_a_training_uses_one_thread() -> None:
    make_deterministic(0)
    assert torch.get_num_threads() == 1


class Listening:
    """A teacher that says nothing and notes which views it is asked about."""

    def __init__(self) -> None:
        self.views: list[str] = []

    def __call__(self, batch: Batch) -> Lesson:
        self.views.append(batch.view.name)
        return Lesson(np.zeros((len(batch.rows), 3), np.float32), np.zeros((len(batch.rows), 2), np.float32))


def colours(windows: np.ndarray) -> np.ndarray:
    return windows.astype(np.float32).mean(axis=(1, 2)) / 255.0


def train_colours(
    epochs: int, data: LabelledWindows, frozen: FrozenParts, teacher: Listening | None = None
) -> None:
    """Train on windows that fit into one batch."""
    make_deterministic(0)
    lesson = None if teacher is None else Distillation(teacher)
    schedule, rng = Schedule(epochs, batch=len(data)), np.random.default_rng(1)
    train_parts(
        [nn.BatchNorm1d(3)], nn.Linear(3, 2), data, schedule, rng, lambda _: None, frozen, None, lesson, 4
    )


ALTERNATING = [f"{n}-mixed" if n % 2 else f"{n}" for n in range(16)]


@pytest.mark.parametrize(
    ("epochs", "views"),
    [
        (2, ["0", "1"]),
        (8, [f"{n}" for n in range(8)]),
        (9, ALTERNATING[:9]),
        (18, [*ALTERNATING, "0", "1-mixed"]),
    ],
)
def test_a_short_taught_training_shows_plain_views_and_a_longer_one_mixes_every_other(
    epochs: int, views: list[str]
) -> None:
    teacher = Listening()
    train_colours(epochs, bright_or_dark(8), colours, teacher)
    assert teacher.views == views


def test_without_a_teacher_each_pass_shows_a_view_of_its_own_and_none_is_mixed() -> None:
    data, shown = bright_or_dark(8), []

    def noted(windows: np.ndarray) -> np.ndarray:
        shown.append(windows)
        return colours(windows)

    train_colours(18, data, noted)
    rng = np.random.default_rng(1)
    expected = [next(shuffled(data, 8, rng, drawn_view(n, data, seed=4))).windows for n in range(18)]
    np.testing.assert_array_equal(shown[-18:], expected)
