"""A camera, or a stream that behaves like one: frames come by the clock until it is unplugged."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2

from engine.errors import SourceError
from engine.frames import Frame
from engine.sources.opencv_capture import open_device, read_image

_ATTEMPTS = 5
_BETWEEN_ATTEMPTS_S = 0.1


class Camera:
    """Gives frames as they come; frame time is wall time since the first one.

    Args:
        capture: opened; owned from here on.
        name: in results.
        remedy: what to do when it stops giving frames.
        attempts: failed reads in a row before it counts as unplugged.
        clock: monotonic.
        sleep: waits between failed reads.
    """

    live = True

    def __init__(
        self,
        capture: cv2.VideoCapture,
        name: str,
        remedy: str,
        attempts: int = _ATTEMPTS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._capture = capture
        self._name = name
        self._remedy = remedy
        self._attempts = attempts
        self._clock = clock
        self._sleep = sleep
        self._index = 0
        self._first_s = 0.0

    @property
    def name(self) -> str:
        """Name in results."""
        return self._name

    def read(self) -> Frame:
        """Return the next frame; a camera has no end.

        Raises:
            SourceError: several reads in a row failed.
        """
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(_BETWEEN_ATTEMPTS_S)
            pixels = read_image(self._capture)
            if pixels is not None:
                captured_s = self._clock()
                if self._index == 0:
                    self._first_s = captured_s
                frame = Frame(self._name, self._index, captured_s - self._first_s, pixels, captured_s)
                self._index += 1
                return frame
        raise SourceError(
            f"{self._name}: unplugged or stopped: {self._attempts} reads in a row failed after "
            f"{self._index} frames; {self._remedy}"
        )

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def open_camera(
    index: int,
    name: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Camera:
    """Open a camera by its number.

    Raises:
        SourceError: there is none, it is in use, or it may not be read.
    """
    remedy = (
        f"check that it is plugged in (ls /dev/video{index}), that no other program uses it, "
        "and that you may read it (group video)"
    )
    capture = open_device(index, f"camera {index}: cannot be opened: {remedy}")
    return Camera(capture, name or f"camera {index}", remedy, clock=clock, sleep=sleep)
