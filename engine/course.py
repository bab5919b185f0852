"""The course of a run: energy spent and memory held over time, in a bounded number of points."""

from __future__ import annotations

from dataclasses import dataclass

_MOST_POINTS = 1000
_FIRST_INTERVAL_S = 0.25


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """One moment of a run.

    Args:
        t_s: on the source's clock.
        spent_j: energy spent since the start, all categories.
        memory_bytes: held by parts and heads.
    """

    t_s: float
    spent_j: float
    memory_bytes: int


class Course:
    """Keeps points at a regular interval; whenever there are too many, every second one goes."""

    def __init__(self) -> None:
        self._points: list[CoursePoint] = []
        self._interval_s = _FIRST_INTERVAL_S
        self._next_s = 0.0

    @property
    def points(self) -> tuple[CoursePoint, ...]:
        """Everything kept so far, in order of time."""
        return tuple(self._points)

    def due(self, t_s: float) -> bool:
        """Tell whether the next point should be taken now."""
        return t_s >= self._next_s

    def add(self, point: CoursePoint) -> None:
        """Keep a point."""
        self._points.append(point)
        if len(self._points) > _MOST_POINTS:
            self._points = self._points[::2]
            self._interval_s = (point.t_s - self._points[0].t_s) / len(self._points)
        self._next_s = point.t_s + self._interval_s
