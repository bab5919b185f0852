"""Specialising in the live engine: real images in skewed orders, with and without it, the same images.

Ten windows a second, two where a scene is left for an hour, those of a film or show as they come. At the
pace "real" they come by the clock.
At the pace "fast" the next window is shown as soon as the one before is answered, and the engine's
time, which is the source's, runs faster; only while a head is under way do windows come by the clock,
so that its training takes as long as it takes in the scene, too.

Both ways live side by side, as the machine's speed changes from second to second: at the pace "fast" they
take turns of some windows, at the pace "real" each is shown its window halfway between two of the other's.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.specialization_cases import WINDOWS_HZ, Order
from benchmarks.specialization_catalogs import Shown
from catalog.store import Catalog
from engine.frames import Frame, TruthWindow
from engine.ledger import Category
from engine.results import Result
from engine.snapshot import Snapshot
from mcdnn.engine import Engine
from sim.label_replay import Sighting

UInt8 = npt.NDArray[np.uint8]

_BEGINS_S = 3.0  # by the clock: what trains heads has been started by then, as on a camera
_MOST_TRAINING_S = 2.0  # for which windows come by the clock after a head was ordered
_MOST_ANSWERING_S = 30.0
_MOST_STARTING_S = 60.0
_TURN = 50  # windows
_ORDERED = "has a head trained"


class Turns:
    """Lets runs go on in turn, one at a time; whoever has left is passed over.

    Args:
        runs: how many there are.
    """

    def __init__(self, runs: int) -> None:
        self._going = list(range(runs))
        self._changed = threading.Condition()

    def take(self, run: int) -> None:
        """Wait until a run may go on."""
        with self._changed:
            self._changed.wait_for(lambda: run not in self._going or self._going[0] == run)

    def pass_on(self, run: int) -> None:
        """Let the next one go on."""
        self.leave(run, for_good=False)

    def leave(self, run: int, for_good: bool = True) -> None:
        """Take part no longer; may be called twice."""
        with self._changed:
            if run in self._going:
                self._going.remove(run)
                self._going += [] if for_good else [run]
            self._changed.notify_all()


class Pace(Protocol):
    """Says when a window is shown."""

    def wait(self, t_s: float) -> None:
        """Return when the window of that time of the trace is due."""

    def answered(self, result: Result) -> None:
        """Take note of an answer; called from another thread."""

    def close(self) -> None:
        """Take note that the last window was shown; may be called twice."""


class ByTheClock:
    """Windows come when the trace says, of all runs from the same moment on.

    Args:
        start: where the runs wait for each other.
        late_s: by which all of this run's windows are shown later.
    """

    def __init__(self, start: threading.Barrier, late_s: float) -> None:
        self._start = start
        self._late_s = late_s
        self._began_s: float | None = None

    def wait(self, t_s: float) -> None:
        """See Pace."""
        if self._began_s is None:
            self._start.wait(_MOST_STARTING_S)
            self._began_s = time.monotonic() + self._late_s
        time.sleep(max(0.0, self._began_s + t_s - time.monotonic()))

    def answered(self, result: Result) -> None:
        """See Pace."""

    def close(self) -> None:
        """See Pace; whoever still waits for this run to begin is told."""
        if self._began_s is None:
            self._start.abort()


class AsSoonAsAnswered:
    """Windows come one after another, by the clock at the beginning and while a head is under way.

    Args:
        turns: taken with the other runs.
        run: which of them this is.
    """

    def __init__(self, turns: Turns, run: int) -> None:
        self._turns = turns
        self._run = run
        self._of_turn = 0
        self._answers = threading.Semaphore(0)
        self._first = True
        self._latest_s = 0.0
        self._ordered_s = 0.0
        self._under_way = False

    def wait(self, t_s: float) -> None:
        """See Pace."""
        if not self._first and not self._answers.acquire(timeout=_MOST_ANSWERING_S):
            raise TimeoutError(f"no answer within {_MOST_ANSWERING_S:g} s")
        trains = self._under_way and t_s < self._ordered_s + _MOST_TRAINING_S
        if self._of_turn >= _TURN and not trains:  # a head is trained in its own run's time
            self._turns.pass_on(self._run)
            self._of_turn = 0
        self._turns.take(self._run)
        self._of_turn += 1
        if t_s < _BEGINS_S or trains:
            time.sleep(max(0.0, t_s - self._latest_s))
        self._first, self._latest_s = False, t_s

    def answered(self, result: Result) -> None:
        """See Pace."""
        if result.reason:
            self._under_way = _ORDERED in result.reason
            self._ordered_s = result.t_s
        self._answers.release()

    def close(self) -> None:
        """See Pace."""
        self._turns.leave(self._run)


class ImagesInOrder:
    """A source that shows an image of each class in turn.

    Args:
        shown: images.
        sightings: what to show and when.
        pace: when that is.
        rng: draws the images.
    """

    name = "order"
    live = False

    def __init__(
        self, shown: Shown, sightings: Sequence[Sighting], pace: Pace, rng: np.random.Generator
    ) -> None:
        self._shown = shown
        self._sightings = sightings
        self._pace = pace
        self._rng = rng
        self._index = 0

    def read(self) -> Frame | None:
        """Wait until the next image is due and return it; see Source."""
        if self._index >= len(self._sightings):
            return None
        seen = self._sightings[self._index]
        of_class = np.flatnonzero(self._shown.truth == seen.class_id)
        pixels = self._shown.windows[of_class[int(self._rng.integers(len(of_class)))]]
        truth = {self._shown.task: self._shown.classes[seen.class_id]}
        self._pace.wait(seen.t_s)
        self._index += 1
        box = (0, 0, pixels.shape[1], pixels.shape[0])
        return Frame(
            self.name, self._index - 1, seen.t_s, pixels, time.monotonic(), (TruthWindow(box, truth),)
        )

    def close(self) -> None:
        """See Source."""
        self._pace.close()


@dataclass(frozen=True, slots=True)
class Lived:
    """One run.

    Args:
        right: one a window.
        notes: what was said of heads, and when.
        macs: multiply-adds of models.
    """

    snapshot: Snapshot
    right: list[bool]
    notes: list[tuple[float, str]]
    macs: int

    def spent_j(self, *categories: Category) -> float:
        """Return the energy booked, in proportion to processor time."""
        return sum(line.energy_j for line in self.snapshot.standing.spent if line.category in categories)


def both_ways(shown: Shown, order: Order, seed: int) -> tuple[Lived, Lived]:
    """Run the engine on one order without specialising and with it, side by side."""
    turns, start = Turns(2), threading.Barrier(2)
    paces: list[Pace] = [
        ByTheClock(start, run / (2 * WINDOWS_HZ)) if order.real else AsSoonAsAnswered(turns, run)
        for run in range(2)
    ]
    with ThreadPoolExecutor(1, "without") as other:
        without = other.submit(_alive, shown, order, False, seed, paces[0])
        with_heads = _alive(shown, order, True, seed, paces[1])
        return without.result(), with_heads


def _alive(shown: Shown, order: Order, specialize: bool, seed: int, pace: Pace) -> Lived:
    try:
        return _live(shown, order, specialize, seed, pace)
    finally:
        pace.close()  # the other run goes on without it, whatever became of this one


def _live(shown: Shown, order: Order, specialize: bool, seed: int, pace: Pace) -> Lived:
    rng = np.random.default_rng(seed)
    seen = order.sightings(len(shown.classes), rng)
    right: list[bool] = []
    notes: list[tuple[float, str]] = []
    by_variant: Counter[str] = Counter()
    engine = Engine(
        {
            "catalog": str(shown.catalog.root),
            "specialize": specialize,
            "extractor": {shown.catalog.tasks[shown.task].input_type: "whole-frame"},
            "app": [{"name": "what", "task": shown.task}],
        }
    )

    def take(result: Result) -> None:
        right.append(result.served and result.answer == result.truth)
        by_variant[result.variant or ""] += 1
        if result.reason:
            notes.append((result.t_s, result.reason))
        pace.answered(result)

    engine.on_result(take)
    snapshot = engine.run(ImagesInOrder(shown, seen, pace, rng))
    macs = snapshot.standing.special.multiply_adds  # counted only where something could specialise
    return Lived(snapshot, right, notes, macs or _macs(shown.catalog, by_variant))


def _macs(catalog: Catalog, by_variant: Mapping[str, int]) -> int:
    """Return the multiply-adds of windows that variants answered alone."""
    trunk_of = {v.id: catalog.trunks[v.trunk] for v in catalog.variants.values()}
    return sum(n * sum(catalog.parts[p].macs for p in trunk_of[v].parts) for v, n in by_variant.items() if v)
