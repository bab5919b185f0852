"""What the rest of a period is expected to bring: windows by kind, from what was seen so far.

Rates fade with a time constant of some hours: slow enough to average bursts out, fast enough to
follow a day. The link is a two-state Markov chain whose rates are estimated from its changes; over
the time t that is left it is expected to be up for the share

    p + (now - p) * (1 - exp(-k t)) / (k t),   k = a + b,  p = b / k

with a and b the rates of going down and of coming back, and now 1 or 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.scheduling.day_profile import DayProfile
from engine.scheduling.fluid_program import Future, Outlook
from engine.scheduling.kinds import Kind
from engine.scheduling.problem import Problem

_FADING_S, _FADING_SHARE = 4.0 * 3600.0, 0.4  # at most, and of a period
_SURE_S, _SURE_SHARE = 600.0, 0.02  # what the problem expects counts as this much watching at most
_GUESS_HZ = 1.0  # where nothing is known; what comes in the first minute tells
_GUESS_S, _GUESS_SHARE = 20.0, 0.005
_UP_S, _DOWN_S = 3600.0, 1200.0  # expected before anything was seen: up for an hour, down for a third
_MOST_PLANNED = 4  # kinds an input type before connectivity; rarer ones go with the others
_SOON_SHARE, _SOON_SHARE_LEFT = 0.02, 0.1  # what is decided before more is known: of the period, and left
_SURPRISE, _LEAST_SURPRISE = 0.3, 0.15  # standard deviation of a demand that nothing limits
_MOST_SURPRISE = 0.6
_FUTURES = ((0.48, -1.0), (0.48, 1.0), (0.04, -3.3))  # in standard deviations
_LEAST_SPREAD = 0.01
_LEAST_S = 1e-9
_PROFILE_WEIGHT = 0.1  # of a whole profile: what is seen must outweigh it to correct its level


class _Fading:
    """A count and the time in which it came, both fading."""

    __slots__ = ("amount", "seen_s")

    def __init__(self, amount: float = 0.0, seen_s: float = 0.0) -> None:
        self.amount = amount
        self.seen_s = seen_s

    def pass_by(self, amount: float, passed_s: float, kept: float) -> None:
        """Fade, then add what came."""
        self.amount = self.amount * kept + amount
        self.seen_s = self.seen_s * kept + passed_s

    @property
    def hz(self) -> float:
        return self.amount / self.seen_s if self.seen_s > 0.0 else 0.0


class Demand:
    """How many windows came, by input type, due apps and context."""

    def __init__(self, problem: Problem) -> None:
        self._total: dict[str, _Fading] = {}
        self._by_kind: dict[tuple[str, tuple[str, ...], str], _Fading] = {}
        self._new: dict[tuple[str, tuple[str, ...], str], int] = {}
        self._counted: dict[str, int] = {}
        self._fading_s = _FADING_S
        self.expect(problem)

    def expect(self, problem: Problem) -> None:
        """Take the rates that a problem names, for input types of which nothing was seen yet."""
        self._fading_s = min(_FADING_S, _FADING_SHARE * problem.budget.period_s)
        by_type: dict[str, list[str]] = {}
        for app in problem.apps.values():
            by_type.setdefault(app.input_type, []).append(app.name)
        self._total = {t: rate for t, rate in self._total.items() if t in by_type}
        for input_type, apps in by_type.items():
            if input_type not in self._counted:
                hz, sure_s = _expected_hz(problem, input_type)
                self._total[input_type] = _Fading(hz * sure_s, sure_s)
                self._by_kind[input_type, tuple(apps), ""] = _Fading(1.0, 0.0)

    def count(self, input_type: str, due: tuple[str, ...], context: str, windows: int) -> None:
        """Note windows."""
        key = (input_type, due, context)
        self._new[key] = self._new.get(key, 0) + windows

    def pass_time(self, passed_s: float) -> None:
        """Put what was noted since the last call into the rates."""
        kept = math.exp(-passed_s / self._fading_s)
        came: dict[str, int] = {}
        for (input_type, _, _), count in self._new.items():
            came[input_type] = came.get(input_type, 0) + count
        for input_type, rate in self._total.items():
            rate.pass_by(came.get(input_type, 0), passed_s, kept)
        for kind, share in self._by_kind.items():
            share.pass_by(self._new.get(kind, 0), passed_s, kept)
        for kind, count in self._new.items():
            if kind not in self._by_kind:
                self._by_kind[kind] = _Fading(count, passed_s)
        for input_type, count in came.items():
            self._counted[input_type] = self._counted.get(input_type, 0) + count
        self._new.clear()
        if len(self._by_kind) > 50 * _MOST_PLANNED:
            self._forget()

    def begin_period(self) -> None:
        """Count windows from here on for a new period."""
        self._counted = dict.fromkeys(self._counted, 0)

    def counted(self, input_type: str) -> int:
        """Return how many windows came in this period."""
        return self._counted.get(input_type, 0)

    @property
    def watched_s(self) -> float:
        """Return for how long rates were watched, as far as it has not faded."""
        return max((rate.seen_s for rate in self._total.values()), default=0.0)

    def rates_hz(self) -> dict[str, float]:
        """Return windows a second by input type."""
        return {t: rate.hz for t, rate in self._total.items()}

    def shares(self) -> dict[tuple[str, tuple[str, ...], str], float]:
        """Return, by input type, due apps and context, the share of the input type's windows."""
        shares: dict[tuple[str, tuple[str, ...], str], float] = {}
        for input_type in self._total:
            kinds = [(k, r.amount) for k, r in self._by_kind.items() if k[0] == input_type and r.amount > 0.0]
            kinds = sorted(kinds, key=lambda kr: -kr[1])[:_MOST_PLANNED]
            total = sum(amount for _, amount in kinds)
            shares |= {k: amount / total for k, amount in kinds}
        return shares

    def _forget(self) -> None:
        ranked = sorted(self._by_kind.items(), key=lambda kr: -kr[1].amount)
        self._by_kind = dict(ranked[: 25 * _MOST_PLANNED])


