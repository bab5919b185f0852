"""From what a camera shows to a JPEG with boxes and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from engine.frames import Box
from engine.results import Result
from engine.sinks.annotation import Canvas, annotate
from mcdnn.web.board import Sight

_LEAST_WIDTH_PX = 640  # smaller frames are enlarged, or the text would cover them
_MOST_WIDTH_PX = 960
_QUALITY = 80
_STANDS_S = 1.0
_SAME_THING = 0.3


def draw(sight: Sight, answers: Mapping[str, Sequence[Result]]) -> bytes:
    """Return a JPEG of a frame with what was answered about it, and what lately still stands.

    Args:
        sight: the frame.
        answers: the latest of every app about the same source.
    """
    frame = sight.frame
    height, width = frame.pixels.shape[:2]
    shown = min(max(width, _LEAST_WIDTH_PX), _MOST_WIDTH_PX)
    canvas = Canvas(shown, max(1, round(shown * height / width)))
    results = standing_results(sight.results, answers, frame.t_s)
    picture = annotate(frame, results, canvas, f"{frame.source}  {frame.t_s:.1f} s")
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return np.asarray(jpeg).tobytes()


def standing_results(
    results: Sequence[Result], answers: Mapping[str, Sequence[Result]], t_s: float
) -> list[Result]:
    """Return a frame's results with the latest ones of apps that were not asked about it.

    Apps are asked at rates of their own, mostly not about the frame that is shown. An answer stands for
    a second: at the frame's window in the same place; where the frame has windows of its kind, but
    none there, it has moved on and the answer with it.
    """
    asked = {r.app for r in results}
    late = (r for app, held in answers.items() if app not in asked for r in held)
    standing = (_moved(r, results) for r in late if 0.0 <= t_s - r.t_s <= _STANDS_S)
    return sorted([*results, *(r for r in standing if r is not None)], key=lambda r: r.window)


def _moved(result: Result, results: Sequence[Result]) -> Result | None:
    """Return a result at the window of the frame that shows the same, None where it is gone."""
    alike = [r for r in results if _input_type(r) == _input_type(result)]
    if not alike:
        return result
    here = max(alike, key=lambda r: _overlap(r.box, result.box))
    if _overlap(here.box, result.box) < _SAME_THING:
        return None
    return result._replace(window=here.window, box=here.box)


def _input_type(result: Result) -> str:
    return result.window.split(".")[1]


def _overlap(a: Box, b: Box) -> float:
    """Return the area that two boxes share over the area that they cover."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / max(1, a[2] * a[3] + b[2] * b[3] - shared)
