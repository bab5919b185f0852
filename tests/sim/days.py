"""Small simulated days, and an observer that keeps an exact log of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from catalog.devices import RadioProfile
from engine.ledger import Category, Left
from engine.scheduling.policy import Choice, Plan, Policy, State
from engine.scheduling.problem import Option, Place, Problem
from sim.day import simulate_scenario
from sim.network import Network, Steps
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario
from sim.traces import Arrival

CONNECTED = Network(Steps({0.0: 1.0}, 0.0))


def arrivals(*times_s: float, due: tuple[str, ...] = ("who",), context: str = "") -> list[Arrival]:
    """Windows of digits."""
    return [Arrival(t, "cam", str(i), "digit", due, context) for i, t in enumerate(times_s)]


def device(
    problem: Problem,
    asked: Sequence[Arrival],
    network: Network | None = None,
    radio: RadioProfile | None = None,
    name: str = "device",
) -> DeviceDay:
    """One device's day over a list of windows."""
    return DeviceDay(name, problem, lambda: iter(asked), network or Network(), radio)


class DayLog:
    """Keeps everything that it is told but what is left; times are rounded to a nanosecond."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, str, str]] = []
        self.loads: list[tuple[float, str, str]] = []
        self.spent_j: dict[Category, float] = {}
        self.spent_usd = 0.0

    def served(self, t_s: float, option: Option, place: Place, right: float, latency_s: float) -> None:
        """Keep when an answer came and from what."""
        self.answers.append((round(t_s + latency_s, 9), option.app, f"{option.variant} at {place}"))

    def unserved(self, t_s: float, app: str, reason: str) -> None:
        """Keep which window was not answered, and why."""
        self.answers.append((round(t_s, 9), app, reason))

    def spent(self, t_s: float, category: Category, energy_j: float, cost_usd: float) -> None:
        """Add up."""
        self.spent_j[category] = self.spent_j.get(category, 0.0) + energy_j
        self.spent_usd += cost_usd

    def moved(self, t_s: float, piece: str, resident: bool) -> None:
        """Keep what came and went."""
        self.loads.append((round(t_s, 9), "in" if resident else "out", piece))

    def left(self, t_s: float, left: Left) -> None:
        """Do nothing."""


def live(
    day: DeviceDay,
    policy: Callable[[Problem], Policy],
    admission: bool = True,
    loads_take_time: bool = True,
) -> tuple[DayResult, DayLog]:
    """Live one device's day."""
    log = DayLog()
    scenario = Scenario("test", (day,), loads_take_time=loads_take_time)
    (result,) = simulate_scenario(scenario, policy, lambda _: log, admission)
    return result, log


class Always:
    """A policy that chooses the same options on every window, and keeps the states that it saw."""

    def __init__(self, options: Sequence[Option], rates_hz: Mapping[str, float] | None = None) -> None:
        self._options = {o.app: o for o in options}
        self._rates_hz = rates_hz or {}
        self.states: list[State] = []
        self.budgets_j: list[float] = []

    @property
    def name(self) -> str:
        """`always`."""
        return "always"

    def set_problem(self, problem: Problem) -> None:
        """Keep the budget."""
        self.budgets_j.append(problem.budget.energy_j)

    def plan(self, state: State, now: float) -> Plan:
        """Lower the rates."""
        return Plan(rates_hz=self._rates_hz)

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Choose what it always does."""
        self.states.append(state)
        return Choice({app: self._options[app] for app in due})
