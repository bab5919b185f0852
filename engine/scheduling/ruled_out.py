"""What keeps an option from being the answer of an app on one window.

Reasons are looked for from the hardest to the softest: what no policy could change comes before what
the state of the moment forbids, and that before what another choice would have been worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.scheduling.policy import Plan, State
from engine.scheduling.problem import (
    ConfigurationCost,
    Option,
    Problem,
    configuration_cost,
    distinct_pieces,
    memory_bytes,
    worst_latency_s,
)

_MB = 1e6
_SAME = 1e-6  # right answers; below it two options are worth the same


class Rule(StrEnum):
    """What rules an option out."""

    CONTEXT = "context"  # of no use while this context lasts
    FLOOR = "accuracy floor"
    CONNECTION = "connection"
    MEMORY = "memory"
    LATENCY = "latency"
    ENERGY = "energy"
    MONEY = "money"
    RESIDENCY = "residency"  # would have to be loaded
    WORTH = "worth"  # something else is worth more at the plan's prices
    MIX = "mix"  # worth no less, but another one's turn
    POLICY = "policy"  # a rule of the policy's own


@dataclass(frozen=True, slots=True)
class RuledOut:
    """Why an option does not answer.

    Args:
        rule: what kind of reason it is.
        why: in words, with figures.
    """

    rule: Rule
    why: str


class _Answer(NamedTuple):
    """One app's answer, as far as time goes.

    Args:
        app: its name.
        limit_s: latest answer.
        besides_running_s: what its time is made of besides running at the device: waiting, cloud, transfers.
    """

    app: str
    limit_s: float
    besides_running_s: float


class Limits:
    """Finds which limit an option breaks beside what the other apps of the window run.

    Args:
        problem: apps, options, costs, memory.
        plan: says what is kept in memory.
        state: at the moment of the choice.
        beside: what the other apps of the window run.
    """

    def __init__(self, problem: Problem, plan: Plan, state: State, beside: Sequence[Option]) -> None:
        self._problem = problem
        self._planned = frozenset(plan.resident)
        self._state = state
        self._pieces_beside = frozenset(distinct_pieces(beside))
        self._beside = [self._answer(o, configuration_cost(problem, (o,))) for o in beside]

    def broken_by(
        self, option: Option, alone: ConfigurationCost, together: ConfigurationCost
    ) -> RuledOut | None:
        """Return the first limit that an option breaks, None where it could run.

        Args:
            option: of one app.
            alone: what it costs if nothing else runs.
            together: what it costs with what the other apps of the window run.
        """
        return (
            self._of_use(option)
            or self._alone(option)
            or self._affordable(option, together)
            or self._together(option, alone, together)
            or self._resident(option)
        )

    def missing(self, option: Option) -> tuple[str, ...]:
        """Return what an option needs at the device that is not in memory."""
        return tuple(p for p in dict.fromkeys(option.device_pieces) if p not in self._state.resident)

    def load_s(self, option: Option) -> float:
        """Return how long it takes to load what an option misses."""
        return sum(self._problem.pieces[p].load_s for p in self.missing(option))

    def load_j(self, option: Option) -> float:
        """Return the energy to load what an option misses."""
        return sum(self._problem.pieces[p].load_energy_j for p in self.missing(option))

    def _answer(self, option: Option, alone: ConfigurationCost) -> _Answer:
        app = self._problem.apps[option.app]
        away_s = worst_latency_s(self._problem, option, self._state.mbps) - alone.run_worst_s
        return _Answer(app.name, app.latency_limit_s, self._state.backlog_s + away_s)

    def _of_use(self, option: Option) -> RuledOut | None:
        context, app = self._state.context, self._problem.apps[option.app]
        accuracy = option.accuracy_in(context)
        if accuracy <= 0.0:
            return RuledOut(
                Rule.CONTEXT, f"of no use in context {context!r}" if context else "no context holds"
            )
        if accuracy < app.accuracy_floor:
            return RuledOut(Rule.FLOOR, f"below the accuracy floor of {app.accuracy_floor:.1%}")
        return None

    def _alone(self, option: Option) -> RuledOut | None:
        """Check what would rule it out also if it were the only one."""
        problem, state = self._problem, self._state
        if option.needs_cloud and not state.connected:
            return RuledOut(Rule.CONNECTION, "no connection to the cloud")
        size_bytes, limit_bytes = (
            memory_bytes(problem.pieces, option.device_pieces),
            problem.budget.memory_bytes,
        )
        if size_bytes > limit_bytes:
            return RuledOut(Rule.MEMORY, f"too large: {size_bytes / _MB:.4g} of {limit_bytes / _MB:.4g} MB")
        latency_s = worst_latency_s(problem, option, state.mbps)
        limit_s = problem.apps[option.app].latency_limit_s
        if latency_s > limit_s:
            return RuledOut(Rule.LATENCY, f"too slow: up to {latency_s:.3g} s, the limit is {limit_s:g} s")
        if state.backlog_s + latency_s > limit_s:
            waited = f"too slow after waiting {state.backlog_s:.3g} s: up to {latency_s:.3g} s more"
            return RuledOut(Rule.LATENCY, f"{waited}, the limit is {limit_s:g} s")
        return None

    def _affordable(self, option: Option, together: ConfigurationCost) -> RuledOut | None:
        state = self._state
        worst_j = together.worst_energy_j + self.load_j(option)
        if state.energy_left_j <= 0.0 or worst_j > state.energy_left_j:
            left = f"{state.energy_left_j:.3g} J left do not cover the window's worst case of {worst_j:.3g} J"
            return RuledOut(Rule.ENERGY, left)
        if option.needs_cloud and together.worst_cost_usd > state.cost_left_usd:
            left = f"${state.cost_left_usd:.3g} left do not cover the window's ${together.worst_cost_usd:.3g}"
            return RuledOut(Rule.MONEY, left)
        return None

    def _together(
        self, option: Option, alone: ConfigurationCost, together: ConfigurationCost
    ) -> RuledOut | None:
        """Check memory and time beside what the other apps of the window run."""
        if not self._beside:
            return None
        held_bytes = memory_bytes(self._problem.pieces, self._pieces_beside.union(option.device_pieces))
        limit_bytes = self._problem.budget.memory_bytes
        if held_bytes > limit_bytes:
            needs = f"{held_bytes / _MB:.4g} of {limit_bytes / _MB:.4g} MB with what the other apps run"
            return RuledOut(Rule.MEMORY, f"does not fit: {needs}")
        for answer in (self._answer(option, alone), *self._beside):
            total_s = answer.besides_running_s + together.run_worst_s
            if total_s > answer.limit_s:
                late = f"too slow beside the other apps: {answer.app} up to {total_s:.3g} s"
                return RuledOut(Rule.LATENCY, f"{late}, the limit is {answer.limit_s:g} s")
        return None

    def _resident(self, option: Option) -> RuledOut | None:
        missing = self.missing(option)
        if not missing:
            return None
        state, problem = self._state, self._problem
        coming = "on its way into memory" if state.loading.issuperset(missing) else "not resident"
        load_s = self.load_s(option)
        total_s = state.backlog_s + load_s + worst_latency_s(problem, option, state.mbps)
        limit_s = problem.apps[option.app].latency_limit_s
        if total_s > limit_s:
            late = f"{coming}: loading takes {load_s:.3g} s, too long for the limit of {limit_s:g} s"
            return RuledOut(Rule.RESIDENCY, late)
        if self._planned and not self._planned.issuperset(missing):
            loads = f"loading it takes {load_s:.3g} s and {self.load_j(option):.3g} J"
            return RuledOut(Rule.RESIDENCY, f"{coming} and not in the plan: {loads}")
        return None


def not_answered(worth: float, reason: str, priced: bool) -> RuledOut:
    """Say why an option that could have run was not chosen for an app that got nothing.

    Args:
        worth: at the plan's prices.
        reason: that the policy gave; "" where it gave none.
        priced: whether the plan has prices at all.
    """
    if priced and worth < -_SAME:
        return RuledOut(Rule.WORTH, f"worth {-worth:.3g} less than no answer at these prices")
    return RuledOut(Rule.POLICY, f"not answered: {reason or 'the policy gives no reason'}")


def outbid(less: float, taken: str) -> RuledOut:
    """Say why an option that could have run was not chosen where another one was.

    Args:
        less: how much less it is worth at the plan's prices.
        taken: what was chosen.
    """
    if less > _SAME:
        return RuledOut(Rule.WORTH, f"worth {less:.3g} less than {taken} at these prices")
    if less >= -_SAME:
        return RuledOut(Rule.MIX, f"worth as much as {taken}, whose turn it is in the plan's mix")
    more = f"worth {-less:.3g} more than {taken} on this window alone"
    return RuledOut(Rule.MIX, f"{more}; the plan's mix, for several futures, gives it other windows")
