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

    Args:
        app: that asked.
        into: where the result goes.
        place: kept for it there.
    """

    app: App
    into: FrameResults | None = None
    place: int = -1

    def answer(self, result: Result) -> None:
        """Give the result."""
        into, self.into = self.into, None
        assert into is not None, "a request is answered once"
        into.fill(self.place, result)


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
