"""The queue: what waits to run, what runs together, and what cannot be done in time.

Work that walks the same tree of parts may run in one batch, whichever client or app it came from. The
worker takes a batch whenever it is free, so that nothing waits while nothing runs; a batch is closed by
its size, or by the earliest deadline in it, which a larger one would endanger. The earliest deadline
goes first; then whatever can be done in time in any order is done in time (Dertouzos, Control Robotics:
the procedural control of physical processes, IFIP 1974), and that is what admission asks.

A backlog that never runs out gains nothing: it only uses up the time that there would be if what is
expected of the batches turned out too little. Where one has stood for half of the time that a request has,
its turn must come within that half (the standing queue of RFC 8289, CoDel, at the entrance instead of at
the exit). A burst is no standing backlog: all is let in that can be done in time.

Times are absolute, on one monotonic clock. Not for use by several threads at once.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cloud.refusals import QueueFull
from cloud.run_times import RunTimes
from cloud.trunk_forest import Walk

Load = TypeVar("Load")

_LEAST_RETRY_S = 0.005
_STANDING_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Work(Generic[Load]):
    """Windows of one request that wait for one tree.

    Args:
        walk: the parts that they need.
        windows: how many; no more than run together.
        deadline_s: when an answer is of no use any more.
        load: what the worker needs to run it.
    """

    walk: Walk
    windows: int
    deadline_s: float
    load: Load


@dataclass(frozen=True, slots=True)
class Batch(Generic[Load]):
    """What the worker does next.

    Args:
        works: run together; none if nothing waits.
        late: were taken out: their deadline has passed, or will have before they are done.
    """

    works: tuple[Work[Load], ...]
    late: tuple[Work[Load], ...]


class BatchQueue(Generic[Load]):
    """Work that waits for one worker.

    Args:
        most_windows: of a batch.
        times: what parts take; the worker teaches them.
    """

    def __init__(self, most_windows: int, times: RunTimes) -> None:
        self._most_windows = most_windows
        self._times = times
        self._works: list[Work[Load]] = []  # the earliest deadline first
        self._rows: Counter[int] = Counter()  # windows that wait at each node
        # Of all that waits, one by one and in batches; None if not worked out.
        self._alone_total_s: float | None = 0.0
        self._together_total_s: float | None = 0.0
        self._standing_from_s: float | None = None
        self._running = False
        self._free_s = 0.0

    def __len__(self) -> int:
        """Return how many works wait."""
        return len(self._works)

    def drained_in_s(self, now_s: float) -> float:
        """Return when all that waits or runs should be done, in seconds from now."""
        return self._until_free_s(now_s) + self._backlog_s()

    def _backlog_s(self) -> float:
        if self._together_total_s is None:
            self._together_total_s = sum(self._rate_s(n, self._rows) * rows for n, rows in self._rows.items())
        return self._together_total_s

    def claim(self, nodes: Sequence[int], windows: int, most_s: float, now_s: float) -> bool:
        """Take the worker's turn for what need not wait, where nothing waits or runs; `done` ends it.

        Args:
            nodes: that it runs.
            windows: how many.
            most_s: that it may be expected to take.
            now_s: the time.

        Returns:
            Whether the turn was given. It is not where a node has never run: it might take any time.
        """
        if self._running or self._works:
            return False
        runs_s = [self._times.expected_s(node, windows) for node in nodes]
        if not runs_s or min(runs_s) <= 0.0 or sum(runs_s) > most_s:
            return False
        self._running = True
        self._free_s = now_s + sum(runs_s)
        return True

    @property
    def is_busy(self) -> bool:
        """Whether anything runs or waits; may be asked by any thread."""
        return self._running or bool(self._works)

    def check(self, works: Sequence[Work[Any]], now_s: float) -> None:
        """Check that new work can be done in time, and without making late what waits already.

        With nothing before it, it is let in whatever is expected: nobody else loses by it, and what it
        really takes is learnt.

        Raises:
            QueueFull: it cannot.
        """
        if not self.is_busy:
            return
        margin = self._times.margin
        done_s = now_s + self._until_free_s(now_s)
        turn_s = min(self._turn_s(w, now_s) for w in works)
        if self._is_last_and_late(works, done_s, turn_s, margin):
            self._refuse(now_s)
        if self._one_by_one(works, done_s, turn_s, margin):
            return
        rows = self._rows.copy()
        for work in works:
            rows.update(dict.fromkeys(work.walk.nodes, work.windows))
        rates_s: dict[tuple[int, ...], float] = {}
        for work in sorted([*self._works, *works], key=_deadline):
            nodes = work.walk.nodes
            if nodes not in rates_s:
                rates_s[nodes] = margin * sum(self._rate_s(n, rows) for n in nodes)
            is_new = work in works
            if is_new and done_s > turn_s:
                self._refuse(now_s)
            # What is new is done when its whole batch is: with less time than that its batch would have
            # to be closed early, and small batches are slow.
            ends_s = done_s + (self._whole_s(work) * margin if is_new else 0.0)
            done_s += rates_s[nodes] * work.windows
            if max(ends_s, done_s) > work.deadline_s:
                self._refuse(now_s)

    def _turn_s(self, work: Work[Any], now_s: float) -> float:
        """Return by when the turn of new work must come: earlier than its deadline says, see above."""
        half_s = _STANDING_SHARE * (work.deadline_s - now_s)
        if self._standing_from_s is None or now_s - self._standing_from_s <= half_s:
            return work.deadline_s
        return now_s + half_s

    def _is_last_and_late(
        self, works: Sequence[Work[Any]], done_s: float, turn_s: float, margin: float
    ) -> bool:
        """Return whether new work that has to wait for all else is late for sure: quick to say.

        Under a load that is far too high nearly all that is refused is refused here, and what a refusal
        takes is lost for what was let in.
        """
        if not self._works:
            return False
        waited_s = done_s + margin * self._backlog_s()
        last_s = self._works[-1].deadline_s
        return any(
            work.deadline_s >= last_s
            and (waited_s > turn_s or waited_s + margin * self._whole_s(work) > work.deadline_s)
            for work in works
        )

    def _one_by_one(self, works: Sequence[Work[Any]], done_s: float, turn_s: float, margin: float) -> bool:
        """Return whether all is in time even if nothing runs together: nearly always so, and quick to say."""
        if self._alone_total_s is None:
            self._alone_total_s = sum(self._alone_s(w) for w in self._works)
        done_s += margin * (self._alone_total_s + sum(self._alone_s(w) for w in works))
        return done_s <= min(turn_s, *(w.deadline_s for w in (*self._works[:1], *works)))

    def _refuse(self, now_s: float) -> None:
        drained_s = self.drained_in_s(now_s)
        raise QueueFull(
            f"cannot be answered in time: what waits takes another {drained_s:.3f} s",
            max(drained_s, _LEAST_RETRY_S),
        )

    def add(self, work: Work[Load]) -> None:
        """Let work wait."""
        insort(self._works, work, key=_deadline)
        if self._alone_total_s is not None:
            self._alone_total_s += self._alone_s(work)
        self._together_total_s = None
        for node in work.walk.nodes:
            self._rows[node] += work.windows

    def withdraw(self, work: Work[Load]) -> None:
        """Take out work that nobody waits for any more; what has begun or is done is passed over."""
        if work in self._works:
            self._remove(work)

    def take(self, now_s: float) -> Batch[Load]:
        """Return what to run now; the worker is busy until done is called, if there is any."""
        late: list[Work[Load]] = []
        while self._works and self._hopeless(self._works[0], now_s):
            late.append(self._works[0])
            self._remove(self._works[0])
        works = self._together(now_s)
        for work in works:
            self._remove(work)
        self._note_standing(now_s)
        if works:
            self._running = True
            self._free_s = now_s + self._times.batch_s(_rows_of(works))
        return Batch(tuple(works), tuple(late))

    def _note_standing(self, now_s: float) -> None:
        if not self._works:
            self._standing_from_s = None
        elif self._standing_from_s is None:
            self._standing_from_s = now_s

    def done(self) -> None:
        """Note that the worker is free again."""
        self._running = False

    def learn(self, ran: Sequence[tuple[int, int, float]]) -> None:
        """Note what a batch took.

        Args:
            ran: node, windows and seconds of each part that ran.
        """
        self._times.learn(ran)
        self._alone_total_s = self._together_total_s = None

    def _hopeless(self, work: Work[Load], now_s: float) -> bool:
        if work.deadline_s <= now_s:
            return True
        # The last one runs all the same: what it takes may have become less.
        least_s = self._times.margin * self._alone_s(work)
        return len(self._works) > 1 and now_s + least_s > work.deadline_s

    def _together(self, now_s: float) -> list[Work[Load]]:
        if not self._works:
            return []
        first = self._works[0]
        works, windows = [first], first.windows
        rows = _rows_of(works)
        most_s = (first.deadline_s - now_s) / self._times.margin
        batch_s = self._times.batch_s(rows)
        for work in self._works[1:]:
            if windows == self._most_windows:
                break
            if work.walk.root != first.walk.root or windows + work.windows > self._most_windows:
                continue
            batch_s += self._longer_s(rows, work)
            if batch_s > most_s:
                break
            works.append(work)
            windows += work.windows
            for node in work.walk.nodes:
                rows[node] += work.windows
        return works

    def _longer_s(self, rows: Counter[int], work: Work[Load]) -> float:
        """Return by how much a batch lasts longer with a further work."""
        expected_s = self._times.expected_s
        return sum(expected_s(n, rows[n] + work.windows) - expected_s(n, rows[n]) for n in work.walk.nodes)

    def _remove(self, work: Work[Load]) -> None:
        self._works.remove(work)
        self._alone_total_s = self._together_total_s = None
        for node in work.walk.nodes:
            self._rows[node] -= work.windows
            if not self._rows[node]:
                del self._rows[node]

    def _until_free_s(self, now_s: float) -> float:
        return max(0.0, self._free_s - now_s) if self._running else 0.0

    def _alone_s(self, work: Work[Any]) -> float:
        return sum(self._times.expected_s(node, work.windows) for node in work.walk.nodes)

    def _whole_s(self, work: Work[Any]) -> float:
        """Return the seconds of a batch of new work and as much of what waits as runs with it."""
        most, rows = self._most_windows, self._rows
        return sum(
            self._times.expected_s(n, min(rows.get(n, 0) + work.windows, most)) for n in work.walk.nodes
        )

    def _rate_s(self, node: int, rows: Counter[int]) -> float:
        """Return the seconds a window at a node, in batches as large as what waits allows."""
        windows = min(rows[node], self._most_windows)
        return self._times.expected_s(node, windows) / windows if windows else 0.0


def _deadline(work: Work[Any]) -> float:
    return work.deadline_s


def _rows_of(works: Sequence[Work[Load]]) -> Counter[int]:
    rows: Counter[int] = Counter()
    for work in works:
        for node in work.walk.nodes:
            rows[node] += work.windows
    return rows
