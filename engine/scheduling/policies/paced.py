"""The policy `paced`: plans the rest of the period, and follows the plan window by window.

`plan` forecasts what is still to come (forecast) and solves for what to keep in memory and which
mix of configurations each kind of window gets, within the energy, money and processor time that are
left (planner). It solves again when some minutes have passed, when the budgets run away from what
was planned, and when a kind of window appears that it does not know. While more windows come than
the processor carries, a plan over the rates of the moment takes over, in which energy and money
keep the prices of the first (rush). Windows that nobody took in time count as come: otherwise models
that take all the time there is would look as if they could be afforded.

`choose` gives each window the configuration of its kind's mix that lags furthest behind its share,
so that the mix is kept also where prices alone would be all or nothing. An app that would fall below
its least rate is added, whatever the prices. What cannot run right now is replaced (stand_ins).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.scheduling.configurations import RESOURCES, Configuration
from engine.scheduling.fluid_program import FluidPlan, Outlook
from engine.scheduling.forecast import Forecast
from engine.scheduling.kinds import Kind
from engine.scheduling.not_solved import NotSolved
from engine.scheduling.planner import Planner
from engine.scheduling.policies.mix_follower import MixFollower, PreparedChoice
from engine.scheduling.policies.rush import Rush
from engine.scheduling.policies.stand_ins import StandIns
from engine.scheduling.policies.why_unserved import WhyUnserved
from engine.scheduling.policy import Choice, Plan, Prices, State
from engine.scheduling.problem import Problem

_log = logging.getLogger(__name__)
Float64 = npt.NDArray[np.float64]

_NO_LIMIT = math.inf
_LONGEST_S = 86_400.0
_HORIZON_S = 36_000.0  # where a period has no known end
_EVERY_SHARE, _EVERY_SHARE_LEFT = 0.01, 0.05  # of the period and of what is left; half of "soon"
_SOONEST_SHARE, _SOONEST_SHARE_LEFT = 0.004, 0.02
_SOONEST_NEW_S = 5.0  # where a kind of window is new
_DRIFT = 0.03  # of the energy or money that was left when it was planned
_RETHINK_SHARE = 0.08  # of the period, after which what is kept is thought over
_PROVE_EVERY = 8  # solves look for better configurations in every future
_EARLY = 0.5  # of the time since the first plan
_TOLERANCE = 5e-3  # how far what is kept may be from the best, as a share
_PROCESSOR_SHARE = 0.9  # of a second, planned for parts: the rest is for peaks
_MOST_FOLLOWED = 2000
_LEAST_SHARE = 1e-6


class Paced:
    """Nearly what a planner who knew the whole day would get, within its budgets.

    Args:
        problem: apps, options, costs and budgets.
    """

    def __init__(self, problem: Problem) -> None:
        self._forecast = Forecast(problem)
        self._rush = Rush(Planner(problem))
        self._left_s = 0.0
        self._kept: frozenset[str] | None = None
        self._picked_s: dict[str, float] = {}
        self._begin(problem)

    @property
    def name(self) -> str:
        """`paced`."""
        return "paced"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps, costs or budgets; what was seen of the demand is kept."""
        self._take_windows(None)
        self._forecast.demand.expect(problem)
        self._begin(problem)

    def plan(self, state: State, now: float) -> Plan:
        """Solve again where that is due; return what to keep, and at which prices."""
        if state.period_left_s > self._left_s:
            self._forecast.demand.begin_period()
        self._left_s = state.period_left_s
        self._take_windows(now)
        self._rush.carries(state.carried)
        self._forecast.see(state.connected and self._in_cloud, now)
        try:
            if self._is_due(state, now):
                self._solve(state, now)
            elif self._period is not None and self._rush_began_or_ended(self._period):
                self._follow_all()
        except NotSolved as e:
            self._go_on(e, now)
        return self._answer

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Return the configuration of the window's kind that lags furthest behind its share."""
        key = (input_type, tuple(due), state.context, state.connected)
        follower = self._followers.get(key)
        if follower is None:
            follower = self._follow_new(key)
        elif follower.is_stale:
            self._follow(follower)
        follower.windows += 1 + state.missed
        picked = follower.next()
        if follower.least_s:
            picked = self._with_least(follower, picked, now)
        if (
            picked.worst_energy_j <= state.energy_left_j
            and picked.worst_usd <= state.cost_left_usd
            and state.backlog_s <= picked.patience_s
            and picked.is_ready(state.resident)
            and (not picked.needs_cloud or state.mbps == _NO_LIMIT)
            and state.energy_left_j > 0.0
        ):
            return picked.choice
        return self._stand_ins.instead_of(picked, follower, state)

    def _with_least(self, follower: MixFollower, picked: PreparedChoice, now: float) -> PreparedChoice:
        """Return what was picked, with the apps that would otherwise fall below their least rate."""
        overdue = tuple(
            app
            for app, longest_s in follower.least_s.items()
            if app in picked.choice.unserved and now - self._picked_s.get(app, -math.inf) >= longest_s
        )
        if overdue:
            picked = self._stand_ins.with_apps(picked, overdue, follower)
        for app in follower.least_s:
            if app in picked.choice.options:
                self._picked_s[app] = now
        return picked

    def _begin(self, problem: Problem) -> None:
        """Start over for another problem; what is kept in memory stays as long as it makes sense."""
        self._problem = problem
        self._planner = Planner(problem)
        self._followers: dict[tuple[str, tuple[str, ...], str, bool], MixFollower] = {}
        self._rush.take(self._planner, problem.apps)
        self._why = WhyUnserved(problem, self._planner)
        self._prices = np.zeros(RESOURCES)
        self._stand_ins = StandIns(problem, self._planner, self._why)
        self._in_cloud = any(o.needs_cloud for options in problem.options.values() for o in options)
        self._contexts = {
            app: frozenset(c.context for o in options for c in o.contexts)
            for app, options in problem.options.items()
        }
        self._period: FluidPlan | None = None
        self._is_new_kind = self._is_unthought = False
        self._planned_for: set[tuple[str, str]] = set()
        self._thought_s = self._planned_s = -math.inf
        self._began_s = math.nan
        self._pace = _Pace()
        self._gap = 0.0
        self._solves = 0
        self._answer = Plan()

    def _rush_began_or_ended(self, period: FluidPlan) -> bool:
        """Look at the load; the first rush of an input type is a reason to think over what is kept."""
        rushed = len(self._rush.input_types)
        has_changed = self._rush.look(period, self._prices, self._kept)
        self._is_unthought |= len(self._rush.input_types) > rushed
        return has_changed

    def _is_due(self, state: State, now: float) -> bool:
        passed_s, left_s = now - self._planned_s, state.period_left_s
        period_s = min(self._problem.budget.period_s, _LONGEST_S)
        soonest_s = min(_SOONEST_SHARE * period_s, _SOONEST_SHARE_LEFT * left_s)
        if passed_s >= min(_EVERY_SHARE * period_s, _EVERY_SHARE_LEFT * left_s) and passed_s >= soonest_s:
            return True
        if self._is_new_kind and passed_s >= min(_SOONEST_NEW_S, soonest_s):
            return True
        return passed_s >= soonest_s and self._pace.has_drifted(state, now)

    def _solve(self, state: State, now: float) -> None:
        """Plan the rest of the period."""
        if math.isnan(self._began_s):
            self._began_s = now
        left_s = state.period_left_s if math.isfinite(state.period_left_s) else _HORIZON_S
        outlook = self._forecast.outlook(self._problem, left_s, state.held_back_j)
        left = (state.energy_left_j, state.cost_left_usd, _PROCESSOR_SHARE * left_s)
        limits = np.array([max(0.0, amount) for amount in left])  # what was overdrawn cannot be had back
        thought_s, period_s = now - self._thought_s, min(self._problem.budget.period_s, _LONGEST_S)
        self._is_unthought |= self._is_new_kind
        rethink_s = _RETHINK_SHARE * period_s
        if self._is_unthought or self._planner.is_other(outlook, limits):
            known_s = now - self._began_s  # while little is known, what is kept is thought over often
            rethink_s = min(_EVERY_SHARE * period_s, max(_SOONEST_NEW_S, _EARLY * known_s))
        if thought_s >= rethink_s:
            rushed = self._rush.input_types
            planned = self._planner.plan(outlook, limits, state.resident, self._kept, _TOLERANCE, rushed)
            self._period, self._kept, self._gap = planned.fluid, planned.kept, planned.gap
            self._thought_s = now
            self._is_unthought = False
        else:
            self._solves += 1
            prove = self._solves % _PROVE_EVERY == 0
            self._period = self._planner.mix(outlook, limits, self._kept, prove=prove)
        self._prices = self._period.prices
        self._planned_s = now
        self._is_new_kind = False
        self._planned_for = {(k.input_type, k.context) for k in self._period.mixes}
        self._pace = _Pace.of(self._period, outlook, state, now)
        self._rush.end()
        self._rush_began_or_ended(self._period)
        self._follow_all()

    def _go_on(self, why: NotSolved, now: float) -> None:
        """Follow the plan before, or the best at its prices, until the next is due: a camera goes on."""
        _log.warning("paced: goes on with the plan before: %s", why)
        self._planned_s = now
        self._is_new_kind = False
        self._rush.end()
        self._follow_all()

    def _follow_all(self) -> None:
        """Give every kind of window that was seen its mix, and say what is to be kept."""
        rush = self._rush.plan
        plan = self._period if rush is None else rush
        self._prices = np.zeros(RESOURCES) if plan is None else plan.prices
        self._stand_ins.take(self._prices, self._kept)
        for follower in self._followers.values():
            follower.is_stale = True  # those that come again are given their mix then
        j, usd, processor_s = (float(p) for p in self._prices)
        self._answer = Plan(
            self._wanted(), prices=Prices(j, usd, processor_s), gap=self._gap, note=self._note()
        )

    def _follow(self, follower: MixFollower) -> None:
        """Give a kind of window its mix: that of the plan, or the best at its prices."""
        kind = follower.kind
        plan = self._rush.plan if self._rush.plan is not None else self._period
        if plan is None or kind not in plan.mixes:
            plan = self._period
        if plan is not None and kind in plan.mixes:
            mix = [(c, s) for c, s in plan.mixes[kind]]
        else:
            space = self._planner.space(kind)
            mix = [(space.best(self._prices, space.with_kept(self._kept)), 1.0)]
        missing = 1.0 - sum(s for _, s in mix)
        if missing > _LEAST_SHARE or not mix:
            mix.append((self._planner.space(kind).nothing, max(missing, _LEAST_SHARE * 2.0)))
        follower.follow([self._prepared(kind, c) for c, _ in mix], [s for _, s in mix])

    def _prepared(self, kind: Kind, configuration: Configuration) -> PreparedChoice:
        unserved = {
            app: self._why.skipped(kind, app, self._prices, self._rush.plan is not None)
            for app in kind.due
            if app not in configuration.options
        }
        return PreparedChoice(configuration, Choice(configuration.options, unserved))

    def _follow_new(self, key: tuple[str, tuple[str, ...], str, bool]) -> MixFollower:
        """Begin to follow a kind of window that was not seen before."""
        if len(self._followers) >= _MOST_FOLLOWED:
            self._take_windows(None)
            self._followers.clear()
        kind = self._kind(*key)
        apps = self._problem.apps
        least_s = {a: 1.0 / apps[a].least_hz for a in kind.due if a in apps and apps[a].least_hz > 0.0}
        follower = self._followers[key] = MixFollower(kind, least_s)
        self._follow(follower)
        seen = (kind.input_type, kind.context)
        self._is_new_kind |= seen not in self._planned_for
        return follower

    def _kind(self, input_type: str, due: tuple[str, ...], context: str, connected: bool) -> Kind:
        """Return a kind that tells apart only what makes a difference."""
        matters = any(context in self._contexts.get(app, ()) for app in due)
        return Kind(input_type, due, context if matters else "", connected and self._in_cloud)

    def _take_windows(self, now: float | None) -> None:
        """Pass on how many windows came of each kind since the last call."""
        for follower in self._followers.values():
            count = follower.take_windows()
            if count:
                kind = follower.kind
                self._rush.add(kind, count)
                self._forecast.demand.count(kind.input_type, kind.due, kind.context, count)
        if now is not None:
            self._rush.pass_time(now)

    def _wanted(self) -> tuple[str, ...]:
        """Return what the mixes need in memory, what is needed most first."""
        uses: dict[str, float] = {}
        for plan in (self._rush.plan, self._period):
            if plan is not None:
                for piece, share in plan.pieces.items():
                    uses[piece] = uses.get(piece, 0.0) + share
        return tuple(sorted(uses, key=lambda p: (-uses[p], p)))

    def _note(self) -> str:
        if self._period is None:
            return ""
        rush = "; more windows than the processor carries" if self._rush.plan is not None else ""
        kept = "everything" if self._kept is None else f"{len(self._kept)} pieces"
        return f"may keep {kept}, at most {100.0 * self._gap:.2g} % below the best plan{rush}"


