"""Why a policy chose what it chose: every option of every app on one window, priced and ruled out.

An explanation is made from what the policy was given and what it answered, so it can be made for any
policy, live, in a simulated day, or later from a decision log.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.scheduling.policy import Choice, Plan, Prices, State
from engine.scheduling.problem import (
    ConfigurationCost,
    Option,
    Place,
    Problem,
    configuration_cost,
    worst_latency_s,
)
from engine.scheduling.ruled_out import Limits, Rule, RuledOut, not_answered, outbid
from engine.scheduling.unserved import UNKNOWN_APP, without_options


@dataclass(frozen=True, slots=True)
class Taken:
    """What is expected to be taken from the priced resources.

    Args:
        energy_j: at the device, radio included.
        cost_usd: in the cloud.
        processor_s: at the device.
    """

    energy_j: float
    cost_usd: float
    processor_s: float

    @staticmethod
    def of(cost: ConfigurationCost) -> Taken:
        """Return what of a configuration's cost has a price."""
        return Taken(cost.energy_j, cost.cost_usd, cost.run_s)

    def beyond(self, other: Taken) -> Taken:
        """Return what this takes more than another."""
        return Taken(
            self.energy_j - other.energy_j,
            self.cost_usd - other.cost_usd,
            self.processor_s - other.processor_s,
        )

    def price(self, prices: Prices) -> float:
        """Return what it is worth, in right answers."""
        return (
            self.energy_j * prices.per_j
            + self.cost_usd * prices.per_usd
            + self.processor_s * prices.per_processor_s
        )


@dataclass(frozen=True, slots=True)
class OptionExplained:
    """One option of an app on one window.

    Args:
        variant: id.
        place: where the answer comes from.
        where: the same for people, with what runs at the device before.
        accuracy: expected share of right answers in the context.
        value: the same times the app's weight.
        alone: what it takes if no other app runs anything.
        marginal: what it takes beside what the other apps of the window run, shared things paid once.
        worth: value less the marginal cost at the plan's prices; the value where it has none.
        worst_latency_s: alone, with everything resident, at the link's speed now.
        load_s: to load what is not resident.
        load_j: likewise.
        chosen: whether it answers.
        ruled_out: why it does not.
    """

    variant: str
    place: Place
    where: str
    accuracy: float
    value: float
    alone: Taken
    marginal: Taken
    worth: float
    worst_latency_s: float
    load_s: float
    load_j: float
    chosen: bool
    ruled_out: RuledOut | None


@dataclass(frozen=True, slots=True)
class AppExplained:
    """One app that is due on the window.

    Args:
        app: its name.
        weight: of its accuracy.
        latency_limit_s: a later answer counts as unserved.
        accuracy_floor: options below it are not offered.
        unserved: why it is not answered, "" where it is.
        options: all that are offered, in the problem's order.
    """

    app: str
    weight: float
    latency_limit_s: float
    accuracy_floor: float
    unserved: str
    options: tuple[OptionExplained, ...]

    @property
    def chosen(self) -> OptionExplained | None:
        """What answers."""
        return next((o for o in self.options if o.chosen), None)


