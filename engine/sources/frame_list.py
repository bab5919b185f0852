"""A source made of frames that are there already: for tests, and for programs that bring their own."""

from __future__ import annotations

from collections.abc import Iterable

from engine.frames import Frame


class FrameList:
    """Gives the frames of an iterable, then the end; an error that the iterable raises passes through.

    Args:
        frames: taken one by one.
        name: in messages; frames carry their own.
        live: whether frames that nobody takes may be dropped.
    """

    def __init__(self, frames: Iterable[Frame], name: str = "frames", live: bool = False) -> None:
        self._frames = iter(frames)
        self._name = name
        self._live = live
        self.closed = False

    @property
    def name(self) -> str:
        """Name in messages."""
        return self._name

    @property
    def live(self) -> bool:
        """Whether frames may be dropped."""
        return self._live

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end."""
        return next(self._frames, None)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
