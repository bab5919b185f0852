"""The course of a run stays small however long the run is."""

from __future__ import annotations

from itertools import pairwise

from engine.course import Course, CoursePoint


def test_a_long_run_is_thinned_evenly_from_its_start_to_its_end() -> None:
    course = Course()
    for second in range(36_000):
        if course.due(float(second)):
            course.add(CoursePoint(float(second), 2.0 * second, 5))
    points = course.points
    assert 400 <= len(points) <= 1001
    assert points[0].t_s == 0.0
    assert points[-1].t_s > 35_900.0
    steps = [b.t_s - a.t_s for a, b in pairwise(points)]
    assert max(steps) <= 2 * min(steps)
    assert all(p.spent_j == 2.0 * p.t_s for p in points)


def test_a_point_is_due_at_the_start_and_then_after_an_interval() -> None:
    course = Course()
    assert course.due(0.0)
    course.add(CoursePoint(0.0, 0.0, 0))
    assert not course.due(0.1)
    assert course.due(0.25)
