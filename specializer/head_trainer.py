"""What trains heads for the classes that dominate: its verb, the values, and the one that trains nothing."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from specializer.cascade_threshold import CascadeAim
from specializer.errors import NotTrainable
from specializer.special_head import SpecialHead
from specializer.training_effort import TrainingEffort


@dataclass(frozen=True, slots=True)
class SecondOrder:
    """A second head that may be made with the first.

    Args:
        trunk: name in the catalog, of a slower and more accurate trunk.
        cost: of a window with it, as a share of the generic model's.
    """

    trunk: str
    cost: float


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """A head that is wanted.

    Args:
        trunk: name in the catalog of the trunk whose features the head reads.
        task: name in the catalog.
        dominant: class ids of the task, at least one, all different.
        seed: of the rows that are drawn; the same order gives the same head.
        deadline_s: for how long a head is of use, from now; positive and finite.
        aim: what the head is for.
        generic_trunk: name of the trunk of the model that answers what the head passes on, whose stored
            features tell how it does on just that; "" where it is not known.
        second: what a second head may be on; None where there is nothing. A place that makes none gives
            the first alone.
    """

    trunk: str
    task: str
    dominant: tuple[int, ...]
    seed: int
    deadline_s: float
    aim: CascadeAim
    generic_trunk: str = ""
    second: SecondOrder | None = None


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """A head and what it took.

    Args:
        head: passed its validation.
        took_s: from the order to the head.
        processor_s: of the training, on the machine where it ran.
        up_bytes: sent for it; 0 where it was trained here.
        down_bytes: received for it; likewise.
        in_vain: what other places took before that gave none.
    """

    head: SpecialHead
    took_s: float
    processor_s: float
    up_bytes: int = 0
    down_bytes: int = 0
    in_vain: tuple[TrainingEffort, ...] = ()

    @property
    def effort(self) -> TrainingEffort:
        """What it took where it was made."""
        return TrainingEffort(self.processor_s, self.up_bytes, self.down_bytes)


class HeadTrainer(Protocol):
    """Trains heads somewhere else than in the caller's thread; may be used by several threads at once."""

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        """Take an order and return at once; never raises.

        The future ends with a result, or with TrainingFailed, by the order's deadline; both tell what
        the order took. Cancelled before its turn, an order is not trained and took nothing. Later its
        future cannot be cancelled, as that has to be told; to try ends the order early where it can be.
        What is done with the future runs in a thread of the trainer's and should be quick.
        """

    def close(self) -> None:
        """End the orders under way with TrainerBroke, and what trains them."""


class NoHeadTrainer:
    """Where no head can be trained.

    Args:
        why: told with every order.
    """

    def __init__(self, why: str = "specialization is off") -> None:
        self._why = why

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        """Fail; see HeadTrainer."""
        failed: Future[TrainingResult] = Future()
        failed.set_exception(NotTrainable(f"head of {order.trunk}/{order.task}: {self._why}"))
        return failed

    def close(self) -> None:
        """There is nothing to close; see HeadTrainer."""
