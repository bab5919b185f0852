"""Frames, windows and what is really in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame
UInt8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TruthWindow:
    """One thing that is really in a frame.

    Args:
        box: its bounding box, in pixels of the frame.
        labels: class name by task name.
        track: stays the same for the same thing from frame to frame.
    """

    box: Box
    labels: Mapping[str, str]
    track: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image from a source.

    Args:
        source: name of the source.
        index: 0, 1, 2 ... as the source numbers its frames; a dropped frame leaves a gap.
        t_s: seconds on the source's own clock since its first frame: media time of a file, wall
            time of a camera. All scheduling and accounting uses this clock.
        pixels: (H, W, 3) uint8 RGB.
        captured_s: reading of the monotonic clock when the frame was complete.
        truth: what is in it, or None where the source does not know.
        still: it shows what the frame before showed, and was not searched.
        missed: frames of the source since the one that was taken before, which nobody took in time.
    """

    source: str
    index: int
    t_s: float
    pixels: UInt8
    captured_s: float
    truth: tuple[TruthWindow, ...] | None = None
    still: bool = False
    missed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A crop of a frame with an input type.

    Args:
        frame: where it was found.
        input_type: name of the input type.
        index: 0, 1, 2 ... among the windows of this input type in this frame.
        box: where in the frame, in pixels, without margin.
        truth: the thing in it (matched by overlap), or None where unknown or nothing is there.
        track: of that thing, or None where none is kept.
    """

    frame: Frame
    input_type: str
    index: int
    box: Box
    truth: TruthWindow | None = field(default=None)
    track: int | None = None

    @property
    def id(self) -> str:
        """Name of the window in results: "<frame index>.<input type>.<index>"."""
        return f"{self.frame.index}.{self.input_type}.{self.index}"
