"""From what a user chooses to sources that are open: several of them fit together, and none can hang."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal

from catalog.errors import BadInput
from engine.sources.decoder_link import StreamOrder
from engine.sources.opening import is_watched, open_source, shown_name
from engine.sources.picture_width import NarrowSource
from engine.sources.protocol import Source
from engine.sources.rate_cap import CappedSource
from engine.sources.watched_stream import WatchedStream

DropPolicy = Literal["latest", "block"]


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source as a user describes it.

    Args:
        uri: see open_source.
        name: in results; from the URI by default.
        pace: of a recording, "max" or "wall".
        fps: frames a second to take at most; None for all.
        drop: "latest": what the engine has not taken gives way to newer frames; "block": no frame is
            dropped, the source waits. By default the one for live sources, the other for recordings.
        timeout_s: in which a camera or stream has to answer, and to give its next frame.
        width: in pixels, that pictures have at most; None for all.
        motion_gate: whether frames are passed over in which nothing has changed; by default those of
            cameras and streams.
    """

    uri: str
    name: str | None = None
    pace: Literal["max", "wall"] | None = None
    fps: float | None = None
    drop: DropPolicy | None = None
    timeout_s: float = 5.0
    width: int | None = None
    motion_gate: bool | None = None


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source that is open.

    Args:
        drops: whether frames that nobody takes are dropped.
        gated: whether those are passed over in which nothing has changed.
    """

    source: Source
    drops: bool
    gated: bool = False


def open_chosen(choices: Sequence[SourceChoice], beside_live: bool = False) -> tuple[OpenSource, ...]:
    """Open sources that are to run together; those that may hang each in a process of its own.

    A camera or stream that does not answer yet is tried again while it runs. Beside a live source,
    recordings come at media time: only so have all of them one clock.

    Args:
        beside_live: whether they are to join live sources that run already.

    Raises:
        SourceError: a file or folder cannot be opened.
        BadInput: two have the same name, or settings that do not fit together.
    """
    with ExitStack() as opened:
        sources: list[Source] = []
        for choice in choices:
            sources.append(_open(choice, several=beside_live or len(choices) > 1))
            opened.callback(sources[-1].close)
        for source in sources:
            if isinstance(source, WatchedStream):
                source.settle()
        if beside_live or any(s.live for s in sources):
            for i, (choice, source) in enumerate(zip(choices, sources, strict=True)):
                if not source.live:
                    sources[i] = _at_media_time(choice, source)
                    opened.callback(sources[i].close)
        _check_names(sources)
        pairs = tuple(
            OpenSource(s, _drops(c, s), _gated(c, s)) for c, s in zip(choices, sources, strict=True)
        )
        opened.pop_all()
        return pairs


def _open(choice: SourceChoice, several: bool) -> Source:
    if not is_watched(choice.uri):
        source = open_source(choice.uri, choice.name, choice.pace)
        if choice.fps is not None:
            source = CappedSource(source, choice.fps)
        return source if choice.width is None else NarrowSource(source, choice.width)
    pace = choice.pace or ("wall" if several else "max")
    blocks = choice.drop == "block"
    order = StreamOrder(choice.uri, choice.fps, blocks, pace, choice.timeout_s, choice.width)
    return WatchedStream(order, choice.name or shown_name(choice.uri))


def _at_media_time(choice: SourceChoice, source: Source) -> Source:
    """Open a recording again that was to come at full speed."""
    again = source
    if choice.pace is None:
        source.close()
        again = _open(replace(choice, pace="wall"), several=True)
    if not again.live:
        again.close()
        raise BadInput(
            f'source {source.name}: pace "max" does not go together with a live source, whose clock is '
            'the real one: give it pace = "wall"'
        )
    return again


def _check_names(sources: Sequence[Source]) -> None:
    names = [s.name for s in sources]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise BadInput(f"several sources are called {twice[0]!r}: give each a name of its own")


def _drops(choice: SourceChoice, source: Source) -> bool:
    if choice.drop is None:
        return source.live
    if choice.drop == "latest" and not source.live:
        raise BadInput(
            f'source {source.name}: drop = "latest" is for live sources: give it pace = "wall", or leave '
            "drop out"
        )
    return choice.drop == "latest"


def _gated(choice: SourceChoice, source: Source) -> bool:
    """Tell whether a source is gated; recordings are not by themselves, whose runs are to be compared."""
    if choice.motion_gate is None:
        return isinstance(source, WatchedStream) and source.live
    return choice.motion_gate
