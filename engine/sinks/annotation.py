"""Draws what the engine found onto a frame: boxes, each app's answer, and a strip with the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np

from engine.frames import Box, Frame, UInt8
from engine.results import Result

Colour = tuple[int, int, int]  # red, green, blue

SERVED: Colour = (80, 220, 100)
PARTLY: Colour = (255, 190, 60)
UNSERVED: Colour = (255, 90, 90)
_TEXT: Colour = (245, 245, 245)
_WRONG: Colour = (255, 150, 130)
_MUTED: Colour = (170, 170, 170)
_PANEL: Colour = (25, 25, 30)

STRIP_PX = 24
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.45
_LINE_PX = 17
_PADDING_PX = 4
_REASON_LETTERS = 28


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where a frame lies in a picture: scaled by one factor and centred, bars beside it.

    Args:
        width_px: of the picture.
        height_px: of the picture, without the strip.
    """

    width_px: int
    height_px: int

    def placed(self, pixels: UInt8) -> tuple[UInt8, float, int, int]:
        """Return the picture (height_px, width_px, 3) with a frame in it, its scale, and where it starts."""
        height, width = pixels.shape[:2]
        scale = min(self.width_px / width, self.height_px / height)
        inner = (
            min(self.width_px, max(1, round(width * scale))),
            min(self.height_px, max(1, round(height * scale))),
        )
        x0, y0 = (self.width_px - inner[0]) // 2, (self.height_px - inner[1]) // 2
        picture = np.zeros((self.height_px, self.width_px, 3), np.uint8)
        rule = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        picture[y0 : y0 + inner[1], x0 : x0 + inner[0]] = cv2.resize(pixels, inner, interpolation=rule)
        return picture, scale, x0, y0


def annotate(frame: Frame, results: Sequence[Result], canvas: Canvas, strip: str) -> UInt8:
    """Return (height_px + STRIP_PX, width_px, 3) uint8 RGB: the frame, what was found, and the strip.

    Args:
        frame: drawn scaled to the canvas.
        results: of this frame; those about one window follow one another.
        canvas: size of the picture.
        strip: one line of text, under the picture.
    """
    picture, scale, x0, y0 = canvas.placed(frame.pixels)
    windows = [list(group) for _, group in groupby(results, lambda r: r.window)]
    boxes: list[Box] = []
    for asked in windows:
        x, y, w, h = asked[0].box
        boxes.append((x0 + round(x * scale), y0 + round(y * scale), round(w * scale), round(h * scale)))
        _draw_box(picture, boxes[-1], _colour(asked))
    panels: list[Box] = []
    for asked, box in zip(windows, boxes, strict=True):
        beside = [b for b in boxes if not _contains(b, box)]
        panels.append(_draw_panel(picture, box, [_line(r) for r in asked], [box, *beside, *panels]))
    return np.concatenate((picture, _strip(canvas.width_px, strip)))


def _colour(asked: Sequence[Result]) -> Colour:
    served = sum(r.served for r in asked)
    if served == len(asked):
        return SERVED
    return PARTLY if served else UNSERVED


def _line(result: Result) -> tuple[str, Colour]:
    """Return one app's line: its answer and how sure it is, or why there is none."""
    if result.answer is None:
        return f"{result.app}: - ({result.reason[:_REASON_LETTERS]})", _MUTED
    text = f"{result.app}: {result.answer}"
    if result.confidence is not None:
        text += f" {result.confidence:.0%}"
    if not result.served:
        return f"{text} ({result.reason[:_REASON_LETTERS]})", _MUTED
    if result.truth is not None and result.truth != result.answer:
        return f"{text} (is {result.truth})", _WRONG
    return text, _TEXT


def _draw_box(picture: UInt8, box: Box, colour: Colour) -> None:
    x, y, w, h = box
    cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), colour, 2)


def _draw_panel(picture: UInt8, box: Box, lines: Sequence[tuple[str, Colour]], taken: Sequence[Box]) -> Box:
    """Write lines beside a box where there is room, and return the place that they take."""
    width = max(cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0] for text, _ in lines) + 2 * _PADDING_PX
    height = _LINE_PX * len(lines) + _PADDING_PX
    panel = _place(picture.shape[1], picture.shape[0], box, width, height, taken)
    x, y, w, h = panel
    shaded = picture[y : y + h, x : x + w]
    shaded[:] = shaded // 4 + np.array(_PANEL, np.uint8)
    for i, (text, colour) in enumerate(lines):
        at = (x + _PADDING_PX, y + _LINE_PX * (i + 1) - _PADDING_PX)
        cv2.putText(picture, _ascii(text), at, _FONT, _FONT_SCALE, colour, 1, cv2.LINE_AA)
    return panel


def _place(canvas_w: int, canvas_h: int, box: Box, width: int, height: int, taken: Sequence[Box]) -> Box:
    """Return where a panel covers least: right of the box, left, below, above, else inside at its top."""
    x, y, w, h = box
    corners = ((x + w, y), (x - width, y), (x, y + h), (x, y - height), (x + 2, y + 2))
    places = [(left, top, width, height) for left, top in corners]
    whole = [p for p in places if _contains((0, 0, canvas_w, canvas_h), p)]
    if whole:
        return min(whole, key=lambda p: sum(_shared_px(p, other) for other in taken))
    left, top = min(max(x, 0), max(0, canvas_w - width)), min(max(y, 0), max(0, canvas_h - height))
    return left, top, min(width, canvas_w), min(height, canvas_h)


def _contains(outer: Box, inner: Box) -> bool:
    return _shared_px(outer, inner) == inner[2] * inner[3]


def _shared_px(a: Box, b: Box) -> int:
    """Return the area that two boxes share."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def _strip(width_px: int, text: str) -> UInt8:
    strip = np.empty((STRIP_PX, width_px, 3), np.uint8)
    strip[:] = _PANEL
    cv2.putText(strip, _ascii(text), (6, STRIP_PX - 8), _FONT, _FONT_SCALE, _TEXT, 1, cv2.LINE_AA)
    return strip


def _ascii(text: str) -> str:
    """Return what OpenCV's built-in font can draw; other letters become question marks."""
    return text.encode("ascii", "replace").decode("ascii")
