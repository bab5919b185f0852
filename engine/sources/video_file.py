"""A recorded video: frames with the time stamps that the file gives them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from engine.errors import SourceError
from engine.frames import Frame
from engine.sources.opencv_capture import open_recording, read_image
from engine.sources.pace import AsTaken, Pace

_log = logging.getLogger(__name__)

_FALLBACK_FPS = 25.0
_MOST_FPS = 1000.0
_MISSING_FRAMES = 3  # containers count a few frames that no decoder gives
_MISSING_SHARE = 0.01


class VideoFile:
    """Gives the frames of an opened recording, then the end or what broke it.

    Args:
        capture: opened; owned from here on.
        name: in results.
        where: path or URL, for errors.
        pace: when frames are given; as fast as they are taken by default.
        clock: monotonic.
    """

    def __init__(
        self,
        capture: cv2.VideoCapture,
        name: str,
        where: str,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capture = capture
        self._name = name
        self._where = where
        self._pace = pace if pace is not None else AsTaken()
        self._clock = clock
        self._index = 0
        self._first_s = 0.0
        self._last_s = 0.0
        self.fps = _frame_rate(capture, where)
        self._declared_s = capture.get(cv2.CAP_PROP_FRAME_COUNT) / self.fps

    @property
    def name(self) -> str:
        """Name in results."""
        return self._name

    @property
    def live(self) -> bool:
        """Whether frames come at their media time."""
        return self._pace.live

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end.

        Raises:
            SourceError: no frame at all, or the file ends well before the length that it declares.
        """
        pixels = read_image(self._capture)
        if pixels is None:
            self._check_complete()
            return None
        t_s = self._time_of_frame()
        self._pace.wait(t_s)
        frame = Frame(self._name, self._index, t_s, pixels, self._clock())
        self._index += 1
        self._last_s = t_s
        return frame

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()

    def _time_of_frame(self) -> float:
        """Return the stream's own time stamp, or the next regular one where it does not advance."""
        stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        if self._index == 0:
            self._first_s = stamp_s if math.isfinite(stamp_s) else 0.0
            return 0.0
        t_s = stamp_s - self._first_s
        return t_s if t_s > self._last_s else self._last_s + 1.0 / self.fps

    def _check_complete(self) -> None:
        if self._index == 0:
            raise SourceError(f"{self._where}: no frame can be decoded: damaged or no video; re-encode it")
        missing_s = self._declared_s - self._last_s - 1.0 / self.fps
        if missing_s > max(_MISSING_FRAMES / self.fps, _MISSING_SHARE * self._declared_s):
            raise SourceError(
                f"{self._where}: breaks off after frame {self._index - 1} at {self._last_s:.2f} s of "
                f"{self._declared_s:.2f} s: truncated or damaged; copy it again or re-encode it"
            )


def open_video_file(
    path: Path,
    name: str | None = None,
    pace: Pace | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> VideoFile:
    """Open a video file.

    Raises:
        SourceError: it cannot be opened.
    """
    complaint = (
        f"{path}: cannot be opened as a video: damaged, cut off or none; copy it again or re-encode it"
    )
    return VideoFile(open_recording(str(path), complaint), name or path.name, str(path), pace, clock)


def _frame_rate(capture: cv2.VideoCapture, where: str) -> float:
    fps = capture.get(cv2.CAP_PROP_FPS)
    if 0.0 < fps <= _MOST_FPS:
        return fps
    _log.warning("%s: declares %s frames a second: taking %s", where, fps, _FALLBACK_FPS)
    return _FALLBACK_FPS
