"""What a policy is given, what it answers, and its two verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from engine.scheduling.problem import Option, Problem


class State(NamedTuple):
    """What a policy may see of the world at one moment.

    A named tuple, because one is made for every window.

    Args:
        energy_left_j: of the period's budget, reservations taken off.
        cost_left_usd: likewise.
        period_left_s: until the budget renews.
        resident: part and head ids in memory.
        loading: part and head ids on their way.
        connected: whether the cloud answers.
        backlog_s: how long the window has waited already.
        mbps: speed of the link now; inf where nothing else is known than what the problem expects.
        context: which of the options' contexts holds for the window's input type; "" for none.
        missed: windows like this one that came since the one before, and that nobody could take in time.
        carried: processor seconds a second that the device has for models, as measured lately; inf where
            nothing is known. For plan().
        held_back_j: expected to go into finding windows for the rest of the period, and therefore not among
            what is left; 0 where it is known for sure. For plan().
    """

    energy_left_j: float = float("inf")
    cost_left_usd: float = float("inf")
    period_left_s: float = float("inf")
    resident: frozenset[str] = frozenset()
    loading: frozenset[str] = frozenset()
    connected: bool = False
    backlog_s: float = 0.0
    mbps: float = float("inf")
    context: str = ""
    missed: int = 0
    carried: float = float("inf")
    held_back_j: float = 0.0


@dataclass(frozen=True, slots=True)
class Prices:
    """What a unit of each resource is worth, in right answers (weighted accuracy).

    Args:
        per_j: of device energy.
        per_usd: of cloud money.
        per_processor_s: of device processor time.
    """

    per_j: float = 0.0
    per_usd: float = 0.0
    per_processor_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What should hold until the next plan.

    Args:
        resident: part and head ids to keep in memory, most important first; empty to leave it to demand.
        rates_hz: windows a second to classify, by app, where lower than wanted.
        note: why, for the log.
        prices: what the plan values resources at, where it has prices.
        gap: proven distance from the best plan, as a share of its value; 0 where it is the best.
    """

    resident: tuple[str, ...] = ()
    rates_hz: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    prices: Prices | None = None
    gap: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One configuration for the apps that are due on a window.

    Args:
        options: by app; an app that is absent is not served.
        unserved: why not, by app.
        wanted: part and head ids to load in the background, most important first.
    """

    options: Mapping[str, Option]
    unserved: Mapping[str, str] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()


_PLANS_A_PERIOD = 1000
_PLAN_LEAST_S, _PLAN_MOST_S = 0.25, 5.0


def plan_interval_s(period_s: float) -> float:
    """Return how often a policy is asked to plan, by everyone who asks: a thousandth of a period.

    It is never more often than four times a second nor less often than every five seconds. Most
    calls find that nothing is due.
    """
    return min(_PLAN_MOST_S, max(_PLAN_LEAST_S, period_s / _PLANS_A_PERIOD))


class Policy(Protocol):
    """Picks configurations. No method reads a clock or does I/O.

    The same calls in the same order give the same answers: a policy's memory is made of what it
    was called with.
    """

    @property
    def name(self) -> str:
        """Name on the command line and in results."""

    def set_problem(self, problem: Problem) -> None:
        """Take other apps or corrected costs; what is remembered of apps that stay is kept."""

    def plan(self, state: State, now: float) -> Plan:
        """Prepare for what is expected; called rarely (at the start, then every few seconds)."""

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Return one configuration for all apps that are due on a window; called on every window."""
