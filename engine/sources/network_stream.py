"""A stream or recording at a URL, decoded by PyAV: rtsp://, http:// and their encrypted forms."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import av
from av.error import ExitError, FFmpegError, InvalidDataError
from av.video.reformatter import Interpolation, VideoReformatter

from engine.errors import SourceError
from engine.frames import Frame, UInt8
from engine.sources.pace import AsTaken, Pace
from engine.sources.picture_width import size_within
from engine.sources.stream_clock import FrameClock, LiveClock, MediaClock

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

SCHEMES = ("rtsp", "rtsps", "http", "https")

_log = logging.getLogger(__name__)

_TIMEOUT_S = 10.0
_FALLBACK_FPS = 25.0
_BAD_PACKETS = 100  # in a row: cameras begin in the middle of a picture, and networks lose some
_END_OF_RECORDING_S = 1.0
# These say nothing about time: FFmpeg makes stamps up for them, 25 a second.
_WITHOUT_STAMPS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "mpegvideo"})
# FFmpeg would watch a slow camera for five seconds and more before it gives the first frame.
_OPTIONS = {"rtsp_transport": "tcp", "analyzeduration": "1000000"}


class NetworkStream:
    """Gives the frames of an opened URL: of a recording until its end, else until it breaks.

    A frame is decoded by grab() and converted by pixels(), so that one that nobody wants costs less.

    Args:
        container: opened; owned from here on.
        name: in results.
        shown: the URL, without what is secret in it.
        pace: of a recording.
        clock: monotonic.
        width: in pixels, that pictures have at most; None for any.

    Raises:
        SourceError: there is no video in it.
    """

    def __init__(
        self,
        container: InputContainer,
        name: str,
        shown: str,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        width: int | None = None,
    ) -> None:
        if not container.streams.video:
            raise SourceError(f"{shown}: no video in it: check the address")
        self._container = container
        self._name = name
        self._shown = shown
        self._clock = clock
        self._width = width
        video = container.streams.video[0]
        video.codec_context.thread_count = 1  # so that many streams share the cores evenly
        self._frames = self._decoded()
        self._reformatter = VideoReformatter()
        self._declared_s = container.duration / av.time_base if container.duration else None
        self._pace = pace if self._declared_s is not None else AsTaken()
        self._stamped = container.format.name not in _WITHOUT_STAMPS
        fps = float(video.average_rate or video.guessed_rate or _FALLBACK_FPS)
        self._period_s = 1.0 / fps
        self._times: FrameClock = LiveClock() if self._declared_s is None else MediaClock(fps)
        self._frame: VideoFrame | None = None
        self.grabbed = 0
        self._latest_s = 0.0
        self.damaged = 0

    @property
    def name(self) -> str:
        """Name in results."""
        return self._name

    @property
    def is_recording(self) -> bool:
        """Whether it declares how long it is."""
        return self._declared_s is not None

    @property
    def live(self) -> bool:
        """Whether frames come by the clock."""
        return not self.is_recording or self._pace.live

    def grab(self) -> tuple[float, float] | None:
        """Decode the next frame and return its time and when it was complete; None at the end.

        Raises:
            SourceError: a live stream ended or gave nothing in time, or a recording breaks off.
        """
        with _as_source_error(self._breaks_off):
            frame = next(self._frames, None)
        if frame is None:
            self._check_complete()
            return None
        arrived_s = self._clock()
        stamp_s = frame.time if self._stamped else None
        self._latest_s = t_s = self._times.time_of(stamp_s, arrived_s)
        self._frame = frame
        self._pace.wait(t_s)
        return t_s, self._clock() if self.is_recording else arrived_s

    def pixels(self) -> UInt8:
        """Return the frame that was grabbed last as (H, W, 3) uint8 RGB, made smaller on the way."""
        assert self._frame is not None
        width, height = size_within(self._frame.width, self._frame.height, self._width)
        rgb = self._reformatter.reformat(
            self._frame, width, height, "rgb24", interpolation=Interpolation.AREA, threads=1
        )
        return cast(UInt8, rgb.to_ndarray())

    def read(self) -> Frame | None:
        """Return the next frame; see Source and grab()."""
        grabbed = self.grab()
        if grabbed is None:
            return None
        return Frame(self._name, self.grabbed - 1, grabbed[0], self.pixels(), grabbed[1])

    def close(self) -> None:
        """Let go of the connection."""
        self._frames.close()
        self._container.close()

    def _decoded(self) -> Generator[VideoFrame, None, None]:
        """Give whole frames; damaged ones are counted and left out."""
        bad = 0
        for packet in self._container.demux(self._container.streams.video[0]):
            try:
                frames = packet.decode()
            except InvalidDataError:
                bad += 1
                if bad > _BAD_PACKETS:
                    raise
                continue
            for frame in frames:
                bad = 0
                self.grabbed += 1
                if frame.is_corrupt:
                    self.damaged += 1
                else:
                    yield frame

    def _breaks_off(self, reason: str) -> str:
        if self.is_recording:
            return self._cut_off(reason)
        return (
            f"{self._shown}: gives no more after {self.grabbed} frames ({reason}): check the network and "
            "the sender"
        )

    def _check_complete(self) -> None:
        if self._declared_s is None:
            raise SourceError(self._breaks_off("it ended"))
        missing_s = self._declared_s - self._latest_s - self._period_s
        if not self.grabbed or missing_s > max(_END_OF_RECORDING_S, 0.01 * self._declared_s):
            raise SourceError(self._cut_off("it ended"))

    def _cut_off(self, reason: str) -> str:
        return (
            f"{self._shown}: breaks off after {self.grabbed} frames at {self._latest_s:.2f} s of "
            f"{self._declared_s:.2f} s ({reason}): truncated or damaged, or the sender stopped"
        )


def open_stream(
    url: str,
    name: str | None = None,
    pace: Pace | None = None,
    timeout_s: float = _TIMEOUT_S,
    clock: Callable[[], float] = time.monotonic,
    width: int | None = None,
) -> NetworkStream:
    """Open a URL: as a recording where it declares its length, else as a live stream.

    Args:
        url: may carry a user name and password; neither appears in names or errors.
        name: in results.
        pace: of a recording.
        timeout_s: for opening, and for a frame to come.
        clock: monotonic.
        width: in pixels, that pictures have at most; None for any.

    Raises:
        SourceError: nothing answers in time, or it is no video.
    """
    shown = without_credentials(url)

    def complaint(reason: str) -> str:
        return (
            f"{shown}: gave no video within {timeout_s:g} s ({reason}): check the address, the user "
            "name and the network"
        )

    with _as_source_error(complaint):
        container = av.open(url, timeout=timeout_s, options=_options_for(url))
    try:
        return NetworkStream(container, name or shown, shown, pace or AsTaken(), clock, width)
    except SourceError:
        container.close()
        raise


def without_credentials(url: str) -> str:
    """Return a URL without user name, password and query, which may hold a token."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _options_for(url: str) -> dict[str, str]:
    is_rtsp = urlsplit(url).scheme.lower().startswith("rtsp")
    return _OPTIONS if is_rtsp else {k: v for k, v in _OPTIONS.items() if not k.startswith("rtsp_")}


@contextmanager
def _as_source_error(complaint: Callable[[str], str]) -> Iterator[None]:
    """Translate what FFmpeg raises; the one place that does."""
    try:
        yield
    except ExitError as e:  # what its time-out is called
        raise SourceError(complaint("nothing came")) from e
    except (FFmpegError, OSError, ValueError) as e:
        raise SourceError(complaint(getattr(e, "strerror", None) or str(e))) from e
