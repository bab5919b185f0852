"""An annotated video: every frame with its windows and answers, in step with the source's clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from catalog.errors import BadInput
from engine.errors import SinkError
from engine.frames import Frame, UInt8
from engine.opencv_messages import silent_opencv
from engine.results import Result
from engine.sinks.annotation import STRIP_PX, Canvas, annotate

SUFFIXES = (".mp4", ".mkv", ".avi")
_CODECS = ("mp4v", "avc1")
_LEAST_WIDTH_PX = 640  # smaller frames are enlarged, or the text would cover them
_MOST_WIDTH_PX = 1280
_LONGEST_HOLD_S = 5.0


def _unlimited() -> float:
    return math.inf


class AnnotatedVideoSink:
    """Writes one video; frames of other sizes than the first one's get bars beside them.

    A frame is repeated until the next one's time and left out where two fall together, so that the
    video runs at the source's speed whatever was dropped; a longer gap is cut to five seconds.

    Args:
        path: replaced where it exists.
        fps: of the video.
        energy_left_j: read while drawing, for the strip; inf is not shown.

    Raises:
        BadInput: a file name with another ending than a video's, or its folder cannot be made.
    """

    def __init__(
        self, path: Path, fps: float = 25.0, energy_left_j: Callable[[], float] = _unlimited
    ) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise BadInput(f"video {path}: expected a name that ends in {', '.join(SUFFIXES)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise BadInput(f"video {path}: its folder cannot be made: {e.strerror or e}") from e
        self._path = path
        self._fps = fps
        self._energy_left_j = energy_left_j
        self._canvas = Canvas(0, 0)
        self._writer: cv2.VideoWriter | None = None
        self._picture: UInt8 | None = None
        self._shown: Sequence[Result] = ()
        self._start_s = 0.0
        self._written = 0

    def __str__(self) -> str:
        return f"video {self._path}"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Draw a frame, and write the one before it for as long as it was to be seen.

        Raises:
            SinkError: the video cannot be created.
        """
        if self._writer is None:
            self._canvas = _canvas_for(frame.pixels)
            self._writer = _open_writer(self._path, self._fps, self._canvas)
            self._start_s = frame.t_s
        self._hold_until(frame.t_s)
        if not frame.still:  # what was answered last stands
            self._shown = results
        self._picture = annotate(frame, self._shown, self._canvas, self._strip(frame, self._shown))

    def close(self) -> None:
        """Write the last frame, finish the file and check that it can be read.

        Raises:
            SinkError: it cannot, because the disk is full.
        """
        if self._writer is None:
            return
        self._write(1)
        self._writer.release()
        self._writer = None
        if not _readable(self._path):
            raise SinkError(f"{self}: cannot be read back: the disk is probably full")

    def _hold_until(self, t_s: float) -> None:
        due = round((t_s - self._start_s) * self._fps)
        most = round(_LONGEST_HOLD_S * self._fps)
        if due - self._written > most:
            self._start_s += (due - self._written - most) / self._fps
            due = self._written + most
        self._write(due - self._written)

    def _write(self, times: int) -> None:
        if self._writer is None or self._picture is None or times < 1:
            return
        bgr = cv2.cvtColor(self._picture, cv2.COLOR_RGB2BGR)
        for _ in range(times):
            self._writer.write(bgr)
        self._written += times

    def _strip(self, frame: Frame, results: Sequence[Result]) -> str:
        served = sum(r.served for r in results)
        energy_left_j = self._energy_left_j()
        energy = f"energy left {energy_left_j:.3g} J  " if math.isfinite(energy_left_j) else ""
        return (
            f"{frame.t_s:.2f} s  {energy}served {served}/{len(results)}  frame {frame.index}  {frame.source}"
        )


def _canvas_for(pixels: UInt8) -> Canvas:
    """Return a canvas in the frame's proportions, with the even sides that video needs."""
    height, width = pixels.shape[:2]
    canvas_width = min(max(width, _LEAST_WIDTH_PX), _MOST_WIDTH_PX)
    return Canvas(_even(canvas_width), _even(canvas_width * height / width))


def _even(length_px: float) -> int:
    return max(2, 2 * round(length_px / 2))


def _open_writer(path: Path, fps: float, canvas: Canvas) -> cv2.VideoWriter:
    size = (canvas.width_px, canvas.height_px + STRIP_PX)
    with silent_opencv():
        for codec in _CODECS:
            fourcc = cv2.VideoWriter.fourcc(*codec)
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, size)
            if writer.isOpened():
                return writer
    raise SinkError(
        f"video {path}: cannot be created: check that the folder can be written; tried the codecs "
        f"{', '.join(_CODECS)}"
    )


def _readable(path: Path) -> bool:
    """Tell whether a video opens: the writer itself reports no error."""
    with silent_opencv():
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        readable = capture.isOpened() and capture.read()[0]
    capture.release()
    return readable
