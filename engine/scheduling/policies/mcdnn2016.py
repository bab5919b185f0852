"""The policy `mcdnn2016`: the scheduler of MCDNN (MobiSys 2016), section 5.3, algorithm 1.

Every request has a budget of energy at the device and of money in the cloud (request_budget). The
most accurate variant within it is taken; of equally accurate ones, the one at the device. An app
that is cached runs what is cached and is updated in the background; one that is not is updated
first and, among what loads and runs within an acceptable time, runs at once. If nothing is
affordable the cheapest variant at the device runs while energy is left, then the cheapest in the
cloud while money is left.

The options of one app that share parts with another's are judged at their full cost: the paper
leaves shared fragments out of the budgets. A configuration pays shared parts once, so the energy
really left falls more slowly than the rule expects and the budgets rise as time goes on: the rule
is careful early in the period and generous late.

A window is one step for all apps that ask about it, where in the paper every request is a step of
its own. So a variant that does not fit the memory beside those already chosen for the window is not
taken while another one does: the apps would evict one another on every window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.scheduling.admission import admit
from engine.scheduling.policies.candidates import Candidate, Candidates, candidates_of
from engine.scheduling.policies.frequency import Frequency
from engine.scheduling.policies.request_budget import BudgetShares, RequestBudget
from engine.scheduling.policies.room import Room
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import Option, Place, Problem
from engine.scheduling.unserved import ENERGY_GONE, MONEY_GONE, NO_CONNECTION, UNKNOWN_APP

ACCEPTABLE_S = 1.0  # to load and run on a cache miss: the constant of the authors' replay


@dataclass(slots=True)
class _Model:
    """What is remembered of one app.

    Args:
        candidates: its options.
        cached: what it runs now, if anything.
        loaded_at_s: when that was loaded.
        place: where it is cached, as of the window in work; None where it is not (any more).
        hz: its frequency, likewise.
    """

    candidates: Candidates
    frequency: Frequency
    cached: Candidate | None = None
    loaded_at_s: float = -math.inf
    place: Place | None = None
    hz: float = 0.0

    def look(self, state: State, now: float) -> None:
        """Note where it is cached and how often it asks."""
        self.hz = self.frequency.hz(now)
        cached = self.cached
        if cached is None or not cached.pieces <= state.resident:
            self.place = None
        else:
            self.place = None if cached.needs_cloud and not state.connected else cached.place

    def insert(self, target: Candidate, now: float) -> None:
        """Make the target what it runs from now on."""
        self.cached = target
        self.place = target.place
        self.loaded_at_s = now


class Mcdnn2016:
    """The published heuristic over device, cloud and split options.

    Args:
        problem: apps, options and costs.
        frequencies_hz: fixed request frequencies by app, instead of measured ones.
        immediate: apply a new choice to the request that caused it even when the app is cached, as
            the authors' replay does; else it is loaded in the background and used once resident.
        acceptable_s: longest time to load and run on a cache miss.
        admission: turn away what the energy left cannot pay for; the published policy does not, and
            overdraws the battery by what it sends.
    """

    def __init__(
        self,
        problem: Problem,
        frequencies_hz: Mapping[str, float] | None = None,
        immediate: bool = False,
        acceptable_s: float = ACCEPTABLE_S,
        admission: bool = True,
    ) -> None:
        self._fixed_hz = dict(frequencies_hz or {})
        self._immediate = immediate
        self._acceptable_s = acceptable_s
        self._admission = admission
        self._models: dict[str, _Model] = {}
        self.set_problem(problem)

    @property
    def name(self) -> str:
        """`mcdnn2016`."""
        return "mcdnn2016"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps or corrected costs; apps that stay keep frequency and cached variant."""
        self._problem = problem
        self._room = Room(problem)
        models: dict[str, _Model] = {}
        for name, app in problem.apps.items():
            candidates = candidates_of(problem, app)
            model = self._models.get(name)
            if model is None:
                frequency = Frequency(_expected_hz(problem, name), self._fixed_hz.get(name))
                model = _Model(candidates, frequency)
            model.candidates = candidates
            model.cached = _same_variant(candidates.best_first, model.cached)
            models[name] = model
        self._models = models

    def plan(self, state: State, now: float) -> Plan:  # noqa: ARG002 - decides request by request
        """Leave everything to demand: this policy has no plan."""
        return Plan()

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:  # noqa: ARG002
        """Decide app by app, in their order; afterwards admit what the energy can pay for."""
        options: dict[str, Option] = {}
        unserved: dict[str, str] = {}
        wanted: dict[str, None] = {}
        worst_j = 0.0
        self._room.empty()
        shares = BudgetShares(state)
        for model in self._models.values():
            model.look(state, now)
            shares.count(model.place, model.hz)
        for app in due:
            asking = self._models.get(app)
            if asking is None or not asking.candidates.best_first:
                unserved[app] = UNKNOWN_APP if asking is None else asking.candidates.none_because
                continue
            candidate = self._process(asking, shares, state, now, wanted)
            if candidate is None:
                unserved[app] = _why_nothing(asking, state)
            else:
                self._room.take(candidate)
                options[app] = candidate.option
                worst_j += candidate.worst_energy_j
        if not self._admission or (worst_j <= state.energy_left_j and state.energy_left_j > 0.0):
            return Choice(options, unserved, tuple(wanted))
        return admit(self._problem, options, state.energy_left_j).choice(unserved, tuple(wanted))

    def _process(
        self, model: _Model, shares: BudgetShares, state: State, now: float, wanted: dict[str, None]
    ) -> Candidate | None:
        """Return what answers this request, and bring the app's place in the cache up to date."""
        shares.discount(model.place, model.hz)
        model.frequency.count(now)
        model.hz = model.frequency.hz(now)
        running = model.cached
        missed = running is None or model.place is None or not self._room.holds(running)
        since_load_s = math.inf if missed else now - model.loaded_at_s
        target = self._target(model, shares.request(model.hz, since_load_s), missed, state)
        if target is None:
            shares.count(model.place, model.hz)
            return None
        if missed or running is None:
            model.frequency.paged_in(now)
            model.insert(target, now)
            running = target
        elif target is not running:
            if self._immediate or target.pieces <= state.resident:
                model.insert(target, now)
            else:
                wanted.update(dict.fromkeys(target.option.device_pieces))
        shares.count(model.place, model.hz)
        return target if self._immediate else running

    def _target(self, model: _Model, budget: RequestBudget, missed: bool, state: State) -> Candidate | None:
        """Return the most accurate variant within this request's budgets, else the cheapest.

        On a miss the load term is nil, as nothing was loaded before, and what takes too long to load
        is left out.
        """
        for candidate in model.candidates.best_first:
            if not budget.affords(candidate) or (candidate.needs_cloud and not state.connected):
                continue
            if not self._room.holds(candidate):
                continue
            load_j, load_s = candidate.missing(state.resident)
            if missed and load_s + candidate.run_s + candidate.transfers_s > self._acceptable_s:
                continue
            if load_j == 0.0 or budget.affords(candidate, load_j):
                return candidate
        return self._cheapest(model.candidates, state)

    def _cheapest(self, candidates: Candidates, state: State) -> Candidate | None:
        """Return the cheapest at the device while energy is left, then in the cloud while money is left."""
        device = self._first_with_room(candidates.at_device)
        if device is not None and device.energy_j <= state.energy_left_j and state.energy_left_j > 0.0:
            return device
        cloud = self._first_with_room(candidates.in_cloud) if state.connected else None
        if cloud is not None and cloud.cost_usd <= state.cost_left_usd and state.cost_left_usd > 0.0:
            return cloud
        return None

    def _first_with_room(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Return the first that fits beside what was chosen, else the first of all, if there is one."""
        first = candidates[0] if candidates else None
        return next((c for c in candidates if self._room.holds(c)), first)


def _expected_hz(problem: Problem, app: str) -> float:
    """Return how often an app is expected to ask: not more often than it wants nor windows come."""
    known = problem.apps[app]
    return min(known.wanted_hz, problem.windows_hz.get(known.input_type, math.inf))


def _why_nothing(model: _Model, state: State) -> str:
    if model.candidates.at_device:
        return ENERGY_GONE
    return MONEY_GONE if state.connected else NO_CONNECTION


def _same_variant(candidates: Sequence[Candidate], cached: Candidate | None) -> Candidate | None:
    """Return the candidate, with new costs, that is what was cached; None where it is gone."""
    if cached is None:
        return None
    return next((c for c in candidates if c.is_again(cached)), None)
