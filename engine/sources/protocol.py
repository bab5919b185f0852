"""What a source promises."""

from __future__ import annotations

from typing import Protocol

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
