"""One window while it is being served, and the requests about it that wait for the cloud."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.frame_results import FrameResults
from engine.frames import Window
from engine.results import Result
from engine.scheduling.problem import App


@dataclass(slots=True, eq=False)
class Awaited:
    """A request whose answer is to come; it is answered once.

    The answer may come before it is known where it goes: while other windows of its moment are served.

    Args:
        app: that asked.
    """

    app: App
    _into: FrameResults | None = None
    _place: int = -1
    _result: Result | None = None

    def answer(self, result: Result) -> None:
        """Give the result."""
        assert self._result is None, "a request is answered once"
        self._result = result
        into, self._into = self._into, None
        if into is not None:
            into.fill(self._place, result)

    def goes(self, into: FrameResults, until_then: Result) -> None:
        """Say where the result goes, and what stands there until it comes; called once."""
        if self._result is not None:
            into.results.append(self._result)
            return
        self._place = into.expect(until_then)
        self._into = into


@dataclass(slots=True, eq=False)
class Serving:
    """One window while it is being served.

    Args:
        now: time on the source's clock.
        began_s: reading of the wall clock from which latency counts.
        reasons: why apps are not served.
        results: of those that are.
        awaited: those whose answers are to come.
    """

    window: Window
    now: float
    began_s: float
    reasons: dict[str, str]
    results: dict[str, Result] = field(default_factory=dict)
    awaited: dict[str, Awaited] = field(default_factory=dict)

    def refuse(self, apps: Iterable[str], reason: str) -> None:
        """Note why apps are not served."""
        self.reasons.update(dict.fromkeys(apps, reason))
