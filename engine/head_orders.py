"""Orders heads from a trainer, and books what their training takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from catalog.heads import HeadWeights
from engine.ledger import Category, Ledger
from engine.reservations import Refusal, Reservation
from engine.special_variants import SpecialVariant, special_variants
from specializer.cascade_threshold import CascadeAim
from specializer.errors import HeadRejected, NotTrainable, TrainingFailed
from specializer.head_trainer import HeadTrainer, SecondOrder, TrainingOrder, TrainingResult
from specializer.placed_trainer import FIRST_THERE
from specializer.policy import AIMED_SKEW, Active
from specializer.special_head import SpecialHead
from specializer.specialist import NotTrained, Trained
from specializer.training_effort import TrainingEffort
from specializer.training_place import TrainingCost, TrainingPrices

_DEADLINE_S = 30.0
_FIRST_GUESS_S = 0.5
_WORST = 3.0  # times what a head takes
_WEIGHT = 0.3


class TrainingAccount:
    """Reserves and charges trainings; shared by all orders of an engine.

    Args:
        ledger: of the device.
        prices: of training here and, where there is a server, there.
        head_s: processor time that a head is expected to take, until one was trained.
    """

    def __init__(self, ledger: Ledger, prices: TrainingPrices, head_s: float = _FIRST_GUESS_S) -> None:
        self._ledger = ledger
        self._prices = prices
        self._took_s = head_s
        self._under_way: list[tuple[Future[TrainingResult], Reservation]] = []
        self.heads = 0

    @property
    def head_s(self) -> float:
        """Processor time that a head is expected to take."""
        return self._took_s

    def hold(self, now: float) -> Reservation | Refusal:
        """Reserve the worst case of one head, wherever it is trained."""
        here = self._prices.here(TrainingEffort(_WORST * self._took_s))
        there = self._prices.there(FIRST_THERE.times(_WORST))
        return self._ledger.reserve(max(here.energy_j, there.energy_j), there.cost_usd, now)

    def follow(self, training: Future[TrainingResult], held: Reservation) -> None:
        """Settle a training once it has ended."""
        self._under_way.append((training, held))

    def settle(self, now: float) -> None:
        """Charge what has ended, whether its head is still wanted or not."""
        if not any(training.done() for training, _ in self._under_way):
            return
        still = []
        for training, held in self._under_way:
            if training.done():
                cost = self._cost(training, held)
                self._ledger.settle(held, cost.energy_j, now, cost.cost_usd, Category.TRAINING)
            else:
                still.append((training, held))
        self._under_way = still

    def _cost(self, training: Future[TrainingResult], held: Reservation) -> TrainingCost:
        """Return what a training took, whether a head came of it or not.

        A server that does not tell how long it worked is taken to have used what was held, at most.
        """
        costs = []
        for effort in self._efforts(training):
            cost = self._prices.of(effort)
            most_usd = held.cost_usd if effort.at_most else cost.cost_usd
            costs.append(TrainingCost(cost.energy_j, min(cost.cost_usd, most_usd)))
        return TrainingCost(sum(c.energy_j for c in costs), sum(c.cost_usd for c in costs))

    def _efforts(self, training: Future[TrainingResult]) -> tuple[TrainingEffort, ...]:
        """Return what each place took that trained, and learn from it."""
        if training.cancelled():
            return ()
        try:
            result = training.result()
        except TrainingFailed as e:
            return e.efforts
        self.heads += 1
        if not result.effort.elsewhere:
            self._took_s += _WEIGHT * (result.processor_s - self._took_s)
        return *result.in_vain, result.effort


@dataclass(frozen=True, slots=True)
class HeadsWanted:
    """What all orders of one app on one trunk have in common.

    Args:
        trunk: whose features the heads read.
        task: that they answer.
        generic_trunk: of the variant that answers what they pass on.
        generic_accuracy: of that variant.
        second: what second heads may be on.
    """

    trunk: str
    task: str
    generic_trunk: str
    generic_accuracy: float
    second: SecondOrder | None = None


@dataclass(frozen=True, slots=True)
class NamedHead:
    """A trained head and what it is called, and the second one's name where there is one."""

    variant: SpecialVariant
    head: SpecialHead
    second: SpecialVariant | None = None

    @property
    def variants(self) -> tuple[SpecialVariant, ...]:
        """In the order in which they are asked."""
        return (self.variant,) if self.second is None else (self.variant, self.second)

    @property
    def pieces(self) -> dict[str, HeadWeights]:
        """What has to be loaded, by id."""
        found = {self.variant.head: self.head.weights}
        if self.second is not None and self.head.second is not None:
            found[self.second.head] = self.head.second.weights
        return found


class TrainerOrders:
    """Orders of one app on one trunk; see HeadOrders.

    Args:
        trainer: trains.
        wanted: what the orders have in common.
        account: charged.
        classes: names of the task's classes.
        name: makes a name from those of a trunk and a task that no other head has.
    """

    def __init__(
        self,
        trainer: HeadTrainer,
        wanted: HeadsWanted,
        account: TrainingAccount,
        classes: tuple[str, ...],
        name: Callable[[str, str], str],
    ) -> None:
        self._trainer = trainer
        self._wanted = wanted
        self._account = account
        self._class_names = classes
        self._name = name
        self._number = 0
        self._ordered: tuple[tuple[int, ...], float] = (), AIMED_SKEW
        self._training: Future[TrainingResult] | None = None
        self._refused: str | None = None

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        """Begin to make a head; see HeadOrders."""
        if self._training is not None:
            self._training.cancel()
        self._training, self._refused, self._ordered = None, None, (classes, skew)
        held = self._account.hold(now)
        if isinstance(held, Refusal):
            self._refused = held.reason
            return
        w = self._wanted
        self._number += 1
        self._training = self._trainer.begin(
            TrainingOrder(
                w.trunk,
                w.task,
                classes,
                self._number,
                _DEADLINE_S,
                CascadeAim(skew, w.generic_accuracy),
                w.generic_trunk,
                w.second,
            )
        )
        self._account.follow(self._training, held)

    def ready(self, now: float) -> Trained[NamedHead] | NotTrained | None:
        """Return what became of the latest order, once; see HeadOrders."""
        if self._refused is not None:
            why, self._refused = self._refused, None
            return NotTrained(why, passing=True)
        training = self._training
        if training is None or not training.done():
            return None
        self._training = None
        self._account.settle(now)
        try:
            result = training.result()
        except TrainingFailed as e:
            return NotTrained(str(e), passing=not isinstance(e, HeadRejected | NotTrainable))
        w, head = self._wanted, result.head
        variants = special_variants(w.trunk, w.task, self._class_names, head, self._name)
        named = NamedHead(variants[0], head, *variants[1:])
        classes, skew = self._ordered
        return Trained(Active(classes, head.rates, skew=skew), named, head.falls_short)
