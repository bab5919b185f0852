"""Trains heads in a process of low priority: one at a time, kept ready, replaced when it ends."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import isfinite

from catalog.store import Catalog
from specializer.errors import (
    NotTrainable,
    TrainerBroke,
    TrainerBusy,
    TrainingFailed,
    TrainingLate,
)
from specializer.head_trainer import TrainingOrder, TrainingResult
from specializer.process_link import ProcessLink
from specializer.training_effort import TrainingEffort
from specializer.training_messages import Errand, Made, SecondErrand, errand_to_line, outcome_from_line

MOST_WAITING = 4
_FIRST_GUESS_S = 1.0
_WEIGHT_OF_LATEST = 0.3
# How soon an order that waits behind another one is told that its deadline has passed.
_TICK_S = 0.05


@dataclass(slots=True, eq=False)
class _Waiting:
    order: TrainingOrder
    line: bytes
    began_s: float
    result: Future[TrainingResult] = field(default_factory=Future)

    @property
    def ends_s(self) -> float:
        return self.began_s + self.order.deadline_s

    @property
    def name(self) -> str:
        return f"head of {self.order.trunk}/{self.order.task}"

    def late(self) -> TrainingLate:
        return TrainingLate(f"{self.name}: not trained within {self.order.deadline_s:g} s")

    def check_time(self, now_s: float) -> None:
        if now_s >= self.ends_s:
            raise self.late()

    def give_up(self, error: TrainingFailed) -> None:
        """End an order whose turn has not come."""
        if self.result.set_running_or_notify_cancel():
            self.result.set_exception(error)


class BackgroundHeadTrainer:
    """Implements HeadTrainer for a catalog on this machine.

    Args:
        catalog: opened; the process reads its features from the same folder.
        most_waiting: orders behind the one that is trained; further ones are refused.
        idle_s: after so long without an order the process ends, and the next order waits for another;
            None for one that is ready from the beginning and stays.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        catalog: Catalog,
        most_waiting: int = MOST_WAITING,
        idle_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._most_waiting = most_waiting
        self._idle_s = idle_s
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._running: _Waiting | None = None
        self._took_s = _FIRST_GUESS_S
        self._closed = False
        self._link = ProcessLink(catalog.root)
        self._thread = threading.Thread(target=self._work, name="mcdnn-train", daemon=True)
        self._thread.start()

    @property
    def process_id(self) -> int | None:
        """Of the process that trains; None while there is none."""
        return self._link.process_id

    @property
    def waiting(self) -> int:
        """Orders that wait or are trained."""
        with self._changed:
            return len(self._waiting) + (self._running is not None)

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        """Take an order; see HeadTrainer."""
        try:
            waiting = _Waiting(order, self._line_of(order), self._clock())
            with self._changed:
                self._check_room()
                self._waiting.append(waiting)
                self._changed.notify()
        except TrainingFailed as e:
            failed: Future[TrainingResult] = Future()
            failed.set_exception(e)
            return failed
        return waiting.result

    def _line_of(self, order: TrainingOrder) -> bytes:
        """Return what the process is told.

        Raises:
            NotTrainable: the trunk is not in the catalog.
            TrainingLate: the order has no time.
        """
        if not (isfinite(order.deadline_s) and order.deadline_s > 0.0):
            raise TrainingLate(f"head of {order.trunk}/{order.task}: no time left to train it")
        second = order.second
        return errand_to_line(
            Errand(
                order.trunk,
                self._part_ids(order.trunk, order.task),
                order.task,
                order.dominant,
                order.seed,
                order.aim,
                order.generic_trunk,
                None
                if second is None
                else SecondErrand(second.trunk, self._part_ids(second.trunk, order.task), second.cost),
            )
        )

    def _part_ids(self, name: str, task: str) -> tuple[str, ...]:
        trunk = self._catalog.trunks.get(name)
        if trunk is None:
            raise NotTrainable(f"head of {name}/{task}: not in the catalog")
        return trunk.parts

    def _check_room(self) -> None:
        if self._closed:
            raise TrainerBroke("the trainer of heads is closed")
        for gone in [w for w in self._waiting if w.result.cancelled()]:
            self._waiting.remove(gone)
            gone.result.set_running_or_notify_cancel()
        ahead = len(self._waiting) + (self._running is not None)
        if ahead > self._most_waiting:
            raise TrainerBusy(f"{ahead} heads wait to be trained", ahead * self._took_s)

    def close(self) -> None:
        """End orders and process; see HeadTrainer."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._link.kill()
        self._thread.join()

    def _work(self) -> None:
        if self._idle_s is None:
            self._link.start()
        while (current := self._next()) is not None:
            outcome = self._train(current)
            with self._changed:
                self._running = None
            if isinstance(outcome, TrainingResult):
                self._took_s += _WEIGHT_OF_LATEST * (outcome.took_s - self._took_s)
                current.result.set_result(outcome)
            else:
                current.result.set_exception(outcome)
        self._link.close()

    def _next(self) -> _Waiting | None:
        """Wait for an order whose turn it is; None once the trainer is closed."""
        with self._changed:
            while not self._closed:
                while self._waiting:
                    first = self._waiting.popleft()
                    if first.result.set_running_or_notify_cancel():
                        self._running = first
                        return first
                if not self._changed.wait(self._idle_s):
                    self._link.close()
            abandoned = list(self._waiting)
            self._waiting.clear()
        for waiting in abandoned:
            waiting.give_up(TrainerBroke(f"{waiting.name}: the trainer of heads was closed"))
        return None

    def _train(self, current: _Waiting) -> TrainingResult | TrainingFailed:
        outcome: Made | TrainingFailed
        try:
            outcome = self._outcome(current)
        except TrainingFailed as e:
            outcome = e
        if isinstance(outcome, Made):
            return TrainingResult(outcome.head, self._clock() - current.began_s, outcome.processor_s)
        if isinstance(outcome, TrainerBroke | TrainingLate):
            self._link.restart()
        return outcome

    def _outcome(self, current: _Waiting) -> Made | TrainingFailed:
        """Return what becomes of an order whose turn has come, and where it fails, what that took.

        Raises:
            TrainingLate: the deadline has passed already.
        """
        current.check_time(self._clock())
        sent_s = self._clock()
        try:
            outcome = self._answer(current)
        except TrainingFailed as e:
            outcome = e
        if isinstance(outcome, TrainingFailed) and not outcome.efforts:
            took_s = self._link.since_sent_s
            outcome.took(TrainingEffort(self._clock() - sent_s if took_s is None else took_s))
        return outcome

    def _answer(self, current: _Waiting) -> Made | TrainingFailed:
        """Return what the process answers to an order.

        Raises:
            TrainerBroke: the process has ended.
            TrainingLate: the deadline has passed.
        """
        self._link.send(current.line)
        while (line := self._link.receive(_TICK_S)) is None:
            now_s = self._clock()
            self._expire_waiting(now_s)
            current.check_time(now_s)
        return outcome_from_line(line)

    def _expire_waiting(self, now_s: float) -> None:
        with self._changed:
            late = [w for w in self._waiting if now_s >= w.ends_s]
            for waiting in late:
                self._waiting.remove(waiting)
        for waiting in late:
            waiting.give_up(waiting.late())
