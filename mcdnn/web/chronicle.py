"""What happened lately, for people: told from the differences between two looks at a run."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.capture import SourceFigures
from engine.scheduling.unserved import ENERGY_GONE, MONEY_GONE
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import AppFigures, Snapshot, SpecialNews
from engine.sources.protocol import SourceReport
from mcdnn.figures_table import trunk
from mcdnn.quantities import energy, money

_MOST_KEPT = 200
_MAJORITY = 0.6
_LEAST_ANSWERS = 20
_JUDGED_EVERY_S = 15.0
_GONE = {ENERGY_GONE: "The energy budget is gone", MONEY_GONE: "The cloud budget is gone"}


_FIRST = SourceReport(connects=1)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something worth a line.

    Args:
        at_s: seconds since 1970.
        kind: "run", "source", "budget", "model", "specialization", "cloud" or "sink".
        is_bad: whether somebody may want to do something about it.
        text: what.
    """

    at_s: float
    kind: str
    is_bad: bool
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """What is compared.

    Args:
        at_s: seconds since 1970.
        snapshot: of the run.
        rates_hz: that the plan lowers, by app.
        connected: whether the cloud answers; None without one.
    """

    at_s: float
    snapshot: Snapshot
    rates_hz: Mapping[str, float] = field(default_factory=dict)
    connected: bool | None = None


class Chronicle:
    """Keeps the latest two hundred happenings; looked at by one thread."""

    def __init__(self) -> None:
        self._kept: deque[Happening] = deque(maxlen=_MOST_KEPT)
        self._before = Look(0.0, Snapshot())
        self._answers: dict[str, Mapping[str, int]] = {}
        self._mostly: dict[str, str] = {}
        self._judged_s = -math.inf
        self._gone: set[str] = set()

    def look(self, look: Look) -> None:
        """Note what is different from the last look."""
        before, self._before = self._before, look
        self._kept.extend(_changes(before, look))
        self._kept.extend(self._used_up(before, look))
        self._kept.extend(self._taken_over(look))

    def note(self, happening: Happening) -> None:
        """Note something that no look tells."""
        self._kept.append(happening)

    def told(self) -> list[dict[str, Any]]:
        """Return what is kept, the latest first."""
        return [asdict(h) for h in reversed(self._kept)]

    def _used_up(self, before: Look, now: Look) -> Iterator[Happening]:
        """Tell, once a period, that a budget cannot pay for a request any more."""
        budget = now.snapshot.standing.budget
        if budget.renewals > before.snapshot.standing.budget.renewals:
            self._gone.clear()
            return
        refused_before, refused = _refused(before.snapshot.apps), _refused(now.snapshot.apps)
        for reason, text in _GONE.items():
            if refused[reason] > refused_before[reason] and reason not in self._gone:
                self._gone.add(reason)
                yield Happening(now.at_s, "budget", True, f"{text}; it renews {budget.renewal}")

    def _taken_over(self, look: Look) -> Iterator[Happening]:
        """Tell, a few times a minute, which apps another trunk answers mostly since the last time."""
        if look.at_s < self._judged_s + _JUDGED_EVERY_S:
            return
        self._judged_s = look.at_s
        taken_over: dict[tuple[str, str], list[str]] = {}
        for app in look.snapshot.apps:
            most, before = self._mostly_since(app), self._mostly.get(app.app)
            if most is not None:
                self._mostly[app.app] = most
            if most is not None and before not in (None, most):
                taken_over.setdefault((most, str(before)), []).append(app.app)
        for (most, before), apps in taken_over.items():
            text = f"{', '.join(apps)}: mostly answered by {most} now, by {before} before"
            yield Happening(look.at_s, "model", False, text)

    def _mostly_since(self, app: AppFigures) -> str | None:
        """Return the trunk that gave most of an app's answers since the last time; None if none did."""
        since = _increase(app.variants, self._answers.get(app.app, {}))
        answers = sum(since.values())
        if answers < _LEAST_ANSWERS:
            return None
        self._answers[app.app] = app.variants
        most, count = max(since.items(), key=lambda v: v[1])
        return trunk(most) if count >= _MAJORITY * answers else None


def _changes(before: Look, now: Look) -> Iterator[Happening]:
    yield from _of_sources(before, now)
    yield from _of_budgets(before, now)
    yield from _of_rates(before, now)
    yield from _of_cloud_and_sinks(before, now)
    yield from _of_specializing(before, now)


