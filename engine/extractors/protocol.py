"""What an extractor promises."""

from __future__ import annotations

from typing import Protocol

from engine.frames import Box, Frame


class Extractor(Protocol):
    """Finds the windows of one input type in a frame; may remember earlier frames of its source."""

    def extract(self, frame: Frame) -> list[Box]:
        """Return the boxes found, inside the frame, without margin; possibly none."""
