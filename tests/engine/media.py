"""Frames, results and real video files for tests, small enough to be made in milliseconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from engine.frames import Frame, UInt8
from engine.results import Result

_SERVED = Result(
    0.0, "clip", "0.digit.0", (4, 4, 20, 24), "who", "7", 0.93, "small/identity", "device", 0.002, 0.001,
    "modelled", 0.0, True,
)  # fmt: skip


def picture(shade: int, width: int = 64, height: int = 48) -> UInt8:
    """Return (height, width, 3) in one shade."""
    return np.full((height, width, 3), shade, np.uint8)


def frame(index: int, pixels: UInt8 | None = None, fps: float = 10.0) -> Frame:
    """Return a frame of a source called "clip"."""
    return Frame("clip", index, index / fps, picture(50) if pixels is None else pixels, 0.0)


def result(frame_index: int = 0, **changes: object) -> Result:
    """Return a served request of app "who", with changes."""
    window = f"{frame_index}.digit.0"
    return _SERVED._replace(**{"t_s": frame_index / 10.0, "window": window, **changes})  # type: ignore[arg-type]


def unserved(frame_index: int = 0, reason: str = "energy budget gone", **changes: object) -> Result:
    """Return a request that nobody answered."""
    nothing = dict.fromkeys(("answer", "confidence", "variant", "place", "latency_s"))
    return result(frame_index, **{**nothing, "energy_j": 0.0, "served": False, "reason": reason, **changes})


def write_video(path: Path, frames: int = 20, fps: float = 10.0, codec: str = "mp4v") -> Path:
    """Write a video whose frame i has the shade 10 * i (modulo 250), at 64x48."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (64, 48))
    assert writer.isOpened()
    for i in range(frames):
        writer.write(picture(10 * i % 250))
    writer.release()
    return path
