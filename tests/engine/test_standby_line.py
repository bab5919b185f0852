"""When what stands by has to begin: checked against trying every order of waiting."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.standby_line import StandbyLine


@dataclass(eq=False)
class Job:
    deadline_s: float
    worst_s: float


def line_of(*jobs: Job) -> StandbyLine[Job]:
    line: StandbyLine[Job] = StandbyLine()
    for job in jobs:
        line.add(job)
    return line


def test_one_begins_its_own_time_before_its_deadline() -> None:
    job = Job(2.0, 0.5)
    line = line_of(job)
    assert line.due_s() == 1.5
    assert line.overdue(1.499) is None
    assert line.overdue(1.5) is job


def test_without_any_nothing_is_due() -> None:
    assert line_of().due_s() == float("inf")
    assert line_of().overdue(1e9) is None


def test_the_earliest_deadline_goes_first_and_leaves_time_for_the_next() -> None:
    later, sooner = Job(2.1, 0.5), Job(2.0, 0.5)
    line = line_of(later, sooner)
    assert line.due_s() == pytest.approx(1.1)
    assert line.overdue(1.2) is sooner
    line.remove(sooner)
    assert line.overdue(1.2) is None
    assert len(line) == 1


def test_who_looks_seldom_begins_earlier() -> None:
    line = line_of(Job(2.0, 0.5))
    line.looks(0.0)
    line.looks(0.1)
    assert line.due_s() == pytest.approx(1.4)
    line.rests()
    line.looks(1.1)
    assert line.due_s() == pytest.approx(1.5 - 0.1 * math.exp(-0.1))


def test_who_was_late_begins_earlier_the_next_time() -> None:
    first, second = Job(2.0, 0.5), Job(9.0, 0.5)
    line = line_of(first, second)
    assert line.overdue(1.7) is first
    line.remove(first)
    assert line.due_s() == pytest.approx(8.5 - 0.2)
    assert line.overdue(8.4) is second


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10)), min_size=1, max_size=8))
def test_begun_when_it_is_due_all_are_in_time_and_any_later_one_is_not(given: list[tuple[int, int]]) -> None:
    jobs = sorted((Job(float(d), float(w)) for d, w in given), key=lambda j: j.deadline_s)
    due_s = line_of(*jobs).due_s()

    def lateness(start_s: float) -> float:
        late_s, now_s = float("-inf"), start_s
        for job in jobs:
            now_s += job.worst_s
            late_s = max(late_s, now_s - job.deadline_s)
        return late_s

    assert lateness(due_s) <= 1e-9
    assert lateness(due_s + 0.5) > 0.0


def test_time_in_which_nothing_stands_by_is_no_time_in_which_somebody_was_busy() -> None:
    """As after a cut of the network: nothing was asked for a while, and nobody had to look."""
    line = line_of(first := Job(2.0, 0.5))
    line.looks(1.0)
    line.remove(first)
    line.add(Job(20.0, 0.5))
    line.looks(19.0)
    assert line.due_s() == 19.5
