"""How often an app asks: a token bucket an app, filled at its rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.scheduling.problem import App

_BURST_S = 1.0
_EVERY_WINDOW_HZ = float("inf")


class RateGates:
    """Tells which apps are due on a window.

    An app with an infinite rate is due on every window. One with a finite rate r is due on r
    windows a second on average and on at most r * 1 s (and at least one) in a burst, which lets it
    see several windows of one frame.
    """

    def __init__(self, apps: Iterable[App]) -> None:
        self._apps: dict[str, tuple[App, ...]] = {}
        self._rate_hz: dict[str, float] = {}
        self._tokens: dict[str, float] = {}
        self._filled_s: dict[str, float] = {}
        self._tasks: dict[str, frozenset[str]] = {}
        self.set_apps(apps)

    @property
    def tasks(self) -> Mapping[str, frozenset[str]]:
        """The tasks that are asked, by input type."""
        return self._tasks

    def set_apps(self, apps: Iterable[App]) -> None:
        """Replace the apps; those that stay keep their tokens."""
        listed = list(apps)
        names = {a.name for a in listed}
        self._apps = {}
        for app in listed:
            self._apps[app.input_type] = (*self._apps.get(app.input_type, ()), app)
        self._tasks = {t: frozenset(a.task for a in apps) for t, apps in self._apps.items()}
        self._rate_hz = {a.name: a.wanted_hz for a in listed}
        self._tokens = {n: t for n, t in self._tokens.items() if n in names}
        self._filled_s = {n: t for n, t in self._filled_s.items() if n in names}

    def lower(self, rates_hz: Mapping[str, float]) -> None:
        """Apply the rates of a plan; an app that is not in it gets what it wants."""
        for apps in self._apps.values():
            for app in apps:
                self._rate_hz[app.name] = min(app.wanted_hz, rates_hz.get(app.name, float("inf")))

    def due(self, input_type: str, now: float) -> list[str]:
        """Return the apps that ask about a window of this input type now, and count it for them."""
        due = []
        for app in self._apps.get(input_type, ()):
            rate_hz = self._rate_hz[app.name]
            if rate_hz == _EVERY_WINDOW_HZ or self._take(app.name, rate_hz, now):
                due.append(app.name)
        return due

    def _take(self, app: str, rate_hz: float, now: float) -> bool:
        most = max(1.0, rate_hz * _BURST_S)
        tokens = self._tokens.get(app, 1.0)
        tokens = min(most, tokens + rate_hz * max(0.0, now - self._filled_s.get(app, now)))
        self._filled_s[app] = now
        takes = tokens >= 1.0
        self._tokens[app] = tokens - 1.0 if takes else tokens
        return takes
