"""From what a user writes to a source: one table of forms."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from catalog.errors import BadInput
from engine.errors import SourceError
from engine.sources.camera import open_camera
from engine.sources.digit_camera import SCHEME, open_digit_camera
from engine.sources.image_folder import ImageFolder
from engine.sources.network_stream import SCHEMES, open_stream, without_credentials
from engine.sources.pace import Pace, make_pace
from engine.sources.protocol import Source
from engine.sources.video_file import open_video_file

ALLOWED_FORMS = (
    "a video file, a folder of images (with ?fps=N), a camera's number, rtsp:// or http://, or digits: "
    "(with ?seed=N and the like)"
)


@dataclass(frozen=True, slots=True)
class Opening:
    """What every form of source is opened with."""

    uri: str
    name: str | None
    pace: str | None
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def make_pace(self) -> Pace:
        """Return the pace of a recording."""
        return make_pace(self.pace or "max", self.clock, self.sleep)


@dataclass(frozen=True, slots=True)
class SourceForm:
    """One form of URI: how it is told from the others, what opens it, and whether it may hang."""

    matches: Callable[[str], bool]
    open: Callable[[Opening], Source]
    may_hang: bool = False


def open_source(
    uri: str,
    name: str | None = None,
    pace: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Source:
    """Open what a user calls a source, in this process.

    Args:
        uri: a video file, a folder of images, a camera's number, rtsp:// or http://, or digits:.
        name: in results; from the URI by default.
        pace: "max" (as fast as frames are taken, none is lost) or "wall" (at media time, as a camera
            would give them); by default "max" for recordings and "wall" for the digit camera.
        clock: monotonic.
        sleep: waits for media time and between failed reads of a camera.

    Raises:
        SourceError: it does not exist or cannot be opened.
        BadInput: an option or a pace that there is not.
    """
    return _form_of(uri).open(Opening(uri, name, pace, clock, sleep))


def is_watched(uri: str) -> bool:
    """Tell whether a source may hang, and is to be decoded in a process of its own.

    Raises:
        SourceError: there is no such source.
    """
    return _form_of(uri).may_hang


def shown_name(uri: str) -> str:
    """Return what a camera or stream is called where the user gives it no name."""
    return f"camera {uri}" if _is_camera(uri) else without_credentials(uri)


def _form_of(uri: str) -> SourceForm:
    try:
        form = next((f for f in _FORMS if f.matches(uri)), None)
    except OSError as e:  # a name that is too long, or a folder that may not be entered
        raise SourceError(f"source {uri[:80]!r}: {e.strerror or e}; expected {ALLOWED_FORMS}") from e
    if form is None:
        raise SourceError(f"source {uri!r}: no such file or folder; expected {ALLOWED_FORMS}")
    return form


def _is_camera(uri: str) -> bool:
    return uri.isascii() and uri.isdecimal()


def _open_camera(opening: Opening) -> Source:
    return open_camera(int(opening.uri), opening.name, opening.clock, opening.sleep)


def _is_stream(uri: str) -> bool:
    return uri.partition("://")[0].lower() in SCHEMES and "://" in uri


def _open_stream(opening: Opening) -> Source:
    return open_stream(opening.uri, opening.name, opening.make_pace(), clock=opening.clock)


def _is_folder(uri: str) -> bool:
    path = uri.partition("?")[0]
    return path != "" and (Path(uri).is_dir() or Path(path).is_dir())


def _open_folder(opening: Opening) -> Source:
    path, fps = opening.uri, 1.0
    if not Path(path).is_dir():
        path, _, query = opening.uri.partition("?")
        fps = _frame_rate(opening.uri, query)
    return ImageFolder(Path(path), fps, opening.name, opening.make_pace(), opening.clock)


def _frame_rate(uri: str, query: str) -> float:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if set(options) != {"fps"}:
        raise BadInput(f"source {uri!r}: options {sorted(options)}: expected fps alone, as in frames/?fps=10")
    try:
        fps = float(options["fps"])
    except ValueError:
        fps = math.nan
    if not 0.0 < fps < math.inf:
        raise BadInput(f"source {uri!r}: fps = {options['fps']!r}: expected a positive number")
    return fps


def _is_file(uri: str) -> bool:
    return Path(uri).is_file()


def _open_file(opening: Opening) -> Source:
    return open_video_file(Path(opening.uri), opening.name, opening.make_pace(), opening.clock)


def _is_digit_camera(uri: str) -> bool:
    return uri.startswith(SCHEME)


def _open_digit_camera(opening: Opening) -> Source:
    return open_digit_camera(opening.uri, opening.name, opening.pace, opening.clock, opening.sleep)


_FORMS = (
    SourceForm(_is_digit_camera, _open_digit_camera),
    SourceForm(_is_camera, _open_camera, may_hang=True),
    SourceForm(_is_stream, _open_stream, may_hang=True),
    SourceForm(_is_folder, _open_folder),
    SourceForm(_is_file, _open_file),
)