class LinkForecast:
    """When the cloud could be reached so far, and for what share of the time it will be."""

    def __init__(self) -> None:
        self._time_s = {True: _UP_S, False: _DOWN_S}
        self._changes = {True: 1.0, False: 1.0}
        self._connected: bool | None = None
        self._since_s = 0.0

    def see(self, connected: bool, now: float) -> None:
        """Note the state of the link at a moment."""
        if self._connected is not None:
            passed_s = max(0.0, now - self._since_s)
            kept = math.exp(-passed_s / (4.0 * _FADING_S))
            for state in (True, False):
                self._time_s[state] *= kept
                self._changes[state] *= kept
            self._time_s[self._connected] += passed_s
            if connected is not self._connected:
                self._changes[self._connected] += 1.0
        self._connected = connected
        self._since_s = now

    def share(self, left_s: float) -> float:
        """Return the expected share of the time left in which the cloud can be reached."""
        down_hz = self._changes[True] / self._time_s[True]
        up_hz = self._changes[False] / self._time_s[False]
        rate = down_hz + up_hz
        steady = up_hz / rate
        if self._connected is None:
            return steady
        weight = -math.expm1(-rate * left_s) / (rate * left_s) if left_s > 0.0 else 1.0
        return steady + (float(self._connected) - steady) * weight

    def spread(self, left_s: float) -> float:
        """Return the standard deviation of that share.

        The share of a time t in which a two-state chain is up has the variance 2 p (1 - p) / (k t)
        for large t; that of p itself, as it was seen over a time, is the same with that time.
        """
        down_hz = self._changes[True] / self._time_s[True]
        up_hz = self._changes[False] / self._time_s[False]
        steady = up_hz / (down_hz + up_hz)
        watched_s = self._time_s[True] + self._time_s[False]
        cycles = 2.0 / (down_hz + up_hz) * (1.0 / max(left_s, _LEAST_S) + 1.0 / watched_s)
        return math.sqrt(steady * (1.0 - steady) * min(1.0, cycles))