@dataclass(frozen=True, slots=True)
class BudgetPace:
    """What is left of a budget, against an even pace through the period.

    Args:
        left: neither spent nor reserved.
        budget: of the period; inf without a limit.
        pace: share of the budget left over share of the period left: 1 on an even pace, less where
            it was spent faster. None where there is no limit or no known end.
    """

    left: float
    budget: float
    pace: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One choice of a policy, and why.

    Args:
        t_s: of the choice.
        input_type: of the window.
        state: what the policy saw.
        plan: that held.
        energy: in J.
        money: in USD.
        together: what the configuration is expected to take.
        wanted: pieces that the choice asked to be loaded.
        apps: those due.
    """

    t_s: float
    input_type: str
    state: State
    plan: Plan
    energy: BudgetPace
    money: BudgetPace
    together: Taken
    wanted: tuple[str, ...]
    apps: tuple[AppExplained, ...]


def explain(
    problem: Problem,
    plan: Plan,
    choice: Choice,
    input_type: str,
    due: Sequence[str],
    state: State,
    now: float,
) -> Explanation:
    """Account for every option of the apps that are due on a window.

    Args:
        problem: that the policy had when it chose.
        plan: its latest.
        choice: what it answered.
        input_type: of the window.
        due: app names.
        state: what it was given.
        now: likewise.
    """
    budget = problem.budget
    time_left = state.period_left_s / budget.period_s if math.isfinite(budget.period_s) else math.nan
    return Explanation(
        now,
        input_type,
        state,
        plan,
        BudgetPace(
            state.energy_left_j, budget.energy_j, _pace(state.energy_left_j, budget.energy_j, time_left)
        ),
        BudgetPace(
            state.cost_left_usd, budget.cost_usd, _pace(state.cost_left_usd, budget.cost_usd, time_left)
        ),
        Taken.of(configuration_cost(problem, choice.options.values(), state.context)),
        choice.wanted,
        tuple(_explain_app(problem, plan, choice, app, state) for app in due),
    )


def _pace(left: float, budget: float, time_left: float) -> float | None:
    """Return how the share of a budget compares with a share of the period, None where it cannot."""
    if not 0.0 < budget < math.inf or not time_left > 0.0:
        return None
    return left / budget / time_left


def _explain_app(problem: Problem, plan: Plan, choice: Choice, name: str, state: State) -> AppExplained:
    app = problem.apps.get(name)
    if app is None:
        return AppExplained(name, 0.0, math.inf, 0.0, choice.unserved.get(name, UNKNOWN_APP), ())
    offered = problem.options.get(name, ())
    chosen = choice.options.get(name)
    reason = "" if chosen is not None else choice.unserved.get(name, "" if offered else without_options(app))
    account = _Account(problem, plan, state, tuple(o for a, o in choice.options.items() if a != name))
    return AppExplained(
        name,
        app.weight,
        app.latency_limit_s,
        app.accuracy_floor,
        reason,
        tuple(account.explain(o, chosen, reason) for o in offered),
    )


class _Account:
    """Accounts for the options of one app.

    Args:
        problem: apps, options, costs.
        plan: its prices.
        state: at the moment of the choice.
        beside: what the other apps of the window run.
    """

    def __init__(self, problem: Problem, plan: Plan, state: State, beside: tuple[Option, ...]) -> None:
        self._problem = problem
        self._prices = plan.prices
        self._state = state
        self._beside = beside
        self._paid_anyway = Taken.of(self._cost(*beside))
        self._limits = Limits(problem, plan, state, beside)

    def explain(self, option: Option, chosen: Option | None, reason: str) -> OptionExplained:
        """Return an option's account.

        Args:
            option: of the app.
            chosen: what answers the app, None where nothing does.
            reason: that nothing does.
        """
        is_chosen = chosen is not None and option == chosen
        alone, together = self._cost(option), self._cost(*self._beside, option)
        marginal = Taken.of(together).beyond(self._paid_anyway)
        accuracy = option.accuracy_in(self._state.context)
        value = self._problem.apps[option.app].weight * accuracy
        worth = value if self._prices is None else value - marginal.price(self._prices)
        ruled_out = None
        if not is_chosen:
            broken = self._limits.broken_by(option, alone, together)
            ruled_out = broken or self._not_taken(worth, chosen, reason)
        return OptionExplained(
            option.variant,
            option.place,
            option.where,
            accuracy,
            value,
            Taken.of(alone),
            marginal,
            worth,
            worst_latency_s(self._problem, option, self._state.mbps),
            self._limits.load_s(option),
            self._limits.load_j(option),
            is_chosen,
            ruled_out,
        )

    def _not_taken(self, worth: float, chosen: Option | None, reason: str) -> RuledOut:
        """Say why an option that could have run was not taken."""
        if chosen is None:
            return not_answered(worth, reason, self._prices is not None)
        taken = f"{chosen.variant} {chosen.where}"
        if self._prices is None:
            return RuledOut(Rule.POLICY, f"the policy's own rule, which has no prices, took {taken}")
        return outbid(self._worth_of(chosen, self._prices) - worth, taken)

    def _worth_of(self, option: Option, prices: Prices) -> float:
        value = self._problem.apps[option.app].weight * option.accuracy_in(self._state.context)
        return value - Taken.of(self._cost(*self._beside, option)).beyond(self._paid_anyway).price(prices)

    def _cost(self, *options: Option) -> ConfigurationCost:
        return configuration_cost(self._problem, options, self._state.context)
