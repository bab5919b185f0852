"""Keeps OpenCV and FFmpeg from writing to standard error what the user is told in one line of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cv2.utils import logging as cv2_logging

_FFMPEG_SILENT = "-8"


@contextmanager
def silent_opencv() -> Iterator[None]:
    """Silence both while something is opened; FFmpeg, which is told once, also afterwards.

    A user who sets OPENCV_FFMPEG_LOGLEVEL sees FFmpeg's messages.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _FFMPEG_SILENT)
    level = cv2_logging.getLogLevel()
    cv2_logging.setLogLevel(cv2_logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2_logging.setLogLevel(level)
