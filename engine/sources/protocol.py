"""What a source promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from engine.frames import Frame


class Source(Protocol):
    """Gives frames one after the other; used by one thread."""

    @property
    def name(self) -> str:
        """Name in results."""

    @property
    def live(self) -> bool:
        """Whether frames come whether or not anyone takes them: old ones are then dropped.

        A source that is not live waits until its frames are taken, and none is lost.
        """

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end.

        Raises:
            SourceError: the source broke, by name and with the remedy.
        """

    def close(self) -> None:
        """Let go of the file or camera; may be called twice."""


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a source has dropped itself, and how it fares.

    Args:
        dropped: frames that read() will never give, by reason.
        connects: how often it began to give frames.
        failures: attempts that failed and connections that broke.
        restarts: decoding processes that died or had to be killed.
        trouble: why it gives nothing now; "" while it does.
    """

    dropped: Mapping[str, int] = field(default_factory=dict)
    connects: int = 0
    failures: int = 0
    restarts: int = 0
    trouble: str = ""


@runtime_checkable
class ReportingSource(Source, Protocol):
    """A source that drops frames itself or may wait for them for long."""

    def interrupt(self) -> None:
        """Have read() return None soon, now and later; any thread may call."""

    def report(self) -> SourceReport:
        """Return how it stands; any thread may call."""
