"""From [[source]] tables to the frames of a run: sources opened, each read by a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from engine.capture import Capture
from engine.source_turns import SourceTurns
from engine.sources.choosing import OpenSource, SourceChoice
from engine.sources.digit_camera import DigitCamera
from engine.sources.picture_width import NarrowSource
from engine.sources.protocol import Source
from engine.sources.rate_cap import CappedSource
from engine.sources.watched_stream import WatchedStream
from mcdnn.engine_file import SourceTable

_QUEUED_FRAMES = 4
_READ_AHEAD_BYTES = 16 << 20


def choices_of(tables: Sequence[SourceTable], motion_gate: bool | None = None) -> list[SourceChoice]:
    """Return the sources that a configuration names.

    Args:
        motion_gate: of those that do not say it themselves.
    """
    return [
        SourceChoice(t.uri, t.name, t.pace, t.fps, t.drop, t.timeout_s, t.width, gated)
        for t in tables
        for gated in (motion_gate if t.motion_gate is None else t.motion_gate,)
    ]


def make_feed(sources: Sequence[OpenSource]) -> Capture | SourceTurns:
    """Start reading sources, which are owned from here on: one recording by itself, others in turns.

    Live sources may get company while they run.
    """
    share_bytes = _READ_AHEAD_BYTES // len(sources)
    captures = [_capture(s, len(sources) > 1, share_bytes) for s in sources]
    if len(captures) == 1 and not captures[0].live:
        return captures[0]
    return SourceTurns(captures, in_step=not any(c.live for c in captures))


def further_captures(sources: Sequence[OpenSource]) -> list[Capture]:
    """Start reading sources that join others, which are owned from here on."""
    return [_capture(s, True, 0) for s in sources]


def _capture(opened: OpenSource, several: bool, ahead_bytes: int) -> Capture:
    """Return a thread that reads a source.

    Of what drops frames, the newest one alone waits where waiting would add up: behind a camera that
    is faster than the engine, and behind other sources.
    """
    source = opened.source
    newest_only = opened.drops and (several or isinstance(source, WatchedStream))
    capacity = 1 if newest_only else _QUEUED_FRAMES
    return Capture(source, capacity, _decoding_clock(source), ahead_bytes, opened.drops)


def _decoding_clock(source: Source) -> Callable[[], float]:
    """Return the clock that decoding is charged by.

    The digit camera draws its frames where a camera would deliver them: that is no work of the
    device, and the camera's power is in the base load.
    """
    if isinstance(source, CappedSource | NarrowSource):
        return _decoding_clock(source.source)
    if isinstance(source, DigitCamera):
        return lambda: 0.0
    if isinstance(source, WatchedStream):
        return lambda: time.thread_time() + source.busy_s
    return time.thread_time
