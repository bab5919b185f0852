"""OpenCV's VideoCapture, opened quietly, with its failures as SourceError. The one place that opens it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from engine.errors import SourceError
from engine.opencv_messages import silent_opencv

UInt8 = npt.NDArray[np.uint8]

# The decoder runs in the thread that reads, so that this thread's processor time is what decoding
# costs. On two cores it was as fast at 1080p as the default, which starts threads of its own.
_FILE_OPTIONS = (cv2.CAP_PROP_N_THREADS, 1)


def open_recording(path: str, complaint: str) -> cv2.VideoCapture:
    """Open a file with FFmpeg.

    Args:
        path: of the file.
        complaint: what to say where it cannot be opened: what, and the remedy.

    Raises:
        SourceError: with the complaint.
    """
    return _open(lambda: cv2.VideoCapture(path, cv2.CAP_FFMPEG, _FILE_OPTIONS), complaint)


def open_device(index: int, complaint: str) -> cv2.VideoCapture:
    """Open a camera by its number.

    Raises:
        SourceError: with the complaint.
    """
    return _open(lambda: cv2.VideoCapture(index, cv2.CAP_ANY), complaint)


def _open(opener: Callable[[], cv2.VideoCapture], complaint: str) -> cv2.VideoCapture:
    try:
        with silent_opencv():
            capture = opener()
    except cv2.error as e:
        raise SourceError(complaint) from e
    if not capture.isOpened():
        raise SourceError(complaint)
    return capture


def read_image(capture: cv2.VideoCapture) -> UInt8 | None:
    """Return the next image (H, W, 3) uint8 RGB, or None where none came."""
    return grabbed_image(capture) if capture.grab() else None


def grabbed_image(capture: cv2.VideoCapture) -> UInt8 | None:
    """Return the image that was grabbed last as (H, W, 3) uint8 RGB, or None where it is damaged."""
    ok, bgr = capture.retrieve()
    if not ok or bgr.size == 0:
        return None
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