class _Pace:
    """How budgets should fall if all goes as planned.

    Args:
        left: energy (J) and money (USD) when it was planned.
        per_s: how fast they should fall.
        start_s: when that was.
    """

    def __init__(
        self,
        left: tuple[float, float] = (math.inf, math.inf),
        per_s: tuple[float, float] = (0.0, 0.0),
        start_s: float = 0.0,
    ) -> None:
        self._left = left
        self._per_s = per_s
        self._start_s = start_s

    @staticmethod
    def of(plan: FluidPlan, outlook: Outlook, state: State, now: float) -> _Pace:
        """Return the pace of a plan."""
        used = np.zeros(RESOURCES)
        for kind, mix in plan.mixes.items():
            for found, share in mix:
                used += outlook.soon[kind] * share * found.resources
        seconds = max(outlook.soon_s, 1e-9)
        return _Pace((state.energy_left_j, state.cost_left_usd), (used[0] / seconds, used[1] / seconds), now)

    def has_drifted(self, state: State, now: float) -> bool:
        """Tell whether a budget is off by more than a little."""
        passed_s = now - self._start_s
        return any(
            math.isfinite(before) and abs(before - per_s * passed_s - after) > _DRIFT * before
            for before, per_s, after in zip(
                self._left, self._per_s, (state.energy_left_j, state.cost_left_usd), strict=True
            )
        )
