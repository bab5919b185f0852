"""How often an app asks: a token bucket an app and source, filled at the source's share of its rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.scheduling.problem import App

_BURST_S = 1.0
_EVERY_WINDOW_HZ = float("inf")
_QUIET_S = 2.0


class RateGates:
    """Tells which apps are due on a window.

    An app with an infinite rate is due on every window. One with a finite rate r is due on r
    windows a second on average and on at most r * 1 s (and at least one) in a burst, which lets it
    see several windows of one frame. Several sources share the rate equally: whichever has a window
    first would otherwise take it from the others again and again. One that showed no window for two
    seconds leaves its share to the others.
    """

    def __init__(self, apps: Iterable[App]) -> None:
        self._apps: dict[str, tuple[App, ...]] = {}
        self._rate_hz: dict[str, float] = {}
        self._tokens: dict[tuple[str, str], float] = {}
        self._filled_s: dict[tuple[str, str], float] = {}
        self._seen_s: dict[str, dict[str, float]] = {}
        self._tasks: dict[str, frozenset[str]] = {}
        self._named: dict[str, App] = {}
        self.set_apps(apps)

    @property
    def tasks(self) -> Mapping[str, frozenset[str]]:
        """The tasks that are asked, by input type."""
        return self._tasks

    @property
    def apps(self) -> Mapping[str, App]:
        """The apps by name."""
        return self._named

    def set_apps(self, apps: Iterable[App]) -> None:
        """Replace the apps; those that stay keep their tokens."""
        listed = list(apps)
        names = {a.name for a in listed}
        self._apps = {}
        for app in listed:
            self._apps[app.input_type] = (*self._apps.get(app.input_type, ()), app)
        self._tasks = {t: frozenset(a.task for a in apps) for t, apps in self._apps.items()}
        self._named = {a.name: a for a in listed}
        self._rate_hz = {a.name: a.wanted_hz for a in listed}
        self._tokens = {k: t for k, t in self._tokens.items() if k[0] in names}
        self._filled_s = {k: t for k, t in self._filled_s.items() if k[0] in names}

    def lower(self, rates_hz: Mapping[str, float]) -> None:
        """Apply the rates of a plan; an app that is not in it gets what it wants."""
        for apps in self._apps.values():
            for app in apps:
                self._rate_hz[app.name] = min(app.wanted_hz, rates_hz.get(app.name, float("inf")))

    def due(self, input_type: str, now: float, source: str = "") -> list[str]:
        """Return the apps that ask about a window of this input type now, and count it for them.

        Args:
            input_type: of the window.
            now: time on the run's clock.
            source: that shows it.
        """
        sharing = 0
        due = []
        for app in self._apps.get(input_type, ()):
            rate_hz = self._rate_hz[app.name]
            if rate_hz == _EVERY_WINDOW_HZ:
                due.append(app.name)
                continue
            sharing = sharing or self._sharing(input_type, source, now)
            if self._take((app.name, source), rate_hz / sharing, now):
                due.append(app.name)
        return due

    def is_due(self, app: str, now: float, source: str = "") -> bool:
        """Tell whether an app would ask about a window of its input type now, without counting it."""
        if app not in self._named:
            return False
        rate_hz = self._rate_hz[app]
        if rate_hz == _EVERY_WINDOW_HZ:
            return True
        sharing = self._showing(self._named[app].input_type, now)
        return self._filled((app, source), rate_hz / sharing, now) >= 1.0

    def expected(self, input_type: str, windows: int, passed_s: float, now: float) -> float:
        """Return how many requests windows of this input type would bring.

        Args:
            input_type: of the windows.
            windows: of one frame.
            passed_s: since the frame before.
            now: time on the run's clock.
        """
        sharing = self._showing(input_type, now)
        rates_hz = (self._rate_hz[a.name] for a in self._apps.get(input_type, ()))
        return sum(min(windows, hz / sharing * passed_s) if passed_s > 0.0 else 0.0 for hz in rates_hz)

    def missed(self, due: Iterable[str], windows: int, frames: int, passed_s: float, now: float) -> int:
        """Return how many windows like one of a frame were lost that its apps would have asked about.

        Args:
            due: who asks about the window, all of one input type.
            windows: of its kind in the frame.
            frames: of its source since the one before, that were lost.
            passed_s: since that one.
            now: time on the run's clock.
        """
        asked = float(frames)
        for app in due:
            rate_hz = self._rate_hz[app]
            if rate_hz != _EVERY_WINDOW_HZ:
                share_hz = rate_hz / self._showing(self._named[app].input_type, now)
                asked = min(asked, share_hz * passed_s / windows - 1.0)
        return max(0, round(asked))

    def needed(self, frames: int, passed_s: float, now: float) -> float:
        """Return how many of a source's frames the apps need, to ask as often as they want to.

        Args:
            frames: in a row.
            passed_s: in which they came.
            now: time on the run's clock.
        """
        most = 0.0
        for name, app in self._named.items():
            rate_hz = self._rate_hz[name]
            if rate_hz == _EVERY_WINDOW_HZ:
                return frames
            most = max(most, rate_hz / self._showing(app.input_type, now) * passed_s)
        return min(frames, most)

    def _sharing(self, input_type: str, source: str, now: float) -> int:
        """Return how many sources have shown windows of this input type lately."""
        seen_s = self._seen_s.setdefault(input_type, {})
        seen_s[source] = now
        return self._showing(input_type, now)

    def _showing(self, input_type: str, now: float) -> int:
        """Return the same without counting a source; at least 1."""
        seen_s = self._seen_s.get(input_type, {})
        if len(seen_s) <= 1:
            return 1
        return max(1, sum(now - s < _QUIET_S for s in seen_s.values()))

    def _filled(self, key: tuple[str, str], rate_hz: float, now: float) -> float:
        """Return the tokens that an app has for a source now."""
        most = max(1.0, rate_hz * _BURST_S)
        passed_s = max(0.0, now - self._filled_s.get(key, now))
        return min(most, self._tokens.get(key, 1.0) + rate_hz * passed_s)

    def _take(self, key: tuple[str, str], rate_hz: float, now: float) -> bool:
        tokens = self._filled(key, rate_hz, now)
        self._filled_s[key] = now
        takes = tokens >= 1.0
        self._tokens[key] = tokens - 1.0 if takes else tokens
        return takes
