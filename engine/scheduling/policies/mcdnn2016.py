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
from engine.scheduling.policies.candidates import Candidate, candidates_of, cheapest
from engine.scheduling.policies.frequency import Frequency
from engine.scheduling.policies.request_budget import CachedSquares, RequestBudget, request_budget
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import Option, Place, Problem
from engine.scheduling.unserved import ENERGY_GONE, MONEY_GONE, NO_CONNECTION, UNKNOWN_APP

ACCEPTABLE_S = 1.0  # to load and run on a cache miss: the constant of the authors' replay
ROUND_TRIP_S = 0.1  # to the cloud: likewise


class _Room:
    """The memory that is left beside what was already chosen for a window."""

    def __init__(self, problem: Problem) -> None:
        self._bytes = {p: c.memory_bytes for p, c in problem.pieces.items()}
        self._limit_bytes = problem.budget.memory_bytes
        self._taken: set[str] = set()
        self._used_bytes = 0

    def empty(self) -> None:
        """Begin a window."""
        self._taken.clear()
        self._used_bytes = 0

    def holds(self, candidate: Candidate) -> bool:
        """Tell whether a candidate fits, parts that are there already counted once."""
        if self._limit_bytes == math.inf:
            return True
        return self._used_bytes + self._further_bytes(candidate) <= self._limit_bytes

    def take(self, candidate: Candidate) -> None:
        """Take a candidate's memory."""
        self._used_bytes += self._further_bytes(candidate)
        self._taken |= candidate.pieces

    def _further_bytes(self, candidate: Candidate) -> int:
        return sum(self._bytes[p] for p in candidate.pieces - self._taken)


@dataclass(slots=True)
class _Model:
    """What is remembered of one app.

    Args:
        candidates: its options, the most accurate first.
        none_because: why it has none.
        cached: what it runs now, if anything.
        loaded_at_s: when that was loaded.
    """

    candidates: tuple[Candidate, ...]
    none_because: str
    frequency: Frequency
    cached: Candidate | None = None
    loaded_at_s: float = -math.inf

    def location(self, state: State) -> Place | None:
        """Return where it is cached, or None where it is not (any more)."""
        cached = self.cached
        if cached is None or (cached.needs_cloud and not state.connected):
            return None
        return cached.place if cached.pieces <= state.resident else None

    def insert(self, target: Candidate, now: float) -> Candidate:
        """Make the target what it runs from now on, and return it."""
        self.cached = target
        self.loaded_at_s = now
        return target


class Mcdnn2016:
    """The published heuristic over device, cloud and split options.

    Args:
        problem: apps, options and costs.
        frequencies_hz: fixed request frequencies by app, instead of measured ones.
        immediate: apply a new choice to the request that caused it even when the app is cached, as
            the authors' replay does; else it is loaded in the background and used once resident.
        acceptable_s: longest time to load and run on a cache miss.
    """

    def __init__(
        self,
        problem: Problem,
        frequencies_hz: Mapping[str, float] | None = None,
        immediate: bool = False,
        acceptable_s: float = ACCEPTABLE_S,
    ) -> None:
        self._fixed_hz = dict(frequencies_hz or {})
        self._immediate = immediate
        self._acceptable_s = acceptable_s
        self._models: dict[str, _Model] = {}
        self.set_problem(problem)

    @property
    def name(self) -> str:
        """`mcdnn2016`."""
        return "mcdnn2016"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps or corrected costs; apps that stay keep frequency and cached variant."""
        self._pieces = problem.pieces
        self._room = _Room(problem)
        models: dict[str, _Model] = {}
        for name, app in problem.apps.items():
            found = candidates_of(problem, app)
            model = self._models.get(name)
            if model is None:
                model = _Model((), "", Frequency(_expected_hz(problem, name), self._fixed_hz.get(name)))
            model.candidates, model.none_because = found.candidates, found.none_because
            model.cached = _same_variant(found.candidates, model.cached)
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
        cached = self._cached(state, now)
        for app in due:
            model = self._models.get(app)
            if model is None or not model.candidates:
                unserved[app] = UNKNOWN_APP if model is None else model.none_because
                continue
            candidate = self._process(model, cached, state, now, wanted)
            if candidate is None:
                unserved[app] = _why_nothing(model, state)
            else:
                self._room.take(candidate)
                options[app] = candidate.option
                worst_j += candidate.worst_energy_j
        if worst_j <= state.energy_left_j and state.energy_left_j > 0.0:
            return Choice(options, unserved, tuple(wanted))
        return admit(options, self._pieces, state.energy_left_j).choice(unserved, tuple(wanted))

    def _cached(self, state: State, now: float) -> CachedSquares:
        sums = CachedSquares()
        for model in self._models.values():
            sums.add(model.location(state), model.frequency.hz(now) ** 2)
        return sums

    def _process(
        self, model: _Model, cached: CachedSquares, state: State, now: float, wanted: dict[str, None]
    ) -> Candidate | None:
        """Return what answers this request, and bring the app's place in the cache up to date."""
        location = model.location(state)
        cached.add(location, -(model.frequency.hz(now) ** 2))
        if model.cached is not None and not self._room.holds(model.cached):
            location = None
        model.frequency.count(now)
        since_load_s = math.inf if location is None else now - model.loaded_at_s
        budget = request_budget(state, model.frequency.hz(now), cached, since_load_s)
        target = self._target(model, budget, location is None, state)
        answer = self._update(model, location, target, state, now, wanted)
        if answer is not None and model.cached is not None:
            location = model.cached.place
        cached.add(location, model.frequency.hz(now) ** 2)
        return answer

    def _update(
        self,
        model: _Model,
        location: Place | None,
        target: Candidate | None,
        state: State,
        now: float,
        wanted: dict[str, None],
    ) -> Candidate | None:
        """Insert the target, or have it loaded in the background; return what answers."""
        running = model.cached
        if target is None:
            return None
        if location is None or running is None:
            model.frequency.paged_in(now)
            return model.insert(target, now)
        if target is not running:
            if self._immediate or target.pieces <= state.resident:
                model.insert(target, now)
            else:
                wanted.update(dict.fromkeys(target.option.device_pieces))
        return target if self._immediate else running

    def _target(self, model: _Model, budget: RequestBudget, missed: bool, state: State) -> Candidate | None:
        """Return the most accurate variant within this request's budgets, else the cheapest."""
        fitting = [c for c in model.candidates if self._room.holds(c)] or model.candidates
        for candidate in fitting:
            if (candidate.needs_cloud and not state.connected) or not budget.affords_running(candidate):
                continue
            load_j, load_s = candidate.missing(state.resident)
            away_s = ROUND_TRIP_S if candidate.needs_cloud else 0.0
            if missed and load_s + candidate.run_s + away_s > self._acceptable_s:
                continue
            if budget.affords_loading(candidate, load_j):
                return candidate
        return cheapest(fitting, state)


def _expected_hz(problem: Problem, app: str) -> float:
    """Return how often an app is expected to ask: not more often than it wants nor windows come."""
    known = problem.apps[app]
    return min(known.wanted_hz, problem.windows_hz.get(known.input_type, math.inf))


def _why_nothing(model: _Model, state: State) -> str:
    if not all(c.needs_cloud for c in model.candidates):
        return ENERGY_GONE
    return MONEY_GONE if state.connected else NO_CONNECTION


def _same_variant(candidates: Sequence[Candidate], cached: Candidate | None) -> Candidate | None:
    """Return the candidate, with new costs, that is what was cached; None where it is gone."""
    if cached is None:
        return None
    return next((c for c in candidates if c.is_again(cached)), None)
