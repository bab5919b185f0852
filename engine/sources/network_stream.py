"""A stream or recording at a URL: rtsp://, http:// and their encrypted forms."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import cv2

from engine.sources.camera import Camera
from engine.sources.opencv_capture import open_recording
from engine.sources.pace import Pace
from engine.sources.protocol import Source
from engine.sources.video_file import VideoFile

SCHEMES = ("rtsp", "rtsps", "http", "https")
_TIMEOUT_S = 10.0


def open_stream(
    url: str,
    name: str | None = None,
    pace: Pace | None = None,
    timeout_s: float = _TIMEOUT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Source:
    """Open a URL: as a recording where it declares its length, else as a camera.

    Args:
        url: may carry a user name and password; neither appears in names or errors.
        name: in results.
        pace: of a recording.
        timeout_s: for opening, and for a frame to come.
        clock: monotonic.
        sleep: waits between failed reads of a camera.

    Raises:
        SourceError: nothing answers in time, or it is no video.
    """
    shown = _without_credentials(url)
    timeout_ms = round(timeout_s * 1000)
    capture = open_recording(
        url,
        f"{shown}: gave no video within {timeout_s:g} s: check the address, the user name and the network",
        [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms],
    )
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return VideoFile(capture, name or shown, shown, pace, clock)
    return Camera(capture, name or shown, "check the network and the sender", clock=clock, sleep=sleep)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
