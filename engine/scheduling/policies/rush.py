"""Rushes: more windows than the processor carries under the plan, for a while.

The processor carries 0.9 s of models a second, as long as windows are taken in time. Where they keep being
missed, others need it, too (decoding, what a window costs beside its models, other programs): it carries
no more than what was run, and a tenth more at each look without misses.
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
_BEGIN_LOAD, _END_LOAD = 0.9, 0.8  # processor seconds a second under the plan of the period
_CHANGE = 0.15  # in the load, from which on a rush is planned again
_MISSED = 0.05  # of the windows; so much of them in two looks, one after the other, is no hiccup
_LOOKS = 2
_LESS, _MORE = 0.9, 1.1
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
        self._upto_s = -math.inf
        self._load = 0.0
        self._came: Counter[Kind] = Counter()
        self._missed: Counter[Kind] = Counter()
        self._taken_hz: dict[Kind, float] = {}
        self._missing = 0  # looks, one after the other
        self._carried = self._planned_carried = _BEGIN_LOAD
        self._in_force: FluidPlan | None = None
        self.plan: FluidPlan | None = None
        self.input_types: set[str] = set()  # of the windows in all rushes so far

    def take(self, planner: Planner, apps: Collection[str]) -> None:
        """Plan for another problem from here on; what was seen of the load of its apps is kept."""
        self._planner = planner
        self._rates_hz = {k: hz for k, hz in self._rates_hz.items() if set(k.due) <= set(apps)}
        self._came = Counter({k: n for k, n in self._came.items() if set(k.due) <= set(apps)})
        self.plan = None
        self.input_types = set()

    def add(self, kind: Kind, windows: int, missed: int) -> None:
        """Note windows that came, and how many of them nobody took in time."""
        self._came[kind] += windows
        self._missed[kind] += missed

    def pass_time(self, now: float) -> None:
        """Note that all that was added came since the last call."""
        passed_s = now - self._upto_s
        if passed_s <= 0.0:
            return
        kept = math.exp(-passed_s / _FADING_S)
        fading_s = min(passed_s, _FADING_S) if math.isfinite(passed_s) else _FADING_S
        windows, missed = self._came, self._missed
        self._came, self._missed = Counter(), Counter()
        for kind in self._rates_hz.keys() | windows.keys():
            before = self._rates_hz.get(kind, 0.0)
            hz = windows.get(kind, 0) / (passed_s if math.isfinite(passed_s) else fading_s)
            self._rates_hz[kind] = kept * before + (1.0 - kept) * hz
        self._rates_hz = {k: hz for k, hz in self._rates_hz.items() if hz > _LEAST_HZ}
        self._upto_s = now
        if math.isfinite(passed_s):
            self._taken_hz = {k: (n - missed.get(k, 0)) / passed_s for k, n in windows.items()}
            is_missing = sum(missed.values()) > _MISSED * sum(windows.values())
            self._missing = self._missing + 1 if is_missing else 0
            self._learn()

    def _learn(self) -> None:
        """Correct what the processor carries by what it did."""
        if not self._missing:
            self._carried = min(_BEGIN_LOAD, _MORE * self._carried)
        elif self._missing >= _LOOKS and self._in_force is not None:
            run = _load(self._taken_hz, self._in_force)
            self._carried = max(_LEAST_CARRIED, min(self._carried, _LESS * run))

    def look(self, period: FluidPlan, prices: Float64, kept: frozenset[str] | None) -> bool:
        """Plan for the load of the moment where it is too high; tell whether the plan changed."""
        load = _load(self._rates_hz, period)
        if load < self._carried * (_END_LOAD / _BEGIN_LOAD if self.plan is not None else 1.0):
            ended = self.plan is not None
            self.plan, self._in_force = None, period
            return ended
        if self.plan is not None and not self._has_changed(load):
            return False
        self._load, self._planned_carried = load, self._carried
        self.input_types |= {k.input_type for k, hz in self._rates_hz.items() if hz >= _OFTEN_HZ}
        limits = np.full(RESOURCES, np.inf)
        limits[2] = self._carried
        base = prices.copy()
        base[2] = 0.0
        self.plan = self._planner.mix(Outlook(dict(self._rates_hz)), limits, kept, base, prove=False)
        self._in_force = self.plan
        return True

    def end(self) -> None:
        """Forget the plan for the rush: the period was planned anew."""
        self.plan = None

    def _has_changed(self, load: float) -> bool:
        more = abs(load - self._load) > _CHANGE * self._load
        return more or abs(self._carried - self._planned_carried) > _CHANGE * self._planned_carried


def _load(rates_hz: Mapping[Kind, float], plan: FluidPlan) -> float:
    """Return processor seconds a second of windows at these rates under a plan."""
    return sum(
        hz * share * float(c.resources[2])
        for kind, hz in rates_hz.items()
        for c, share in plan.mixes.get(kind, ())
    )
