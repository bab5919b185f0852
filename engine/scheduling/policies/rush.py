"""Rushes: more windows than the processor carries under the plan, for a while.

The processor carries 0.9 s of models a second, or what was measured where that is less: decoding, what a
window costs beside its models and other programs need it, too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from engine.scheduling.configurations import RESOURCES
from engine.scheduling.fluid_program import FluidPlan, Outlook
from engine.scheduling.kinds import Kind
from engine.scheduling.planner import Planner

Float64 = npt.NDArray[np.float64]

_FADING_S = 15.0
_SETTLING_S = 1.0  # what comes in a moment is no rate
_BEGIN_LOAD, _END_LOAD = 0.9, 0.8  # processor seconds a second under the plan of the period
_MORE = 1.1  # load for what is carried than when a rush was planned: its reserve of a tenth is used up
_LESS = 0.85  # likewise, from which on larger models pay for planning again
_LEAST_CARRIED = 0.1
_LEAST_HZ = 1e-3
_OFTEN_HZ = 0.1


class Rush:
    """Watches the load of the moment and plans for it while it is too high.

    The plan for a rush is a fluid program over rates instead of counts: the processor is limited,
    energy and money have the prices of the period's plan.

    Args:
        planner: of the same problem.
    """

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._rates_hz: dict[Kind, float] = {}
        self._upto_s: float | None = None
        self._seen_s = 0.0
        self._pressure = 0.0  # when it was planned
        self._came: Counter[Kind] = Counter()
        self._carried = _BEGIN_LOAD
        self.plan: FluidPlan | None = None
        self.input_types: set[str] = set()  # of the windows in all rushes so far

    def take(self, planner: Planner, apps: Collection[str]) -> None:
        """Plan for another problem from here on; what was seen of the load of its apps is kept."""
        self._planner = planner
        self._rates_hz = {k: hz for k, hz in self._rates_hz.items() if set(k.due) <= set(apps)}
        self._came = Counter({k: n for k, n in self._came.items() if set(k.due) <= set(apps)})
        self.plan = None
        self.input_types = set()

    def add(self, kind: Kind, windows: int) -> None:
        """Note windows that came, those that nobody took in time included."""
        self._came[kind] += windows

    def carries(self, measured: float) -> None:
        """Note how many processor seconds a second models can have, as measured; inf where it was not."""
        self._carried = min(_BEGIN_LOAD, max(_LEAST_CARRIED, measured))

    def pass_time(self, now: float) -> None:
        """Note that all that was added came since the last call."""
        if self._upto_s is None:
            self._upto_s = now
        passed_s = now - self._upto_s
        if passed_s <= 0.0:
            return
        fresh = _faded(passed_s) / _faded(max(_SETTLING_S, self._seen_s + passed_s))  # all of it at first
        windows, self._came = self._came, Counter()
        for kind in self._rates_hz.keys() | windows.keys():
            before = self._rates_hz.get(kind, 0.0)
            self._rates_hz[kind] = before + fresh * (windows.get(kind, 0) / passed_s - before)
        self._seen_s += passed_s
        self._rates_hz = {k: hz for k, hz in self._rates_hz.items() if hz > _LEAST_HZ}
        self._upto_s = now

    def look(self, period: FluidPlan, prices: Float64, kept: frozenset[str] | None) -> bool:
        """Plan for the load of the moment where it is too high; tell whether the plan changed."""
        load = _load(self._rates_hz, period)
        if load < self._carried * (_END_LOAD / _BEGIN_LOAD if self.plan is not None else 1.0):
            ended = self.plan is not None
            self.plan = None
            return ended
        pressure = load / self._carried
        if self.plan is not None and _LESS * self._pressure <= pressure <= _MORE * self._pressure:
            return False
        self._pressure = pressure
        self.input_types |= {k.input_type for k, hz in self._rates_hz.items() if hz >= _OFTEN_HZ}
        limits = np.full(RESOURCES, np.inf)
        limits[2] = self._carried
        base = prices.copy()
        base[2] = 0.0
        self.plan = self._planner.mix(Outlook(dict(self._rates_hz)), limits, kept, base, prove=False)
        return True

    def end(self) -> None:
        """Forget the plan for the rush: the period was planned anew."""
        self.plan = None


def _faded(seconds: float) -> float:
    """Return which share of what was known so long ago no longer counts."""
    return -math.expm1(-seconds / _FADING_S)


def _load(rates_hz: Mapping[Kind, float], plan: FluidPlan) -> float:
    """Return processor seconds a second of windows at these rates under a plan."""
    return sum(
        hz * share * float(c.resources[2])
        for kind, hz in rates_hz.items()
        for c, share in plan.mixes.get(kind, ())
    )
