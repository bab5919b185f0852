"""Why an order of a head gave none.

RunFailed
└── TrainingFailed     an order gave no head; what runs goes on as before
    ├── NotTrainable   it never can: trunk, task, stored features or rows of a class are missing
    ├── HeadRejected   a head was trained and failed its validation
    ├── TrainerBusy    too many orders wait; retry_after_s says when to come back
    ├── TrainingLate   the deadline passed
    └── TrainerBroke   what trains has ended, was lost or answered nonsense
"""

from __future__ import annotations

from typing import Self

from catalog.errors import RunFailed
from specializer.training_effort import TrainingEffort


class TrainingFailed(RunFailed):
    """An order gave no head; what it took all the same is in efforts, one for each place that tried."""

    efforts: tuple[TrainingEffort, ...] = ()

    @property
    def processor_s(self) -> float:
        """Processor time that it took all the same, wherever that was."""
        return sum(e.processor_s for e in self.efforts)

    def took(self, *efforts: TrainingEffort) -> Self:
        """Note what it took all the same, in place of what was known of that."""
        self.efforts = efforts
        return self


class NotTrainable(TrainingFailed):
    """Name what is missing; the same order fails again.

    Args:
        message: holds no path, so that it may be told to other machines.
        detail: for who looks after this one.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(f"{message}: {detail}" if detail else message)
        self.message = message
        self.detail = detail


class HeadRejected(TrainingFailed):
    """Say which figure of the trained head was too poor.

    Args:
        processor_s: of the machine that trained it.
    """

    def __init__(self, message: str, processor_s: float = 0.0) -> None:
        super().__init__(message)
        self.took(TrainingEffort(processor_s))


class TrainerBusy(TrainingFailed):
    """Too many orders wait.

    Args:
        retry_after_s: when there should be room.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TrainingLate(TrainingFailed):
    """The deadline passed before there was a head."""


class TrainerBroke(TrainingFailed):
    """What trains has ended, was lost or answered nonsense; the next order finds a new one."""
