"""A camera: frames come by the clock until it is unplugged."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2

from engine.errors import SourceError
from engine.frames import Frame, UInt8
from engine.sources.opencv_capture import grabbed_image, open_device
from engine.sources.picture_width import scaled_down

_ATTEMPTS = 5
_BETWEEN_ATTEMPTS_S = 0.1
_BAD_FRAMES = 50  # in a row


class Camera:
    """Gives frames as they come; frame time is wall time since the first one.

    OpenCV's time stamps are not used: many drivers give none, or count from different zeros.

    Args:
        capture: opened; owned from here on.
        name: in results.
        remedy: what to do when it stops giving frames.
        attempts: failed reads in a row before it counts as unplugged.
        clock: monotonic.
        sleep: waits between failed reads.
        width: in pixels, that pictures have at most; None for any.
    """

    live = True
    is_recording = False

    def __init__(
        self,
        capture: cv2.VideoCapture,
        name: str,
        remedy: str,
        attempts: int = _ATTEMPTS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        width: int | None = None,
    ) -> None:
        self._capture = capture
        self._name = name
        self._remedy = remedy
        self._attempts = attempts
        self._clock = clock
        self._sleep = sleep
        self._width = width
        self.grabbed = 0
        self._first_s = 0.0
        self._bad = 0
        self.damaged = 0

    @property
    def name(self) -> str:
        """Name in results."""
        return self._name

    def grab(self) -> tuple[float, float]:
        """Take the next frame and return its time and when it was complete; a camera has no end.

        Raises:
            SourceError: several attempts in a row failed.
        """
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(_BETWEEN_ATTEMPTS_S)
            if self._capture.grab():
                captured_s = self._clock()
                if not self.grabbed:
                    self._first_s = captured_s
                self.grabbed += 1
                return captured_s - self._first_s, captured_s
        raise self._stopped(f"{self._attempts} reads in a row failed")

    def pixels(self) -> UInt8 | None:
        """Return the frame that was grabbed last as (H, W, 3) uint8 RGB; None where it is damaged.

        Raises:
            SourceError: many in a row were damaged.
        """
        pixels = grabbed_image(self._capture)
        if pixels is not None:
            self._bad = 0
            return scaled_down(pixels, self._width)
        self.damaged += 1
        self._bad += 1
        if self._bad >= _BAD_FRAMES:
            raise self._stopped(f"{self._bad} frames in a row were damaged")
        return None

    def read(self) -> Frame:
        """Return the next frame that is whole.

        Raises:
            SourceError: see grab() and pixels().
        """
        while True:
            t_s, captured_s = self.grab()
            pixels = self.pixels()
            if pixels is not None:
                return Frame(self._name, self.grabbed - 1, t_s, pixels, captured_s)

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()

    def _stopped(self, why: str) -> SourceError:
        return SourceError(
            f"{self._name}: unplugged or stopped: {why} after {self.grabbed} frames; {self._remedy}"
        )


def open_camera(
    index: int,
    name: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    width: int | None = None,
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
    return Camera(capture, name or f"camera {index}", remedy, clock=clock, sleep=sleep, width=width)
