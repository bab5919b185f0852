"""When what stands by has to begin: checked against trying every order of waiting."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.standby_line import StandbyLine


@dataclass(eq=False)
class Job:
    deadline_s: float
    worst_s: float
    limit_s: float = 100.0


def line_of(*jobs: Job) -> StandbyLine[Job]:
    line: StandbyLine[Job] = StandbyLine()
    for job in jobs:
        line.add(job)
    return line


def test_one_begins_its_own_time_before_its_deadline() -> None:
    job = Job(2.0, 0.5)
    line = line_of(job)
    assert line.due_s(0.0) == 1.5
    assert line.begins_s(job, 0.0) == 1.5
    assert line.overdue(1.499) is None
    assert line.overdue(1.5) is job


def test_without_any_nothing_is_due() -> None:
    assert line_of().due_s(0.0) == float("inf")
    assert line_of().overdue(1e9) is None
    assert line_of().first_ready() is None


def test_the_earliest_deadline_goes_first_and_leaves_time_for_the_next() -> None:
    later, sooner = Job(2.1, 0.5), Job(2.0, 0.5)
    line = line_of(later, sooner)
    assert line.due_s(0.0) == pytest.approx(1.1)
    assert line.overdue(1.2) is sooner
    line.remove(sooner)
    assert line.overdue(1.2) is None
    assert len(line) == 1


def test_who_looks_seldom_begins_earlier_for_as_long_as_that_may_come_again() -> None:
    """A plan every five seconds takes as long as the last one did."""
    line = line_of(Job(200.0, 0.5))
    line.looked(0.0)
    line.looks(0.1)
    assert line.due_s(0.1) == pytest.approx(199.4)
    line.rests()
    line.looks(50.0)
    assert line.due_s(50.0) == pytest.approx(199.4)
    line.rests()
    line.looks(150.0)
    assert line.due_s(150.0) == pytest.approx(199.5)


def test_what_runs_while_somebody_looks_is_no_time_without_a_look() -> None:
    line = line_of(Job(9.0, 0.5))
    line.looks(1.0)
    line.looked(1.4)
    line.looks(1.5)
    assert line.due_s(1.5) == pytest.approx(8.4)


def test_who_was_late_begins_earlier_the_next_time() -> None:
    first, second = Job(2.0, 0.5), Job(9.0, 0.5)
    line = line_of(first, second)
    assert line.overdue(1.7) is first
    line.remove(first)
    assert line.due_s(1.7) == pytest.approx(8.5 - 0.2)
    assert line.overdue(8.4) is second


def test_a_processor_that_slept_for_long_does_not_make_all_begin_at_once() -> None:
    line = line_of(job := Job(20.0, 0.5, limit_s=2.0))
    line.looked(1.0)
    line.looks(16.0)
    assert line.due_s(16.0) == pytest.approx(20.0 - 0.5 - 1.0)
    assert line.begins_s(job, 16.0) == line.due_s(16.0)


def test_where_all_take_longer_than_expected_they_begin_earlier() -> None:
    """As on a processor that others keep busy: what is expected is processor time."""
    jobs = [Job(10.0, 0.1) for _ in range(10)]
    line = line_of(*jobs)
    for _ in range(500):
        line.ran(0.3, jobs[0])
    assert line.due_s(0.0) == pytest.approx(10.0 - 10 * 0.3, abs=0.01)
    assert line.overdue(6.9) is None
    for _ in range(500):
        line.ran(0.02, jobs[0])  # less than expected is no reason to begin later
    assert line.due_s(0.0) == pytest.approx(9.0)


def test_one_that_had_to_be_loaded_first_does_not_make_all_begin_at_once() -> None:
    line = line_of(job := Job(10.0, 0.001))
    line.ran(1.0, job)
    assert line.due_s(0.0) == pytest.approx(9.999, abs=0.001)


def test_what_has_nothing_to_wait_for_is_ready_until_it_is_gone() -> None:
    first, second = Job(2.0, 0.5), Job(3.0, 0.5)
    line = line_of(first, second)
    line.release(second)
    assert line.first_ready() is second
    assert line.overdue(1.0) is None
    line.remove(second)
    assert line.first_ready() is None
    assert len(line) == 1


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10)), min_size=1, max_size=8))
def test_begun_when_it_is_due_all_are_in_time_and_any_later_one_is_not(given: list[tuple[int, int]]) -> None:
    jobs = sorted((Job(float(d), float(w)) for d, w in given), key=lambda j: j.deadline_s)
    due_s = line_of(*jobs).due_s(0.0)

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
    line.looked(1.0)
    line.remove(first)
    line.add(Job(20.0, 0.5))
    line.looks(19.0)
    assert line.due_s(19.0) == 19.5