def _of_sources(before: Look, now: Look) -> Iterator[Happening]:
    known = {s.source: s for s in before.snapshot.standing.sources}
    for source in now.snapshot.standing.sources:
        was = known.get(source.source)
        if was is None and known:
            yield Happening(now.at_s, "source", False, f"{source.source}: added")
        yield from _of_source(was or SourceFigures(source.source, report=_FIRST), source, now.at_s)
    for gone in known.keys() - {s.source for s in now.snapshot.standing.sources}:
        yield Happening(now.at_s, "source", False, f"{gone}: removed")


def _of_source(was: SourceFigures, source: SourceFigures, at_s: float) -> Iterator[Happening]:
    name, report = source.source, source.report
    if report.trouble and not was.report.trouble:
        yield Happening(at_s, "source", True, f"{name}: gives no frames: {report.trouble}")
    elif was.report.trouble and not report.trouble:
        yield Happening(at_s, "source", False, f"{name}: gives frames again")
    elif report.connects > was.report.connects and report.failures > was.report.failures:
        yield Happening(at_s, "source", True, f"{name}: was lost for a moment")
    if report.restarts > was.report.restarts:
        yield Happening(at_s, "source", True, f"{name}: its decoder was replaced")


def _of_budgets(before: Look, now: Look) -> Iterator[Happening]:
    was, budget = before.snapshot.standing.budget, now.snapshot.standing.budget
    if budget.renewals > was.renewals:
        granted = [
            f"{energy(budget.energy_j)} of energy" if budget.energy_j < float("inf") else "",
            f"{money(budget.cost_usd)} for the cloud" if budget.cost_usd < float("inf") else "",
        ]
        text = " and ".join(g for g in granted if g)
        if text:
            yield Happening(now.at_s, "budget", False, f"The budget was renewed: {text}")


def _refused(apps: tuple[AppFigures, ...]) -> dict[str, int]:
    return {reason: sum(a.unserved.get(reason, 0) for a in apps) for reason in _GONE}


def _of_rates(before: Look, now: Look) -> Iterator[Happening]:
    for app in now.rates_hz.keys() - before.rates_hz.keys():
        text = f"{app}: the plan lowers its rate to {now.rates_hz[app]:.3g} a second"
        yield Happening(now.at_s, "model", False, text)
    for app in before.rates_hz.keys() - now.rates_hz.keys():
        yield Happening(now.at_s, "model", False, f"{app}: has the rate that it wants again")


def _of_cloud_and_sinks(before: Look, now: Look) -> Iterator[Happening]:
    if before.connected is not None and now.connected is not None and before.connected != now.connected:
        text = "The cloud answers again" if now.connected else "The cloud does not answer"
        yield Happening(now.at_s, "cloud", not now.connected, text)
    known = {s.sink: s for s in before.snapshot.standing.sinks}
    for sink in now.snapshot.standing.sinks:
        yield from _of_sink(known.get(sink.sink, SinkFigures(sink.sink)), sink, now.at_s)


def _of_sink(was: SinkFigures, sink: SinkFigures, at_s: float) -> Iterator[Happening]:
    if sink.trouble and not was.trouble:
        yield Happening(at_s, "sink", True, f"{sink.sink}: delivers nothing: {sink.trouble}")
    elif was.trouble and not sink.trouble:
        yield Happening(at_s, "sink", False, f"{sink.sink}: delivers again")
    for reason in sink.dropped.keys() - was.dropped.keys():
        yield Happening(at_s, "sink", True, f"{sink.sink}: results are dropped: {reason}")


def _of_specializing(before: Look, now: Look) -> Iterator[Happening]:
    for news in _new(before.snapshot.standing.special.recent, now.snapshot.standing.special.recent):
        ago_s = max(0.0, now.snapshot.t_s - news.t_s)
        yield Happening(now.at_s - ago_s, "specialization", False, f"{news.app}: {news.text}")


def _new(before: tuple[SpecialNews, ...], now: tuple[SpecialNews, ...]) -> tuple[SpecialNews, ...]:
    """Return what came after the last that was known; all of it where that has been forgotten."""
    if not before:
        return now
    return next((now[i + 1 :] for i in range(len(now) - 1, -1, -1) if now[i] is before[-1]), now)


def _increase(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {key: count - before.get(key, 0) for key, count in now.items() if count > before.get(key, 0)}
