"""The whole frame as one window."""

from __future__ import annotations

from engine.frames import Box, Frame


class WholeFrameExtractor:
    """Gives one window a frame: all of it."""

    def extract(self, frame: Frame) -> list[Box]:
        """Return the frame's own box."""
        height, width = frame.pixels.shape[:2]
        return [(0, 0, width, height)]
