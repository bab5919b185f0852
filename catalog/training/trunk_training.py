"""Training the parts of a trunk together with a first head."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from catalog.errors import RunFailed
from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import View, drawn_view, shuffled
from catalog.training.distillation import Distillation
from catalog.training.joint_loss import joint_cross_entropy, right_answers
from catalog.training.joint_tasks import JointTasks, alone
from catalog.training.pupil import FrozenParts, Pupil
from catalog.training.schedule import Progress, Schedule

_TAUGHT_VIEWS = 16  # then they come again: a teacher looks at each once; every other one is mixed
_PLAIN_VIEWS = 8  # in so few passes windows are not learned by heart, and mixing harms
_STEPS_WITHOUT_RISE = 3  # a quarter of them is a phase of no length, by which the scheduler divides


class TrainingDiverged(RunFailed):
    """The loss is no longer a finite number."""


def seed_of(name: str, seed: int) -> int:
    """Return a candidate's own seed: it depends on no other candidate and on no order of work."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:6], "big")


def make_deterministic(seed: int) -> None:
    """Make what follows in this process repeatable: seeded, one thread, deterministic operators."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def train_parts(
    parts: Sequence[nn.Module],
    head: nn.Linear,
    data: LabelledWindows,
    schedule: Schedule,
    rng: np.random.Generator,
    report: Callable[[Progress], None],
    frozen: FrozenParts | None = None,
    tasks: JointTasks | None = None,
    distillation: Distillation | None = None,
    views_seed: int = 0,
) -> None:
    """Train parts and a head in place by cross-entropy; the parts are left in evaluation mode.

    Args:
        parts: modules in order; the last gives (N, D).
        head: (N, D) -> (N, C); may be pre-set.
        data: windows at the trunk's side.
        schedule: how long and how fast.
        rng: orders the windows.
        report: called after each epoch.
        frozen: stored parts that come before and are not trained.
        tasks: whose labels the data has; None for one task.
        distillation: from which larger trunk to learn besides; None for labels alone.
        views_seed: of the views that the passes show, see drawn_view.

    Raises:
        TrainingDiverged: the loss became infinite or not a number.
    """
    trunk = nn.Sequential(*parts)
    model = nn.Sequential(trunk, head)
    trained = alone(head.out_features) if tasks is None else tasks
    sample = np.array(data.windows[:1])
    _lay_out(model, torch.from_numpy(sample if frozen is None else frozen(sample)))
    pupil = None if distillation is None else Pupil(trunk, distillation, data, frozen, views_seed)
    model.train()
    steps = -(-len(data) // schedule.batch) * schedule.epochs
    weights = [*model.parameters(), *([] if pupil is None else pupil.parameters())]
    optimiser = torch.optim.AdamW(weights, schedule.peak_rate, weight_decay=schedule.weight_decay)
    rising = 0.25 if steps != _STEPS_WITHOUT_RISE else 0.5
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.peak_rate, total_steps=steps + 1, pct_start=rising
    )
    for epoch in range(1, schedule.epochs + 1):
        tally = _Tally()
        for batch in shuffled(
            data, schedule.batch, rng, _view(epoch, schedule, data, views_seed, pupil is not None)
        ):
            inputs = torch.from_numpy(batch.windows if frozen is None else frozen(batch.windows))
            targets = torch.from_numpy(batch.labels)
            features = trunk(inputs)  # (N, D)
            logits = head(features)  # (N, C)
            loss = joint_cross_entropy(logits, targets, trained)
            if pupil is not None:
                loss = pupil.loss(loss, features, logits, batch, trained)
            if not bool(torch.isfinite(loss)):
                raise TrainingDiverged(f"training diverged in epoch {epoch}: loss {loss.item()}")
            optimiser.zero_grad()
            torch.autograd.backward([loss])
            optimiser.step()
            cycle.step()
            tally.add(loss, *right_answers(logits.detach(), targets, trained))
        report(Progress(epoch, schedule.epochs, tally.loss, tally.accuracy))
    model.eval()
    # The exporter would take a pooled map in that layout for a view that gathers from an open axis.
    _set_layout(model, torch.contiguous_format)


def _view(epoch: int, schedule: Schedule, data: LabelledWindows, seed: int, taught: bool) -> View:
    number = (epoch - 1) % _TAUGHT_VIEWS if taught else epoch - 1
    mixes = taught and schedule.epochs > _PLAIN_VIEWS
    return drawn_view(number, data, seed, mixed=mixes and number % 2 == 1)


def _lay_out(model: nn.Module, sample: Tensor) -> None:
    """Lay filters out as the windows are, channels last: up to a third faster on processors.

    A module that calls view on maps cannot be run that way; then filters stay as they were.
    """
    _set_layout(model, torch.channels_last)
    model.eval()
    try:
        with torch.no_grad():
            model(sample)
    except RuntimeError:
        _set_layout(model, torch.contiguous_format)


def _set_layout(model: nn.Module, layout: torch.memory_format) -> None:
    for weights in model.parameters():
        if weights.ndim == 4:
            weights.data = weights.data.contiguous(memory_format=layout)


class _Tally:
    """Sums of one epoch."""

    def __init__(self) -> None:
        self._loss = 0.0
        self._right = 0
        self._seen = 0

    def add(self, loss: Tensor, right: int, seen: int) -> None:
        self._loss += float(loss.detach()) * seen
        self._right += right
        self._seen += seen

    @property
    def loss(self) -> float:
        return self._loss / max(self._seen, 1)

    @property
    def accuracy(self) -> float:
        return self._right / max(self._seen, 1)
