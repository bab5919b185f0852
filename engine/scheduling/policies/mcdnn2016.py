"""The policy `mcdnn2016`: the scheduler of MCDNN (MobiSys 2016), section 5.3, algorithm 1.

For every request of app n, and each resource r (energy at the device, money in the cloud) with
remaining amount r and remaining time T, the request may cost

    b_n = (r - dr_n * T / dt_n) * f_n / (T * sum of f_i^2 over the apps i cached at that location)

with f_i the frequency of requests of app i since it was paged in, dr_n the cost to load what would
run and is not resident, and dt_n the time since n was last loaded (infinite if it is cached
nowhere). Without the load term the sum over i of b_i f_i T is r. The most accurate variant within
its budget is taken; of equally accurate ones, the one at the device. An app that is cached runs
what is cached and is updated in the background; one that is not is updated first and, among what
loads and runs within an acceptable time, runs at once. If nothing is affordable the cheapest
variant at the device runs while energy is left, then the cheapest in the cloud while money is left.

How the published text was read where it leaves room:
- dr_n is what the candidate would still have to load, so that staying with what is resident is
  judged by the undamped budget. With the load cost of the running variant instead, every app would
  be thrown back to its cheapest variant by the very load that brought it up.
- The options of one app that share parts with another's are still judged at their full cost: the
  paper leaves shared fragments out of the budgets. A configuration pays shared parts once, so the
  energy really left falls more slowly than the rule expects, and the budgets rise as time goes on:
  the rule is careful early in the period and generous late.
- An app is counted in the sum of squares at exactly one location: where it is cached now, and for
  the app that is being decided also where it might go. An app that moved, or whose parts were
  evicted, is no longer counted where it was (forgetting this starves the other apps of a location).
- A candidate that runs partly at either location gets the share t_n of the device budget and
  1 - t_n of the cloud's, t_n being the share of its execution time at the device: 1 and 0 for the
  plain ones, so that one rule covers all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.scheduling.admission import admit
from engine.scheduling.policies.candidates import Candidate, candidates_of, cheapest
from engine.scheduling.policies.frequency import Frequency
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import Option, Place, Problem
from engine.scheduling.unserved import ENERGY_GONE, MONEY_GONE, NO_CONNECTION, UNKNOWN_APP

ACCEPTABLE_S = 1.0  # to load and run on a cache miss: the constant of the authors' replay
ROUND_TRIP_S = 0.1  # to the cloud: likewise
HORIZON_S = 36_000.0  # where the period has no known end: likewise
_SHORTEST_S = 1e-6


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


@dataclass(frozen=True, slots=True)
class _Budgets:
    """What one request may cost, load term excluded, and the shares to apply that term with."""

    left_j: float
    left_usd: float
    horizon_s: float
    device_share: float  # f_n / (T * sum of f_i^2) at the device
    cloud_share: float

    def affords(self, candidate: Candidate, load_j: float, since_load_s: float) -> bool:
        """Tell whether a candidate is within this request's budgets."""
        t = candidate.device_share
        if t > 0.0:
            spendable_j = self.left_j - load_j * self.horizon_s / since_load_s
            if candidate.energy_j > spendable_j * self.device_share * t:
                return False
        return t == 1.0 or candidate.cost_usd <= self.left_usd * self.cloud_share * (1.0 - t)


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
        alone_j = 0.0
        for app in due:
            model = self._models.get(app)
            if model is None or not model.candidates:
                unserved[app] = UNKNOWN_APP if model is None else model.none_because
                continue
            candidate = self._process(model, state, now, wanted)
            if candidate is None:
                unserved[app] = _why_nothing(model, state)
            else:
                options[app] = candidate.option
                alone_j += candidate.worst_energy_j
        if alone_j <= state.energy_left_j and state.energy_left_j > 0.0:
            return Choice(options, unserved, tuple(wanted))
        return admit(options, self._pieces, state.energy_left_j).choice(unserved, tuple(wanted))

    def _process(self, model: _Model, state: State, now: float, wanted: dict[str, None]) -> Candidate | None:
        """Return what answers this request, and bring the app's place in the cache up to date."""
        location = model.location(state)
        model.frequency.count(now)
        target = self._target(model, location, state, now)
        if target is None:
            return None
        running = model.cached
        if location is None or running is None:
            model.frequency.paged_in(now)
            self._insert(model, target, now)
            return target
        if target is not running:
            if self._immediate or target.pieces <= state.resident:
                self._insert(model, target, now)
            else:
                wanted.update(dict.fromkeys(target.option.device_pieces))
        return target if self._immediate else running

    @staticmethod
    def _insert(model: _Model, target: Candidate, now: float) -> None:
        model.cached = target
        model.loaded_at_s = now

    def _target(self, model: _Model, location: Place | None, state: State, now: float) -> Candidate | None:
        """Return the most accurate variant within this request's budgets, else the cheapest."""
        budgets = self._budgets(model, state, now)
        since_load_s = math.inf if location is None else max(_SHORTEST_S, now - model.loaded_at_s)
        for candidate in model.candidates:
            if candidate.needs_cloud and not state.connected:
                continue
            load_j, load_s = candidate.missing(state.resident)
            away_s = ROUND_TRIP_S if candidate.needs_cloud else 0.0
            if location is None and load_s + candidate.run_s + away_s > self._acceptable_s:
                continue
            if budgets.affords(candidate, load_j, since_load_s):
                return candidate
        return cheapest(model.candidates, state)

    def _budgets(self, deciding: _Model, state: State, now: float) -> _Budgets:
        own_hz = deciding.frequency.hz(now)
        device_hz2 = cloud_hz2 = own_hz * own_hz
        for model in self._models.values():
            if model is not deciding:
                location = model.location(state)
                if location is Place.DEVICE:
                    device_hz2 += model.frequency.hz(now) ** 2
                elif location is Place.CLOUD:
                    cloud_hz2 += model.frequency.hz(now) ** 2
        left_s = state.period_left_s
        horizon_s = max(_SHORTEST_S, left_s) if math.isfinite(left_s) else HORIZON_S
        return _Budgets(
            state.energy_left_j,
            state.cost_left_usd,
            horizon_s,
            own_hz / (horizon_s * device_hz2),
            own_hz / (horizon_s * cloud_hz2),
        )


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
