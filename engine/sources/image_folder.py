"""A folder of images, given as a video in the order of their names."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from catalog.errors import BadInput
from engine.errors import SourceError
from engine.frames import Frame, UInt8
from engine.sources.pace import AsTaken, Pace

_log = logging.getLogger(__name__)

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


class ImageFolder:
    """Gives the images of a folder; one that cannot be read is named in the log and leaves a gap.

    Args:
        folder: its sub folders are not searched; numbers in names count as numbers (2 before 10).
        fps: frames a second of media time.
        name: in results.
        pace: when frames are given.
        clock: monotonic.

    Raises:
        SourceError: the folder cannot be listed, or there is no image in it.
        BadInput: a frame rate that is not positive.
    """

    def __init__(
        self,
        folder: Path,
        fps: float = 1.0,
        name: str | None = None,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0.0 < fps < float("inf"):
            raise BadInput(f"{folder}: fps = {fps}: expected a positive number")
        self._paths = _images_of(folder)
        if not self._paths:
            raise SourceError(f"{folder}: no image in it: expected files ending in {', '.join(SUFFIXES)}")
        self._folder = folder
        self.fps = fps
        self._name = name or folder.name or str(folder)
        self._pace = pace if pace is not None else AsTaken()
        self._clock = clock
        self._next = 0
        self._first: int | None = None

    @property
    def name(self) -> str:
        """Name in results."""
        return self._name

    @property
    def live(self) -> bool:
        """Whether frames come at their media time."""
        return self._pace.live

    def read(self) -> Frame | None:
        """Return the next image that can be read, or None at the end.

        Raises:
            SourceError: not one of the images can be read.
        """
        while self._next < len(self._paths):
            index, path = self._next, self._paths[self._next]
            self._next += 1
            pixels = _read_rgb(path)
            if pixels is not None:
                return self._frame(index, pixels)
            _log.warning("%s: not an image that can be read: skipped", path)
        if self._first is None:
            raise SourceError(f"{self._folder}: none of its {len(self._paths)} images can be read")
        return None

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _frame(self, index: int, pixels: UInt8) -> Frame:
        if self._first is None:
            self._first = index
        t_s = (index - self._first) / self.fps
        self._pace.wait(t_s)
        return Frame(self._name, index, t_s, pixels, self._clock())


def _read_rgb(path: Path) -> UInt8 | None:
    try:
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:  # larger than OpenCV's limit on pixels
        return None
    return None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _images_of(folder: Path) -> list[Path]:
    try:
        return sorted((p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES), key=_natural_order)
    except OSError as e:
        raise SourceError(f"{folder}: cannot be listed: {e.strerror or e}") from e


def _natural_order(path: Path) -> tuple[list[tuple[bool, int, str]], str]:
    pieces = re.findall(r"\d+|\D+", path.name)
    return [(False, int(p), "") if p.isdecimal() else (True, 0, p) for p in pieces], path.name
