"""What each step between a camera's bytes and the answers takes of a processor, by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from benchmarks.report import Row
from catalog.backends.part_chain import PartChain
from catalog.backends.picked import PickedBackends
from catalog.preprocessing import resize
from catalog.store import Catalog
from catalog.tasks import Resize
from engine.frames import UInt8
from engine.sources.frame_slots import make_slots
from engine.sources.picture_width import size_within

_BATCHES = (1, 4, 8)


def cost_rows(clips: Sequence[Path], catalog: Catalog, width: int, rounds: int) -> list[Row]:
    """Return medians of processor time a frame: decoding, converting, carrying, resizing, networks."""
    frames = [f for clip in clips for f in _decoded(clip, rounds)]
    pictures = [f for _, f in frames]
    whole, narrow = _Converter(None), _Converter(width)
    size_px = max(t.size_px for t in catalog.contents.trunks)
    large, small = whole.rgb(pictures[0]), narrow.rgb(pictures[0])
    steps = [
        ("decoding H.264 at 1280x720", [s for s, _ in frames]),
        ("to RGB, whole", [_timed(partial(whole.rgb, f)) for f in pictures]),
        (f"to RGB, {width} wide", [_timed(partial(narrow.rgb, f)) for f in pictures]),
        ("to the engine and copied, whole", _carried(large, rounds)),
        (f"to the engine and copied, {width} wide", _carried(small, rounds)),
        ("to a window, whole", _many(lambda: resize(large, size_px, Resize.STRETCH), rounds)),
        (f"to a window, {width} wide", _many(lambda: resize(small, size_px, Resize.STRETCH), rounds)),
    ]
    rows = [_row(step, taken_s) for step, taken_s in steps]
    return rows + [_row(*step) for step in _networks(catalog, rounds)]


class _Converter:
    """From a decoded picture to RGB as a source does it, at most so wide."""

    def __init__(self, width: int | None) -> None:
        self._width = width
        self._reformatter = VideoReformatter()

    def rgb(self, frame: VideoFrame) -> UInt8:
        width, height = size_within(frame.width, frame.height, self._width)
        area = Interpolation.AREA
        scaled = self._reformatter.reformat(frame, width, height, "rgb24", interpolation=area, threads=1)
        return cast(UInt8, scaled.to_ndarray())


def _decoded(clip: Path, most: int) -> list[tuple[float, VideoFrame]]:
    """Return the first pictures of a clip, each with the processor time that it took."""
    found: list[tuple[float, VideoFrame]] = []
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        frames = container.decode(video)
        before_s = time.process_time()
        for frame in frames:
            now_s = time.process_time()
            found.append((now_s - before_s, frame))
            if len(found) >= most:
                break
            before_s = time.process_time()
    return found


def _carried(pixels: UInt8, rounds: int) -> list[float]:
    slots = make_slots(pixels.nbytes)

    def carry() -> None:
        slots.write(0, pixels)
        slots.copy(0, *pixels.shape[:2])

    try:
        return _many(carry, rounds)
    finally:
        slots.close()


def _networks(catalog: Catalog, rounds: int) -> list[tuple[str, list[float]]]:
    """Return what each trunk takes a window, run on one window and on several at once."""
    backends = PickedBackends(catalog.measurements())
    steps = []
    for trunk in catalog.contents.trunks:
        chain = PartChain(backends, [catalog.part_path(p) for p in trunk.parts])
        for batch in _BATCHES:
            windows = np.zeros((batch, trunk.size_px, trunk.size_px, 3), np.uint8)
            taken_s = [t / batch for t in _many(partial(chain, windows), rounds)]
            steps.append((f"{trunk.name}, {batch} at once, a window", taken_s))
    return steps


def _many(call: Callable[[], object], rounds: int) -> list[float]:
    call()
    return [_timed(call) for _ in range(rounds)]


def _timed(call: Callable[[], object]) -> float:
    before_s = time.process_time()
    call()
    return time.process_time() - before_s


def _row(step: str, taken_s: Sequence[float]) -> Row:
    low, high = np.quantile(taken_s, (0.25, 0.75))
    return {
        "step": step,
        "processor_ms": 1e3 * median(taken_s),
        "lower_quartile_ms": 1e3 * float(low),
        "upper_quartile_ms": 1e3 * float(high),
    }
