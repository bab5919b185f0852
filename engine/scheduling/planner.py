"""The planner: what to keep in memory and which mix of configurations each kind of window gets.

Where everything fits into the memory only the mix is planned. Where it does not, or where loading
costs energy that matters, a mixed-integer program decides what is kept (residency_program), and the
mix is planned with that (fluid_program). Every plan is feasible; its distance from the best one is
known from the program's bound.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scheduling.configuration_space import ConfigurationSpace
from engine.scheduling.configurations import RESOURCES, Configuration
from engine.scheduling.fluid_program import FluidPlan, FluidProgram, Outlook
from engine.scheduling.kinds import Kind
from engine.scheduling.problem import Problem, memory_bytes
from engine.scheduling.residency_program import best_residents

Float64 = npt.NDArray[np.float64]

_STAY = 0.005  # what else is kept must bring this share more than what is kept now
_AS_BEFORE = 0.0025  # share of what could be reached without limits on memory, lost since it was thought over
_ALIKE = 0.05  # change in what is to come, and in what there is a window, up to which what is kept may stay
_OTHER = 0.25  # the same, from which on it has to be thought over
_FAST = 0.1  # of the tightest latency limit: so fast is what a rush gets
_HURRY = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)  # how much dearer the processor gets, tried in turn
_MOST_HELD = 0.5  # of the memory, for what is only there for a rush
_LEAST_S = 1e-6
_FREE_LOADS = 1e-3  # share of the energy left up to which loading is not weighed against staying
_MOST_SPACES = 2000


@dataclass(frozen=True, slots=True)
class PlannedMix:
    """A plan for windows to come.

    Args:
        fluid: the mix and its prices.
        kept: all that may be resident; None for everything.
        gap: no plan is better by more than this share of its value.
    """

    fluid: FluidPlan
    kept: frozenset[str] | None
    gap: float


class _Situation:
    """What a plan is made for, to tell whether another is much the same.

    Args:
        windows: expected, by kind.
        limits: (3,) energy, money, processor time; inf for none.
    """

    def __init__(self, windows: Mapping[Kind, float], limits: Float64) -> None:
        total = sum(windows.values())
        self._shares = {k: n / total for k, n in windows.items()} if total > 0.0 else {}
        self._a_window = np.where(np.isfinite(limits), limits, 0.0) / max(total, 1e-9)

    def is_like(self, other: _Situation, alike: float) -> bool:
        """Tell whether windows and what there is for each differ by a share of them at most."""
        kinds = self._shares.keys() | other._shares.keys()
        moved = 0.5 * sum(abs(self._shares.get(k, 0.0) - other._shares.get(k, 0.0)) for k in kinds)
        before = other._a_window
        return moved <= alike and bool((abs(self._a_window - before) <= alike * before).all())


class Planner:
    """Plans one problem again and again.

    Args:
        problem: apps, options, costs, memory.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._spaces: dict[Kind, ConfigurationSpace] = {}
        self._program = FluidProgram(self._spaces)
        self._reached = np.inf
        self._thought_of = _Situation({}, np.zeros(RESOURCES))

    def space(self, kind: Kind) -> ConfigurationSpace:
        """Return the configurations of a kind of window."""
        space = self._spaces.get(kind)
        if space is None:
            if len(self._spaces) >= _MOST_SPACES:
                self._spaces.clear()
                self._program = FluidProgram(self._spaces)
            space = self._spaces[kind] = ConfigurationSpace(self._problem, kind)
        return space

    def fits_together(self, windows: Mapping[Kind, float]) -> bool:
        """Tell whether all that these windows may need fits into the memory at once."""
        wanted = frozenset().union(*(self.space(k).device_pieces for k in windows))
        return memory_bytes(self._problem.pieces, wanted) <= self._problem.budget.memory_bytes

    def is_other(self, outlook: Outlook, limits: Float64) -> bool:
        """Tell whether things are so different that what is kept has to be thought over."""
        return not _Situation(outlook.expected(), limits).is_like(self._thought_of, _OTHER)

    def mix(
        self,
        outlook: Outlook,
        limits: Float64,
        kept: frozenset[str] | None = None,
        prices: Float64 | None = None,
        prove: bool = True,
    ) -> FluidPlan:
        """Return the best mix with what is kept; see FluidProgram.solve."""
        for kind in outlook.expected():
            self.space(kind)
        return self._program.solve(outlook, limits, kept, prices, prove)

    def plan(
        self,
        outlook: Outlook,
        limits: Float64,
        resident: frozenset[str] = frozenset(),
        kept: frozenset[str] | None = None,
        tolerance: float = 1e-4,
        rushed: Collection[str] = (),
    ) -> PlannedMix:
        """Return what to keep and the mix for the windows to come.

        Args:
            outlook: windows expected.
            limits: (3,) energy in J, money in USD, processor time in s; inf for none.
            resident: what is in memory now.
            kept: what was kept by the plan before, to stay with unless another is better by half a
                percent; None where there was none.
            tolerance: how far from the best the program may stay, as a share.
            rushed: input types of which more windows come at times than the processor carries: for
                those something fast is kept too.
        """
        windows = outlook.expected()
        situation = _Situation(windows, limits)
        free = self.mix(outlook, limits)
        if self.fits_together(windows):
            loads_j = self._loads_j(frozenset(free.pieces), resident)
            if loads_j <= _FREE_LOADS * limits[0] or not np.isfinite(limits[0]):
                self._thought_of = situation
                return PlannedMix(free, None, _gap(free.bound, free.value))
        held = self._fast_pieces(windows, rushed)
        if self._loads_j(held, resident) > limits[0]:
            held = frozenset()  # what cannot be loaded cannot be kept
        stayed = None
        if kept is not None and self._fits(kept) and held <= kept:
            stayed = self._with_loads(outlook, limits, resident, kept, prove=False)
            reached = free.bound * (self._reached - _AS_BEFORE)
            if stayed.value >= reached and situation.is_like(self._thought_of, _ALIKE):
                return PlannedMix(stayed, kept, _gap(free.bound, stayed.value))
        spaces = {k: self._spaces[k] for k, n in windows.items() if n > 0.0}
        best = best_residents(self._problem, spaces, windows, limits, resident, tolerance, held)
        bound = free.bound if outlook.futures or held else min(best.bound, free.bound)
        found = self._with_loads(outlook, limits, resident, best.pieces)
        pieces = best.pieces
        if kept is not None and stayed is not None and stayed.value >= found.value * (1.0 - _STAY):
            found, pieces = stayed, kept
        self._reached = found.value / free.bound if free.bound > 0.0 else np.inf
        self._thought_of = situation
        return PlannedMix(found, pieces, _gap(bound, found.value))

    def _fast_pieces(self, windows: Mapping[Kind, float], input_types: Collection[str]) -> frozenset[str]:
        """Return what the best configurations need that are over in a small part of the tightest limit."""
        limit_s = min((a.latency_limit_s for a in self._problem.apps.values()), default=0.0)
        held: frozenset[str] = frozenset()
        for input_type in sorted(input_types):
            kinds = [k for k in windows if k.input_type == input_type]
            if not kinds:
                continue
            asked = max(kinds, key=lambda k: (len(k.due), windows[k]))._replace(connected=False)
            pieces = held | self._fast(self.space(asked), _FAST * limit_s).pieces
            if memory_bytes(self._problem.pieces, pieces) <= _MOST_HELD * self._problem.budget.memory_bytes:
                held = pieces
        return held

    def _fast(self, space: ConfigurationSpace, within_s: float) -> Configuration:
        """Return the best configuration that runs within a time, or else the fastest that was found."""
        fast = space.nothing
        for hurry in _HURRY:
            prices = np.array([0.0, 0.0, hurry / max(within_s, _LEAST_S)])
            found = space.best(prices)
            if not found.options:
                break
            fast = found
            if found.resources[2] <= within_s:
                break
        return fast

    def _with_loads(
        self,
        outlook: Outlook,
        limits: Float64,
        resident: frozenset[str],
        kept: frozenset[str],
        prove: bool = True,
    ) -> FluidPlan:
        """Return the best mix with what is kept, once what it uses is loaded."""
        loads_j = self._loads_j(kept, resident)
        left = limits.copy()
        left[0] = max(0.0, limits[0] - loads_j)
        return self.mix(outlook, left, kept, prove=prove)

    def _loads_j(self, pieces: frozenset[str], resident: frozenset[str]) -> float:
        return math.fsum(self._problem.pieces[p].load_energy_j for p in pieces - resident)

    def _fits(self, pieces: frozenset[str]) -> bool:
        known = self._problem.pieces
        return pieces <= known.keys() and memory_bytes(known, pieces) <= self._problem.budget.memory_bytes


def _gap(bound: float, value: float) -> float:
    """Return how much better than a value the bound is, as a share of the bound."""
    return max(0.0, 1.0 - value / bound) if bound > 0.0 else 0.0
