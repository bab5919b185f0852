"""Small pictures of courses over time as SVG: lines, and shares stacked on one another.

They are drawn in units that read well when a picture is as wide as a phone, and take their colours
from the page (custom properties --c0 to --c9, --rest, --skipped and --grid).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 420.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 8.0, 10.0, 24.0
_INNER_W, _INNER_H = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_X_TICKS, _Y_TICKS = 6, 5
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_HOUR_STEPS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 24.0)
_TIME_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class Line:
    """A course.

    Args:
        name: for people.
        colour: a custom property of the page, such as "--c0".
        points: seconds and values, in order of time; a value of None breaks the line.
        dashed: for what is not a policy's course: a budget, a bound.
    """

    name: str
    colour: str
    points: Sequence[tuple[float, float | None]]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a stack.

    Args:
        name: for people.
        colour: as in Line.
        heights: one a bin.
    """

    name: str
    colour: str
    heights: Sequence[float]


@dataclass(frozen=True, slots=True)
class Scale:
    """What the axes show.

    Args:
        end_s: the time axis runs from 0 to it.
        top: the other one likewise.
        written: how its figures read.
        lowest: where it begins.
    """

    end_s: float
    top: float
    written: Callable[[float], str]
    lowest: float = 0.0


def draw_lines(lines: Iterable[Line], scale: Scale, about: str) -> str:
    """Return a picture of courses.

    Args:
        lines: later ones lie above earlier ones.
        scale: of the axes.
        about: what it shows, for those who cannot see it.
    """
    drawn = "".join(_line(line, scale) for line in lines)
    return _picture(drawn, scale, about)


def draw_stack(layers: Iterable[Layer], bin_s: float, scale: Scale, about: str) -> str:
    """Return a picture of layers, the first at the bottom.

    Args:
        layers: of equally many bins.
        bin_s: length of a bin.
        scale: of the axes.
        about: what it shows, for those who cannot see it.
    """
    drawn, base = "", None
    for layer in layers:
        base = [0.0] * len(layer.heights) if base is None else base
        upper = [b + h for b, h in zip(base, layer.heights, strict=True)]
        if any(layer.heights):
            drawn += _layer(layer, base, upper, bin_s, scale)
        base = upper
    return _picture(drawn, scale, about)


def nice_top(most: float) -> float:
    """Return a round number that is no less than most, for the end of an axis."""
    if not 0.0 < most < math.inf:
        return 1.0
    step = _nice_step(most, _Y_TICKS)
    return step * math.ceil(most / step - 1e-9)


def _picture(drawn: str, scale: Scale, about: str) -> str:
    label = escape(about, quote=True)
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{label}">'
        f"{_y_axis(scale)}{drawn}{_x_axis(scale)}</svg>"
    )


def _line(line: Line, scale: Scale) -> str:
    path, pen_down = "", False
    for t_s, value in line.points:
        if value is None:
            pen_down = False
            continue
        path += f"{'L' if pen_down else 'M'}{_x(t_s, scale):.1f} {_y(value, scale):.1f}"
        pen_down = True
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    pen = f'class="line" stroke="var({line.colour})"{dash}'
    return f'<path d="{path}" {pen}>{_title(line.name)}</path>'


def _layer(layer: Layer, base: Sequence[float], upper: Sequence[float], bin_s: float, scale: Scale) -> str:
    there = _steps(upper, bin_s, scale)
    back = list(reversed(_steps(base, bin_s, scale)))
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (*there, *back)) + "Z"
    return f'<path d="{path}" fill="var({layer.colour})">{_title(layer.name)}</path>'


def _steps(heights: Sequence[float], bin_s: float, scale: Scale) -> list[tuple[float, float]]:
    """Return the corners of a course that keeps each value for a bin; equal neighbours are one step."""
    corners: list[tuple[float, float]] = []
    for i, height in enumerate(heights):
        left = _x(i * bin_s, scale)
        right = _x(min((i + 1) * bin_s, scale.end_s), scale)
        y = _y(height, scale)
        if corners and abs(corners[-1][1] - y) < 0.05:
            corners[-1] = (right, corners[-1][1])
        else:
            corners += [(left, y), (right, y)]
    return corners


def _x_axis(scale: Scale) -> str:
    size_s, unit = next((u for u in _TIME_UNITS if scale.end_s >= 2.0 * u[0]), _TIME_UNITS[-1])
    end = scale.end_s / size_s
    wide = end / _X_TICKS
    step = next((s for s in _HOUR_STEPS if s >= wide), None) if unit == "h" else None
    step = _nice_step(end, _X_TICKS) if step is None else step
    texts = ""
    for i in range(math.floor(end / step + 1e-9) + 1):
        x = _x(i * step * size_s, scale)
        anchor = "start" if i == 0 else ("end" if x > _WIDTH - 30.0 else "middle")
        name = f"{i * step:g} {unit}" if i == 0 else f"{i * step:g}"
        texts += f'<text x="{x:.1f}" y="{_HEIGHT - 8.0:g}" text-anchor="{anchor}">{name}</text>'
    floor = _TOP + _INNER_H
    return f'<path class="axis" d="M{_LEFT:g} {floor:g}H{_WIDTH - _RIGHT:g}"/>{texts}'


def _y_axis(scale: Scale) -> str:
    step = _nice_step(scale.top - scale.lowest, _Y_TICKS)
    drawn = ""
    for i in range(math.floor((scale.top - scale.lowest) / step + 1e-9) + 1):
        value = scale.lowest + i * step
        y = _y(value, scale)
        drawn += f'<path class="grid" d="M{_LEFT:g} {y:.1f}H{_WIDTH - _RIGHT:g}"/>'
        text = escape(scale.written(value))
        drawn += f'<text x="{_LEFT - 5.0:g}" y="{y + 4.0:.1f}" text-anchor="end">{text}</text>'
    return drawn


def _nice_step(span: float, ticks: int) -> float:
    """Return a round distance between ticks, of which there are no more than asked for."""
    wide = span / ticks if span > 0.0 else 1.0
    power = 10.0 ** math.floor(math.log10(wide))
    return next(s * power for s in _STEPS if s * power >= wide * (1.0 - 1e-9))


def _x(t_s: float, scale: Scale) -> float:
    return _LEFT + _INNER_W * (t_s / scale.end_s if scale.end_s > 0.0 else 0.0)


def _y(value: float, scale: Scale) -> float:
    share = (value - scale.lowest) / (scale.top - scale.lowest)
    return _TOP + _INNER_H * (1.0 - min(1.0, max(0.0, share)))


def _title(name: str) -> str:
    return f"<title>{escape(name)}</title>"
