"""The digit camera: the embedded default source, with everything known about what it shows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

from catalog.digits.digit_images import SPLITS, Split, digit_images, digit_labels
from catalog.digits.digit_scene import SeenDigit
from catalog.digits.digit_video import DigitVideo
from catalog.errors import BadInput
from engine.frames import Frame, TruthWindow
from engine.sources.pace import PACES

Number = TypeVar("Number", int, float)

SCHEME = "digits:"
OPTIONS = ("seed", "fps", "seconds", "split", "pace")
_MOST_FPS = 1000.0
_LABELS: tuple[Mapping[str, str], ...] = tuple(digit_labels(d) for d in range(10))


class Shutter(Protocol):
    """Decides which frame is exposed next, and when."""

    @property
    def live(self) -> bool:
        """Whether frames come whether or not anyone takes them."""

    def next_index(self, index: int) -> int:
        """Return the frame to expose, `index` or a later one, when it is due."""


class AtDemand:
    """Every frame, as fast as it is taken."""

    live = False

    def next_index(self, index: int) -> int:
        """Return `index` at once."""
        return index


class AtFrameRate:
    """Frames at their time on the clock; those that nobody came for in time are lost, as in a camera."""

    live = True

    def __init__(self, fps: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._fps = fps
        self._clock = clock
        self._sleep = sleep
        self._start_s: float | None = None

    def next_index(self, index: int) -> int:
        """Sleep until the next frame is due."""
        now_s = self._clock()
        if self._start_s is None:
            self._start_s = now_s - index / self._fps
        due = max(index, math.floor((now_s - self._start_s) * self._fps))
        ahead_s = self._start_s + due / self._fps - now_s
        if ahead_s > 0.0:
            self._sleep(ahead_s)
        return due


class DigitCamera:
    """Shows handwritten digits that drift over textured surfaces, 320x240, in changing light.

    The frame of an index is the same for the same seed, frame rate and split, at any pace.

    Args:
        seed: of everything that is seen.
        fps: frames a second, in (0, 1000].
        seconds: the camera ends before this time.
        split: whose digits are shown; "test" is held out from training.
        pace: "wall" (a live camera) or "max" (as fast as frames are taken, none is lost).
        name: in results.
        clock: monotonic.
        sleep: waits until a frame is due.

    Raises:
        BadInput: a value that is not allowed, by name.
    """

    def __init__(
        self,
        seed: int = 0,
        fps: float = 15.0,
        seconds: float = math.inf,
        split: Split = "test",
        pace: str = "wall",
        name: str = "digits",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if seed < 0:
            raise BadInput(f"{SCHEME} seed = {seed}: expected a whole number of at least 0")
        if not 0.0 < fps <= _MOST_FPS:
            raise BadInput(f"{SCHEME} fps = {fps}: expected a number above 0, at most {_MOST_FPS:g}")
        if not seconds > 0.0:
            raise BadInput(f"{SCHEME} seconds = {seconds}: expected a number above 0")
        if pace not in PACES:
            raise BadInput(f"{SCHEME} pace = {pace!r}: expected one of {', '.join(PACES)}")
        self._video = DigitVideo(digit_images(split), seed)
        self._fps = fps
        self._seconds = seconds
        self._name = name
        self._clock = clock
        self._shutter: Shutter = AtFrameRate(fps, clock, sleep) if pace == "wall" else AtDemand()
        self._next = 0
        self._closed = False

    @property
    def name(self) -> str:
        """Name in results."""
        return self._name

    @property
    def live(self) -> bool:
        """Whether frames come at wall-clock rate."""
        return self._shutter.live

    def read(self) -> Frame | None:
        """Return the next frame with its truth, or None at the end and after close()."""
        if self._closed or self._next / self._fps >= self._seconds:
            return None
        index = self._shutter.next_index(self._next)
        t_s = index / self._fps
        if t_s >= self._seconds:
            return None
        self._next = index + 1
        rendered = self._video.render(index, t_s)
        truth = tuple(_truth(s) for s in rendered.seen)
        return Frame(self._name, index, t_s, rendered.pixels, self._clock(), truth)

    def close(self) -> None:
        """End the video."""
        self._closed = True


def open_digit_camera(
    uri: str,
    name: str | None = None,
    pace: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> DigitCamera:
    """Open what a URI describes: digits: or digits:?seed=7&fps=15&seconds=30&split=test&pace=max.

    Args:
        uri: as above; every option may be left out.
        name: in results.
        pace: where the URI does not give it; by default that of a live camera.
        clock: monotonic.
        sleep: waits until a frame is due.

    Raises:
        BadInput: an option or value that is not allowed, by name.
    """
    options = {"pace": pace or "wall", **_options(uri)}
    return DigitCamera(
        seed=_parsed(options, "seed", "0", int, "a whole number"),
        fps=_parsed(options, "fps", "15", float, "a number"),
        seconds=_parsed(options, "seconds", "inf", float, "a number"),
        split=_split(options.get("split", "test")),
        pace=options["pace"],
        name=name or "digits",
        clock=clock,
        sleep=sleep,
    )


def _options(uri: str) -> dict[str, str]:
    path, _, query = uri.partition("?")
    if path != SCHEME:
        raise BadInput(f"source {uri!r}: expected {SCHEME} or {SCHEME}?seed=7&fps=15&seconds=30")
    pairs = parse_qsl(query, keep_blank_values=True)
    unknown = [key for key, _ in pairs if key not in OPTIONS]
    if unknown:
        raise BadInput(f"source {uri!r}: unknown option {unknown[0]!r}: expected one of {', '.join(OPTIONS)}")
    return dict(pairs)


def _parsed(
    options: Mapping[str, str], key: str, default: str, parse: Callable[[str], Number], kind: str
) -> Number:
    text = options.get(key, default)
    try:
        return parse(text)
    except ValueError as e:
        raise BadInput(f"{SCHEME} {key} = {text!r}: expected {kind}") from e


def _split(text: str) -> Split:
    for split in SPLITS:
        if text == split:
            return split
    raise BadInput(f"{SCHEME} split = {text!r}: expected one of {', '.join(SPLITS)}")


def _truth(seen: SeenDigit) -> TruthWindow:
    return TruthWindow(seen.box, _LABELS[seen.digit], seen.track)
