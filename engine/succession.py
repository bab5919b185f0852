"""The answerer of a run, and the one that takes its place while the run goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.answering import Answerer
from engine.demand import Demand
from engine.runtime.loading import PieceMemory
from engine.scheduling.problem import Problem
from engine.scheduling.special_options import special_heads
from engine.snapshot import CloudFigures, SpecialFigures
from engine.window_groups import Asked

_log = logging.getLogger(__name__)

_SHORT_S = 0.02


@dataclass(frozen=True, slots=True)
class Incumbent:
    """An answerer and what lives as long as it does.

    Args:
        close: lets go of its cloud and its trainer; may take seconds, and is called by any thread.
    """

    answerer: Answerer
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Successor:
    """Who takes over once what it needs first is in memory.

    Args:
        pieces: that were begun to load.
        then: called when it has taken over, by the loop's thread.
    """

    incumbent: Incumbent
    pieces: frozenset[str]
    then: Callable[[], None]


class Succession:
    """Answers by one answerer after another, under one ledger and one memory.

    A successor's pieces are loaded in the background, beside those in use and as far as they fit, while the
    one before goes on answering. Then it takes over between two windows. What the one before has under
    way is answered by it, once, and is waited for before it is closed. Used by the loop's thread, except
    for what says otherwise.

    Args:
        first: answers until somebody else does.
        memory: of all.
    """

    def __init__(self, first: Incumbent, memory: PieceMemory) -> None:
        self._now = first
        self._memory = memory
        self._next: _Successor | None = None
        self._retiring: list[Incumbent] = []
        self._closing: list[threading.Thread] = []
        self._wake: Callable[[], None] = _nobody
        self._took_over = False
        self._past_cloud, self._past_special = CloudFigures(), SpecialFigures()

    @property
    def problem(self) -> Problem:
        """That of the one that answers; any thread may ask."""
        return self._now.answerer.problem

    @property
    def loads(self) -> int:
        """See Answerer."""
        return self._now.answerer.loads

    @property
    def evictions(self) -> int:
        """See Answerer."""
        return self._now.answerer.evictions

    @property
    def cloud_figures(self) -> CloudFigures:
        """Of all."""
        figures = self._past_cloud
        for each in (*self._retiring, self._now):
            figures = _added(figures, each.answerer.cloud_figures)
        return figures

    @property
    def special_figures(self) -> SpecialFigures:
        """Of all."""
        return _joined(self._past_special, self._now.answerer.special_figures)

    @property
    def awaits(self) -> bool:
        """Whether any request waits for a cloud."""
        return any(each.answerer.awaits for each in (*self._retiring, self._now))

    def succeed(self, incumbent: Incumbent, then: Callable[[], None], now: float) -> None:
        """Have another one take over as soon as what it needs first is in memory.

        A successor that is still waited for gives way to this one.
        """
        if self._next is not None:
            self._close(self._next.incumbent)
        memory = self._memory
        wanted = incumbent.answerer.needs_first(now)
        missing = [p for p in wanted if p not in memory.resident]
        keep = memory.resident | memory.loading
        begun = memory.request(missing, keep=keep) if missing else ()
        if len(begun) < len(missing):
            _log.warning(
                "%d of %d new models do not fit beside those in use: they are loaded as they are needed",
                len(missing) - len(begun),
                len(missing),
            )
        self._next = _Successor(incumbent, frozenset(begun), then)

    def attend(self, now: float, ahead_s: float = 0.0) -> bool:
        """Attend to all; let a successor take over, and close who has nothing under way any more.

        Args:
            now: time on the source's clock.
            ahead_s: for how long nobody will be able to attend.
        """
        answered = False
        for each in tuple(self._retiring):
            answered |= each.answerer.attend(now, ahead_s)
            if not each.answerer.under_way:
                self._retire(each, now)
        answered |= self._now.answerer.attend(now, ahead_s)
        if self._next is not None and self._next.pieces.isdisjoint(self._memory.loading):
            self._take_over(self._next)
        return answered

    def answer(self, asked: Asked) -> None:
        """See Answerer."""
        self._now.answerer.answer(asked)

    def answer_all(self, moment: Sequence[Asked]) -> None:
        """See Answerer."""
        self._now.answerer.answer_all(moment)

    def set_problem(self, problem: Problem) -> None:
        """See Answerer."""
        self._now.answerer.set_problem(problem)

    def follow_meter(self) -> float:
        """See Answerer; a successor takes over with the prices of the moment."""
        return self._now.answerer.follow_meter()

    def correct(self, demand: Demand | None) -> None:
        """See Answerer."""
        self._now.answerer.correct(demand)

    def learn(self, demand: Demand | None) -> None:
        """See Answerer."""
        self._now.answerer.learn(demand)

    def budget_renewed(self, now: float) -> bool:
        """See Answerer."""
        return self._now.answerer.budget_renewed(now)

    def cloud_came_or_went(self) -> bool:
        """See Answerer."""
        return self._now.answerer.cloud_came_or_went()

    def specialised(self, now: float) -> bool:
        """Tell whether a plan is due: for a head that was taken into use, or for a successor."""
        took_over, self._took_over = self._took_over, False
        return self._now.answerer.specialised(now) or took_over

    def plan(self, now: float) -> Mapping[str, float]:
        """See Answerer."""
        return self._now.answerer.plan(now)

    def wait_s(self) -> float:
        """Return for how long nothing is to be attended to; called before waiting."""
        left_s = min(each.answerer.wait_s() for each in (*self._retiring, self._now))
        return left_s if self._next is None else min(left_s, _SHORT_S)

    def wait(self, most_s: float) -> None:
        """Wait until there may be something to attend to."""
        waiting = next((each for each in self._retiring if each.answerer.awaits), None)
        if waiting is None:
            self._now.answerer.wait(most_s)
        else:
            waiting.answerer.wait(min(most_s, _SHORT_S))

    def wakes(self, wake: Callable[[], None]) -> None:
        """Have somebody woken when a cloud answers; called from other threads."""
        self._wake = wake
        self._now.answerer.wakes(wake)

    def finish(self, now: float) -> None:
        """Wait for loads and exchanges under way, so that what they took is in the books."""
        for each in (*self._retiring, self._now):
            each.answerer.finish(now)

    def close(self) -> None:
        """Let go of every cloud and trainer."""
        if self._next is not None:
            self._close(self._next.incumbent)
        for each in (*self._retiring, self._now):
            self._close(each)
        for thread in self._closing:
            thread.join()

    def _take_over(self, successor: _Successor) -> None:
        before, self._now, self._next = self._now, successor.incumbent, None
        self._now.answerer.wakes(self._wake)
        self._past_special = _joined(self._past_special, before.answerer.special_figures)
        self._memory.drop(special_heads(before.answerer.problem))  # the next ones have the same names
        self._retiring.append(before)
        self._took_over = True
        successor.then()

    def _retire(self, each: Incumbent, now: float) -> None:
        """Let go of one that has nothing under way, and of what nobody else can use."""
        each.answerer.settle(now)
        self._retiring.remove(each)
        self._past_cloud = _added(self._past_cloud, each.answerer.cloud_figures)
        self._close(each)
        if not self._retiring:
            self._now.answerer.set_problem(self._now.answerer.problem)

    def _close(self, each: Incumbent) -> None:
        """Close one without holding up the loop."""
        thread = threading.Thread(target=each.close, name="mcdnn-retiring", daemon=True)
        thread.start()
        self._closing = [t for t in self._closing if t.is_alive()] + [thread]


def _added(a: CloudFigures, b: CloudFigures) -> CloudFigures:
    return CloudFigures(a.sent + b.sent, a.answered + b.answered, a.stood_in + b.stood_in, a.lost + b.lost)


def _joined(past: SpecialFigures, now: SpecialFigures) -> SpecialFigures:
    return replace(
        now,
        heads=past.heads + now.heads,
        entered=past.entered + now.entered,
        left=past.left + now.left,
        answered=past.answered + now.answered,
        passed_on=past.passed_on + now.passed_on,
        checked=past.checked + now.checked,
        saved_s=past.saved_s + now.saved_s,
        latest=now.latest or past.latest,
        recent=now.recent or past.recent,
    )


def _nobody() -> None:
    """Wake nobody."""
