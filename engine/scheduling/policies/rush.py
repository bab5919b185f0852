"""Rushes: more windows than the processor carries under the plan, for a while."""

from __future__ import annotations

import math
from collections.abc import Mapping

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
        self.plan: FluidPlan | None = None
        self.input_types: set[str] = set()  # of the windows in all rushes so far

    def count(self, windows: Mapping[Kind, int], now: float) -> None:
        """Note what came since the last call."""
        passed_s = now - self._upto_s
        if passed_s <= 0.0:
            return
        kept = math.exp(-passed_s / _FADING_S)
        fading_s = min(passed_s, _FADING_S) if math.isfinite(passed_s) else _FADING_S
        for kind in self._rates_hz.keys() | windows.keys():
            before = self._rates_hz.get(kind, 0.0)
            hz = windows.get(kind, 0) / (passed_s if math.isfinite(passed_s) else fading_s)
            self._rates_hz[kind] = kept * before + (1.0 - kept) * hz
        self._rates_hz = {k: hz for k, hz in self._rates_hz.items() if hz > _LEAST_HZ}
        self._upto_s = now

    def look(self, period: FluidPlan, prices: Float64, kept: frozenset[str] | None) -> bool:
        """Plan for the load of the moment where it is too high; tell whether the plan changed."""
        load = sum(
            hz * share * float(c.resources[2])
            for kind, hz in self._rates_hz.items()
            for c, share in period.mixes.get(kind, ())
        )
        if load < (_END_LOAD if self.plan is not None else _BEGIN_LOAD):
            ended = self.plan is not None
            self.plan = None
            return ended
        if self.plan is not None and abs(load - self._load) <= _CHANGE * self._load:
            return False
        self._load = load
        self.input_types |= {k.input_type for k, hz in self._rates_hz.items() if hz >= _OFTEN_HZ}
        limits = np.full(RESOURCES, np.inf)
        limits[2] = _BEGIN_LOAD
        base = prices.copy()
        base[2] = 0.0
        self.plan = self._planner.mix(Outlook(dict(self._rates_hz)), limits, kept, base, prove=False)
        return True

    def end(self) -> None:
        """Forget the plan for the rush: the period was planned anew."""
        self.plan = None
