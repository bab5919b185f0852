"""Every way to answer an app about one kind of window, with the least that it takes.

What a simulated configuration takes is never less than this: a piece, a run in the cloud or an
exchange that several apps share is an item of its own, paid with the largest of their
probabilities; the private rest is paid by each app.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.scheduling.problem import Option, Place, Problem, Stage, memory_bytes
from sim.scenario import DeviceDay
from sim.whole_trace import Asked, LinkState

Float64 = npt.NDArray[np.float64]
Item = tuple[str, tuple[str, ...], float]
"""What is paid once a window: what it is, which parts it is about, and from which energy on."""

ENERGY, MONEY, PROCESSOR, UPLINK = range(4)
RESOURCES = 4  # J, USD, seconds of the device's processor, seconds of sending

EXCHANGED = ("exchanged", (), 0.0)
_ROUNDING_S = 1e-9


@dataclass(frozen=True, slots=True)
class Way:
    """One way to answer one app.

    Args:
        app: name of the app.
        value: weighted right answers a window, those that come too late taken off.
        pieces: that must be in memory.
        items: probability of each, by item.
    """

    app: str
    value: float
    pieces: frozenset[str]
    items: Mapping[Item, float]


@dataclass(slots=True)
class KindOfWindow:
    """What can be done about one kind of window.

    Args:
        asked: what is asked about it.
        ways: in no order.
        costs: (4,) J, USD, processor and sending seconds, by item.
    """

    asked: Asked
    ways: list[Way] = field(default_factory=list)
    costs: dict[Item, Float64] = field(default_factory=dict)


class WaysToAnswer:
    """Finds the ways for any kind of window of a day.

    Args:
        day: problem and radio.
        tail_w: power of the radio's tail where tails are accounted for; sending is then paid
            without what the tail would have taken meanwhile.
    """

    def __init__(self, day: DeviceDay, tail_w: float) -> None:
        self._problem = day.problem
        self._radio = day.radio
        self._tail_w = tail_w
        self._cuts = _cuts_by_parts(day.problem)

    def of(self, asked: Asked, link: LinkState) -> KindOfWindow:
        """Return all ways that a window may be answered in time."""
        kind = KindOfWindow(asked)
        stages = [s for a in asked.due for o in self._problem.options.get(a, ()) for s in o.stages]
        sent = (
            {self._sending_j(s, link) for s in stages if s.place is Place.CLOUD} if link.reachable else set()
        )
        levels_j = sorted(sent)
        prices: dict[tuple[str, ...], float] = {}
        for s in stages:
            if s.place is Place.CLOUD:
                prices[s.parts] = min(s.cost_usd, prices.get(s.parts, math.inf))
        for app in asked.due:
            for option in self._problem.options.get(app, ()):
                self._add(kind, option, link, levels_j, prices)
        return kind

    def _add(
        self,
        kind: KindOfWindow,
        option: Option,
        link: LinkState,
        levels_j: Sequence[float],
        prices: Mapping[tuple[str, ...], float],
    ) -> None:
        problem, context = self._problem, kind.asked.context
        app = problem.apps[option.app]
        right = app.weight * option.accuracy_in(context)
        pieces = option.device_pieces
        if right <= 0.0 or memory_bytes(problem.pieces, pieces) > problem.budget.memory_bytes:
            return
        probabilities = option.probabilities_in(context)
        runs = _piece_probabilities(option, probabilities)
        left_s = app.latency_limit_s + _ROUNDING_S - sum(p * problem.pieces[i].run_s for i, p in runs.items())
        if left_s < 0.0:
            return
        items: dict[Item, float] = {}
        for piece, probability in runs.items():
            cost = problem.pieces[piece]
            item = ("piece", (piece,), 0.0)
            kind.costs[item] = np.array([cost.run_energy_j, 0.0, cost.run_s, 0.0])
            items[item] = probability
        needed = frozenset(pieces)
        away = max((p for s, p in _cloud(option, probabilities)), default=0.0)
        if away > 0.0 and not link.surely and away < 1.0:
            kind.ways.append(Way(option.app, right * (1.0 - away), needed, dict(items)))
        if away == 0.0:
            kind.ways.append(Way(option.app, right, needed, items))
        elif link.reachable:
            late = max(
                (p for s, p in _cloud(option, probabilities) if self._away_s(s, link) > left_s), default=0.0
            )
            if late < 1.0:
                self._add_cloud(kind, option, link, levels_j, prices, items)
                kind.ways.append(Way(option.app, right * (1.0 - late), needed, items))

    def _add_cloud(
        self,
        kind: KindOfWindow,
        option: Option,
        link: LinkState,
        levels_j: Sequence[float],
        prices: Mapping[tuple[str, ...], float],
        items: dict[Item, float],
    ) -> None:
        """Add what an option runs in the cloud and what it sends, by levels of what that takes."""
        before: tuple[str, ...] = ()
        probabilities = option.probabilities_in(kind.asked.context)
        for stage, probability in zip(option.stages, probabilities, strict=True):
            if stage.place is Place.DEVICE:
                before += stage.parts
                continue
            if probability <= 0.0:
                continue
            run: Item = ("cloud", stage.parts, 0.0)
            kind.costs[run] = np.array([0.0, prices[stage.parts], 0.0, 0.0])
            items[run] = max(probability, items.get(run, 0.0))
            sending_j = self._sending_j(stage, link)
            least_s = self._least_sending_s(kind.asked, link)
            below_j = 0.0
            for level_j in levels_j:
                if level_j > sending_j:
                    break
                item: Item = ("exchange", before, level_j)
                kind.costs[item] = np.array(
                    [level_j - below_j, 0.0, 0.0, least_s if level_j == levels_j[0] else 0.0]
                )
                items[item] = max(probability, items.get(item, 0.0))
                below_j = level_j
            if self._tail_w > 0.0:
                kind.costs[EXCHANGED] = np.zeros(RESOURCES)
                items[EXCHANGED] = max(probability, items.get(EXCHANGED, 0.0))

    def _sending_j(self, stage: Stage, link: LinkState) -> float:
        """Return the least energy of an exchange."""
        if self._radio is None:
            return self._problem.link.energy_j(stage.up_bytes, stage.down_bytes)
        up_j, down_j = (
            stage.up_bytes * self._radio.up_j_per_byte,
            stage.down_bytes * self._radio.down_j_per_byte,
        )
        busy_s = 8e-6 * (stage.up_bytes + stage.down_bytes) / link.slowest_mbps
        return up_j + down_j - self._tail_w * busy_s

    def _least_sending_s(self, asked: Asked, link: LinkState) -> float:
        """Return how long sending takes at least, whatever is sent."""
        options = (o for a in asked.due for o in self._problem.options.get(a, ()))
        sent = [s.up_bytes for o in options for s in o.stages if s.place is Place.CLOUD]
        return 8e-6 * min(sent) / link.mbps

    def _away_s(self, stage: Stage, link: LinkState) -> float:
        """Return how long an answer from a stage is away at least."""
        transfer_s = self._problem.link.transfer_s(stage.up_bytes, stage.down_bytes, link.mbps)
        shared_run = len(self._cuts[stage.parts]) > 1  # it may be another exchange that waits for it
        return transfer_s if shared_run else transfer_s + stage.run_s


def _piece_probabilities(option: Option, probabilities: Sequence[float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for stage, probability in zip(option.stages, probabilities, strict=True):
        if stage.place is Place.DEVICE:
            for piece in stage.pieces:
                found[piece] = max(probability, found.get(piece, 0.0))
    return found


def _cloud(option: Option, probabilities: Sequence[float]) -> list[tuple[Stage, float]]:
    pairs = zip(option.stages, probabilities, strict=True)
    return [(s, p) for s, p in pairs if s.place is Place.CLOUD and p > 0.0]


def _cuts_by_parts(problem: Problem) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Return from where in the network the parts of cloud stages are asked for."""
    cuts: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for option in (o for options in problem.options.values() for o in options):
        before: tuple[str, ...] = ()
        for stage in option.stages:
            if stage.place is Place.DEVICE:
                before += stage.parts
            else:
                cuts.setdefault(stage.parts, set()).add(before)
    return cuts