class Forecast:
    """Demand and connectivity of one device.

    Args:
        problem: what is known before anything was seen.
    """

    def __init__(self, problem: Problem) -> None:
        self.demand = Demand(problem)
        self.link = LinkForecast()
        self._upto_s: float | None = None

    def see(self, connected: bool, now: float) -> None:
        """Bring it up to a moment."""
        if self._upto_s is not None:
            self.demand.pass_time(max(0.0, now - self._upto_s))
        self._upto_s = now
        self.link.see(connected, now)

    def outlook(self, problem: Problem, left_s: float, held_back_j: float = 0.0) -> Outlook:
        """Return what is to come: the next minutes, and several futures.

        The futures differ in what is not known: how long the link will be there, and how many windows
        will come. Two of them, equally likely, are a standard deviation less and more than expected,
        which has the same mean and variance; the future with the worse link has more windows. A rare
        one is far worse: where going without answers costs much more than making models smaller, it
        decides. Where nothing is uncertain there is only one future, and it begins now.

        Args:
            held_back_j: expected to go into finding windows, as uncertain as their number.
        """
        in_cloud = any(o.needs_cloud for options in problem.options.values() for o in options)
        share = self.link.share(left_s) if in_cloud else 0.0
        spread = self.link.spread(left_s) if in_cloud else 0.0
        surprise = self._surprise(problem, left_s)
        soon_s = min(_SOON_SHARE * problem.budget.period_s, _SOON_SHARE_LEFT * left_s)
        if left_s <= 0.0 or (spread < _LEAST_SPREAD and not any(surprise.values())):
            return Outlook(self._windows(problem, left_s, 0.0, left_s, share), (), left_s)
        soon_share = self.link.share(soon_s) if in_cloud else 0.0
        soon = self._windows(problem, left_s, 0.0, soon_s, soon_share)
        off_j = held_back_j * (1.0 - soon_s / left_s) * max(surprise.values(), default=0.0)
        futures = []
        for probability, away in _FUTURES:
            link_share = min(1.0, max(0.0, share + away * spread))
            windows = self._windows(problem, left_s, soon_s, left_s - soon_s, link_share)
            more = {t: 1.0 - away * s for t, s in surprise.items()}
            later = {k: n * more[k.input_type] for k, n in windows.items()}
            futures.append(Future(probability, later, -away * off_j))
        return Outlook(soon, tuple(futures), soon_s, soon_s / left_s)

    def _surprise(self, problem: Problem, left_s: float) -> dict[str, float]:
        """Return the relative standard deviation of the windows to come, by input type.

        The longer what is left is than what was watched, the less is known about it. Apps whose wanted
        rate is reached cannot ask more often, and a profile is taken at its word.
        """
        rates_hz = self.demand.rates_hz()
        watched_s = max(self.demand.watched_s, _LEAST_S)
        expected = min(_MOST_SURPRISE, _SURPRISE * math.sqrt(1.0 + left_s / watched_s))
        surprise: dict[str, float] = {}
        for input_type, hz in rates_hz.items():
            wanted = [a.wanted_hz for a in problem.apps.values() if a.input_type == input_type]
            most = max(wanted, default=math.inf)
            room = most / hz - 1.0 if hz > 0.0 and math.isfinite(most) else math.inf
            known = problem.profile is not None and input_type in problem.profile.windows_hz
            surprise[input_type] = 0.0 if known or room < _LEAST_SURPRISE else min(expected, room)
        return surprise

    def _windows(
        self, problem: Problem, left_s: float, ahead_s: float, span_s: float, link_share: float
    ) -> dict[Kind, float]:
        """Return the windows expected in a span that begins ahead_s from now, with left_s left now."""
        rates_hz = self.demand.rates_hz()
        expected: dict[Kind, float] = {}
        for (input_type, due, context), share in self.demand.shares().items():
            count, up = rates_hz[input_type] * span_s, link_share
            if problem.profile is not None and input_type in problem.profile.windows_hz:
                count = self._from_profile(problem.profile, problem, input_type, left_s, ahead_s, span_s)
            for connected, likely in ((True, up), (False, 1.0 - up)):
                if likely > 0.0:
                    expected[Kind(input_type, due, context, connected)] = count * share * likely
        return expected

    def _from_profile(
        self,
        profile: DayProfile,
        problem: Problem,
        input_type: str,
        left_s: float,
        ahead_s: float,
        span_s: float,
    ) -> float:
        """Return the windows of a span at the level that was seen so far."""
        period_s = problem.budget.period_s
        end_s = max(left_s, period_s if math.isfinite(period_s) else left_s)
        start_s = max(0.0, end_s - left_s)
        sure = _PROFILE_WEIGHT * profile.windows(input_type, 0.0, end_s)
        before = profile.windows(input_type, 0.0, start_s)
        level = (self.demand.counted(input_type) + sure) / (before + sure) if before + sure > 0.0 else 1.0
        from_s = start_s + ahead_s
        return level * profile.windows(input_type, from_s, from_s + span_s)


def _expected_hz(problem: Problem, input_type: str) -> tuple[float, float]:
    """Return a rate to start with, and how much watching it counts for."""
    wanted: Mapping[str, float] = {
        a.name: a.wanted_hz for a in problem.apps.values() if a.input_type == input_type
    }
    most = max(wanted.values())
    hz = min(problem.windows_hz.get(input_type, math.inf), most)
    if math.isfinite(hz):
        return hz, min(_SURE_S, _SURE_SHARE * problem.budget.period_s)
    return _GUESS_HZ, min(_GUESS_S, _GUESS_SHARE * problem.budget.period_s)
