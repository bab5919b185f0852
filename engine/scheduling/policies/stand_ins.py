"""What runs in place of a planned configuration that cannot run right now.

Without money, or with a link that is too slow for the deadline, a window is served as if there were
no cloud. While something is being loaded the best of what is resident runs, or, for an app that has
nothing resident, what loads in time. A window that has waited gets what is still in time. With less
energy left than the worst case, as many apps are served as it covers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from engine.scheduling.admission import admit
from engine.scheduling.configurations import RESOURCES, Configuration, configuration
from engine.scheduling.kinds import Kind
from engine.scheduling.planner import Planner
from engine.scheduling.policies.mix_follower import MixFollower, PreparedChoice
from engine.scheduling.policies.why_unserved import WhyUnserved
from engine.scheduling.policy import Choice, State
from engine.scheduling.problem import Option, Problem, memory_bytes, worst_latency_s
from engine.scheduling.unserved import BEING_LOADED, ENERGY_GONE, TOO_LATE

Float64 = npt.NDArray[np.float64]

_HURRY = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)  # how much dearer the processor gets, tried in turn
_STEPS = 8.0  # a wait is rounded up to an eighth of the patience there is
_MOST_KEPT = 64


class StandIns:
    """Finds stand-ins; what was found is kept per kind of window until the next plan.

    Args:
        problem: apps, options, costs.
        planner: configurations by kind.
        why: reasons for apps that are not served.
    """

    def __init__(self, problem: Problem, planner: Planner, why: WhyUnserved) -> None:
        self._problem = problem
        self._planner = planner
        self._why = why
        self._prices = np.zeros(RESOURCES)
        self._kept: frozenset[str] | None = None

    def take(self, prices: Float64, kept: frozenset[str] | None) -> None:
        """Follow another plan: its prices and what it keeps."""
        self._prices = prices
        self._kept = kept

    def instead_of(self, picked: PreparedChoice, follower: MixFollower, state: State) -> Choice:
        """Return the answer for a window whose planned configuration may not be able to run."""
        if state.energy_left_j <= 0.0:
            return Choice({}, dict.fromkeys(follower.kind.due, ENERGY_GONE))
        kind = follower.kind
        if picked.needs_cloud and not self._reaches(picked, state):
            kind = kind._replace(connected=False)
            picked = self._without_cloud(follower, kind)
        if state.backlog_s > picked.patience_s:
            picked = self._in_time(follower, kind, state.backlog_s)
            if picked.needs_cloud and not self._reaches(picked, state):
                kind = kind._replace(connected=False)
                picked = self._in_time(follower, kind, state.backlog_s)
        wanted: tuple[str, ...] = ()
        if not picked.is_ready(state.resident):
            wanted = tuple(sorted(picked.pieces - state.resident))
            planned, picked = picked, self._while_loading(picked, follower, kind, state)
            if picked.needs_cloud and not self._reaches(picked, state):
                picked = self._while_loading(planned, follower, kind._replace(connected=False), state)
        choice = picked.choice
        if picked.worst_energy_j > state.energy_left_j:
            choice = admit(self._problem, choice.options, state.energy_left_j).choice(choice.unserved)
        return Choice(choice.options, choice.unserved, wanted) if wanted else choice

    def with_apps(
        self, picked: PreparedChoice, apps: tuple[str, ...], follower: MixFollower
    ) -> PreparedChoice:
        """Return a configuration that serves these apps too, as cheaply as the prices see it."""
        key = ("with", id(picked.configuration), apps)
        return self._remembered(follower, key, lambda: self._added(picked.configuration, apps, follower.kind))

    def _added(self, wanted: Configuration, apps: tuple[str, ...], kind: Kind) -> PreparedChoice:
        space = self._planner.space(kind)
        usable = space.with_kept(self._kept)
        further = [o for app in apps if (o := space.least_costly(app, self._prices, usable)) is not None]
        return self._prepare(
            kind, configuration(self._problem, kind, [*wanted.options.values(), *further]), None
        )

    def _reaches(self, picked: PreparedChoice, state: State) -> bool:
        """Tell whether money and link allow what a configuration does in the cloud."""
        if picked.worst_usd > state.cost_left_usd:
            return False
        if state.mbps >= self._problem.link.mbps or state.mbps == math.inf:
            return True
        megabits = picked.configuration.away_megabits
        slower_s = megabits / state.mbps if state.mbps > 0.0 else math.inf
        expected_s = megabits / self._problem.link.mbps
        return state.backlog_s + slower_s - expected_s <= picked.patience_s

    def _without_cloud(self, follower: MixFollower, kind: Kind) -> PreparedChoice:
        return self._remembered(follower, "no cloud", lambda: self._best(kind, None))

    def _in_time(self, follower: MixFollower, kind: Kind, backlog_s: float) -> PreparedChoice:
        """Return the best that is in time for a window that has waited."""
        apps = self._problem.apps
        limit_s = max((apps[a].latency_limit_s for a in follower.kind.due if a in apps), default=math.inf)
        step = math.ceil(_STEPS * backlog_s / limit_s) if limit_s > 0.0 else _STEPS + 1
        if step > _STEPS:
            return self._remembered(follower, "too late", lambda: self._nothing(kind, TOO_LATE))
        waited_s = step * limit_s / _STEPS
        key = ("late", step, kind.connected)
        return self._remembered(follower, key, lambda: self._best_after(kind, waited_s, limit_s / _STEPS))

    def _while_loading(
        self, picked: PreparedChoice, follower: MixFollower, kind: Kind, state: State
    ) -> PreparedChoice:
        key = (id(picked.configuration), state.resident, kind.connected)
        return self._remembered(follower, key, lambda: self._best_resident(picked.configuration, kind, state))

    def _remembered(
        self, follower: MixFollower, key: object, find: Callable[[], PreparedChoice]
    ) -> PreparedChoice:
        known = follower.instead.get(key)
        if known is None:
            if len(follower.instead) >= _MOST_KEPT:
                follower.instead.clear()
            known = follower.instead[key] = find()
        return known

    def _best_resident(self, wanted: Configuration, kind: Kind, state: State) -> PreparedChoice:
        """Return the best of what is resident, and for other apps what loads in time."""
        space = self._planner.space(kind)
        there = space.best(self._prices, space.resident_only(state.resident))
        if wanted.beside is None and wanted.options.keys() <= there.options.keys():
            return self._prepare(kind, there, BEING_LOADED)
        if self._load_s(wanted.pieces, state.resident) <= wanted.patience_s - state.backlog_s:
            return self._prepare(kind, wanted, BEING_LOADED)
        chosen = dict(there.options)
        for app in [a for a in wanted.options if a not in chosen]:
            option = self._loads_in_time(app, chosen, kind, state)
            if option is not None:
                chosen[app] = option
        return self._prepare(kind, configuration(self._problem, kind, chosen.values()), BEING_LOADED)

    def _loads_in_time(self, app: str, chosen: dict[str, Option], kind: Kind, state: State) -> Option | None:
        """Return the most accurate option of an app that loads and runs in time beside what is chosen."""
        limit_s = self._problem.apps[app].latency_limit_s - state.backlog_s
        beside = frozenset(p for o in chosen.values() for p in o.device_pieces)
        usable = [
            o
            for o in self._problem.options.get(app, ())
            if (kind.connected or not o.needs_cloud)
            and self._load_s(frozenset(o.device_pieces), state.resident) + worst_latency_s(self._problem, o)
            <= limit_s
            and memory_bytes(self._problem.pieces, beside | set(o.device_pieces))
            <= self._problem.budget.memory_bytes
        ]
        return max(usable, key=lambda o: o.accuracy_in(kind.context), default=None)

    def _best_after(self, kind: Kind, waited_s: float, least_s: float) -> PreparedChoice:
        """Return the best configuration that is in time after a wait; a short one counts as least_s."""
        space = self._planner.space(kind)
        allowed = space.in_time(waited_s, self._kept)
        for hurry in _HURRY:
            prices = self._prices.copy()
            prices[2] += hurry / max(least_s, waited_s)
            found = space.best(prices, allowed)
            if found.patience_s >= waited_s:
                return self._prepare(kind, found, TOO_LATE)
        return self._nothing(kind, TOO_LATE)

    def _best(self, kind: Kind, reason: str | None) -> PreparedChoice:
        space = self._planner.space(kind)
        return self._prepare(kind, space.best(self._prices, space.with_kept(self._kept)), reason)

    def _nothing(self, kind: Kind, reason: str) -> PreparedChoice:
        return self._prepare(kind, self._planner.space(kind).nothing, reason)

    def _prepare(self, kind: Kind, found: Configuration, reason: str | None) -> PreparedChoice:
        unserved = {
            app: self._why.never(kind, app) or reason or self._why.skipped(kind, app, self._prices, False)
            for app in kind.due
            if app not in found.options
        }
        return PreparedChoice(found, Choice(found.options, unserved))

    def _load_s(self, pieces: frozenset[str], resident: frozenset[str]) -> float:
        return math.fsum(self._problem.pieces[p].load_s for p in pieces - resident)
