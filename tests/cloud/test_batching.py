from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.batching import BatchQueue, Work
from cloud.refusals import QueueFull
from cloud.run_times import RunTimes
from cloud.trunk_forest import Walk

MOST = 8
FIRST = Walk(0, (0, 1), (), ())
BRANCH = Walk(0, (0, 2), (), ())
OTHER = Walk(5, (5,), (), ())


def queue(**seconds: float) -> BatchQueue[str]:
    """A queue that knows seconds at each node, s0=..., for any number of windows up to MOST."""
    times = RunTimes()
    for name, value in seconds.items():
        times.learn([(int(name[1:]), windows, value) for windows in range(1, MOST + 1)])
    return BatchQueue(MOST, times)


def work(name: str, deadline_s: float = 100.0, walk: Walk = FIRST, windows: int = 1) -> Work[str]:
    return Work(walk, windows, deadline_s, name)


def filled(empty: BatchQueue[str], *works: Work[str]) -> BatchQueue[str]:
    for each in works:
        empty.add(each)
    return empty


def names(works: tuple[Work[str], ...]) -> list[str]:
    return [w.load for w in works]


def test_a_single_work_runs_at_once() -> None:
    waiting = filled(queue(), work("a"))
    assert names(waiting.take(0.0).works) == ["a"]
    assert waiting.take(0.0).works == ()


def test_what_walks_the_same_tree_runs_together_the_earliest_deadline_first() -> None:
    waiting = filled(
        queue(), work("late", 9.0), work("other", 5.0, OTHER), work("soon", 3.0, BRANCH), work("next", 4.0)
    )
    assert names(waiting.take(0.0).works) == ["soon", "next", "late"]
    assert names(waiting.take(0.0).works) == ["other"]


def test_a_batch_is_closed_by_its_size_and_smaller_work_may_fill_it() -> None:
    waiting = filled(
        queue(),
        work("a", 1.0, windows=5),
        work("b", 2.0, windows=4),
        work("c", 3.0, windows=3),
        work("d", 4.0),
    )
    assert names(waiting.take(0.0).works) == ["a", "c"]
    assert names(waiting.take(0.0).works) == ["b", "d"]


def test_a_batch_is_closed_by_the_earliest_deadline_in_it() -> None:
    times = RunTimes()
    times.learn([(0, windows, 0.1 * windows) for windows in range(1, MOST + 1)])
    waiting = filled(BatchQueue(MOST, times), *(work(f"w{i}", 0.35) for i in range(5)))
    assert names(waiting.take(0.0).works) == ["w0", "w1", "w2"]


def test_work_whose_deadline_has_passed_is_taken_out() -> None:
    waiting = filled(queue(), work("gone", 1.0), work("here", 3.0))
    batch = waiting.take(2.0)
    assert (names(batch.late), names(batch.works)) == (["gone"], ["here"])
    assert len(waiting) == 0


def test_work_that_cannot_be_done_in_time_gives_way_but_the_last_one_is_tried() -> None:
    waiting = filled(queue(s0=1.0), work("short", 0.5), work("long", 5.0))
    batch = waiting.take(0.0)
    assert (names(batch.late), names(batch.works)) == (["short"], ["long"])
    assert names(filled(queue(s0=1.0), work("short", 0.5)).take(0.0).works) == ["short"]


def test_withdrawn_work_does_not_run() -> None:
    waiting = queue()
    first, second = work("first"), work("second")
    filled(waiting, first, second).withdraw(first)
    waiting.withdraw(first)
    assert names(waiting.take(0.0).works) == ["second"]
    assert waiting.drained_in_s(0.0) == 0.0


def test_the_queue_is_drained_at_the_rate_of_its_batches() -> None:
    waiting = filled(
        queue(s0=0.2, s1=0.3, s5=1.0), *(work(f"w{i}") for i in range(MOST)), work("o", walk=OTHER)
    )
    assert waiting.drained_in_s(0.0) == pytest.approx(1.5)
    waiting.take(10.0)
    assert waiting.drained_in_s(10.1) == pytest.approx(0.4 + 1.0)
    waiting.done()
    assert waiting.drained_in_s(10.5) == pytest.approx(1.0)


def test_an_idle_worker_is_given_work_whatever_it_is_expected_to_take() -> None:
    queue(s0=9.0).check([work("a", 0.1)], 0.0)


def test_what_cannot_be_done_after_what_waits_is_refused_with_the_time_until_it_is_drained() -> None:
    waiting = filled(queue(s0=1.0), work("running"))
    waiting.take(0.0)
    waiting.check([work("a", 2.1)], 0.0)
    with pytest.raises(QueueFull, match="cannot be answered in time") as full:
        waiting.check([work("a", 1.5)], 0.0)
    assert full.value.retry_after_s == pytest.approx(1.0)


def test_what_would_make_others_late_is_refused_and_what_may_go_behind_them_is_not() -> None:
    waiting = filled(queue(s0=1.0, s5=1.0), work("running"))
    waiting.take(0.0)
    waiting.add(work("waits", 2.5, OTHER))
    with pytest.raises(QueueFull):
        waiting.check([work("urgent", 2.2)], 0.0)
    waiting.check([work("patient", 3.5)], 0.0)
    waiting.check([work("companion", 2.4, OTHER)], 0.0)


def test_every_job_of_a_request_counts() -> None:
    waiting = filled(queue(s0=1.0), work("running"))
    waiting.take(0.0)
    chunks = [work(f"chunk{i}", 2.5, windows=MOST) for i in range(3)]
    waiting.check(chunks[:1], 0.0)
    with pytest.raises(QueueFull):
        waiting.check(chunks, 0.0)


WORKS = st.tuples(st.floats(0.0, 5.0), st.floats(0.01, 20.0), st.sampled_from([FIRST, BRANCH, OTHER]))


@settings(max_examples=60, deadline=None)
@given(st.lists(WORKS, max_size=40))
def test_in_batches_of_known_length_what_was_let_in_is_done_in_time(
    arrivals: list[tuple[float, float, Walk]],
) -> None:
    """One window a batch, so that the expected times are what really passes."""
    times = RunTimes()
    times.learn([(node, 1, 0.3) for node in (0, 1, 2, 5)])
    waiting: BatchQueue[str] = BatchQueue(1, times)
    now_s = free_s = 0.0
    let_in = done_in_time = late = 0
    pending = sorted(arrivals, key=lambda a: a[0])
    running: list[Work[str]] = []
    while pending or running or len(waiting):
        if running and (not pending or free_s <= pending[0][0]):
            now_s = free_s
            done_in_time += sum(w.deadline_s >= now_s - 1e-9 for w in running)
            waiting.done()
            running = []
        elif pending:
            at_s, patience_s, walk = pending.pop(0)
            now_s = max(now_s, at_s)
            new = Work(walk, 1, now_s + patience_s, "")
            try:
                alone = not (running or len(waiting))
                waiting.check([new], now_s)
            except QueueFull:
                continue
            if alone and patience_s < 0.6:
                continue  # tried without a promise
            waiting.add(new)
            let_in += 1
        if not running:
            batch = waiting.take(now_s)
            late += len(batch.late)
            running = list(batch.works)
            free_s = now_s + times.batch_s({n: 1 for w in running for n in w.walk.nodes})
    assert (late, done_in_time) == (0, let_in)


def batch_s(windows: int) -> float:
    return 0.005 + 0.010 * windows


def test_at_five_times_what_can_be_done_as_much_is_done_and_nothing_too_late() -> None:
    """Arrivals at even distances in virtual time; a batch takes just what was learnt."""
    in_time, late, given_up, batches = overloaded(lambda _: batch_s, patience_s=0.3, seconds=10.0)
    assert (late, given_up) == (0, 0)
    assert in_time > 0.95 * 16 / batch_s(16) * 10.0
    assert in_time / batches > 12.0


def test_a_host_that_becomes_half_as_fast_for_a_while_makes_next_to_nothing_late() -> None:
    """Every other 2 s: by then the backlog stands, and half of each request's patience is left."""

    def slowed(now_s: float) -> Callable[[int], float]:
        return lambda windows: (1.0 + int(now_s / 2.0) % 2) * batch_s(windows)

    in_time, late, given_up, batches = overloaded(slowed, patience_s=1.5, seconds=20.0)
    assert late + given_up < 0.03 * in_time
    assert in_time > 0.95 * 16 / batch_s(16) * 20.0 * 0.75
    assert in_time / batches > 14.0


def overloaded(
    takes: Callable[[float], Callable[[int], float]], patience_s: float, seconds: float
) -> tuple[int, int, int, int]:
    """Return how many were done in time, done too late, given up, and in how many batches.

    What is offered is five times what is done at first; takes gives what a batch takes at a time.
    """
    times = RunTimes()
    times.learn([(0, windows, batch_s(windows)) for windows in range(1, 17)])
    waiting: BatchQueue[str] = BatchQueue(16, times)
    every_s = batch_s(16) / 16 / 5.0
    running: tuple[Work[str], ...] = ()
    began_s = free_s = 0.0
    in_time = late = given_up = batches = 0
    for i in range(int(seconds / every_s)):
        now_s = i * every_s
        while running and free_s <= now_s:
            late += sum(w.deadline_s < free_s for w in running)
            in_time += sum(w.deadline_s >= free_s for w in running)
            batches += 1
            waiting.done()
            waiting.learn([(0, len(running), free_s - began_s)])
            running, given_up, began_s = begun(waiting, free_s, given_up)
            free_s = began_s + takes(began_s)(len(running))
        new = work("", now_s + patience_s, Walk(0, (0,), (), ()))
        try:
            waiting.check([new], now_s)
        except QueueFull:
            continue
        waiting.add(new)
        if not running:
            running, given_up, began_s = begun(waiting, now_s, given_up)
            free_s = began_s + takes(began_s)(len(running))
    return in_time, late, given_up, batches


def begun(waiting: BatchQueue[str], now_s: float, given_up: int) -> tuple[tuple[Work[str], ...], int, float]:
    """Return what runs next, how many were given up by now, and since when it runs."""
    batch = waiting.take(now_s)
    return batch.works, given_up + len(batch.late), now_s


def with_backlog(deadline_s: float) -> BatchQueue[str]:
    """A queue that runs since 0 s what is overdue from 1 s on, with 2 s of work behind it."""
    waiting = filled(queue(s0=1.0), *(work(f"w{i}", deadline_s) for i in range(3 * MOST)))
    waiting.take(0.0)
    return waiting


def test_where_a_backlog_stands_a_turn_must_come_within_half_of_the_patience() -> None:
    waiting = with_backlog(7.0)
    with pytest.raises(QueueFull):
        waiting.check([work("behind", 7.5)], 4.0)
    waiting.check([work("more patient", 9.0)], 4.0)
    waiting.check([work("urgent", 6.5)], 4.0)  # goes before it


def test_a_burst_is_let_in_as_far_as_it_can_be_done_in_time() -> None:
    waiting = with_backlog(4.0)
    waiting.check([work("behind", 4.5)], 1.0)
    with pytest.raises(QueueFull):
        waiting.check([work("too late", 4.0)], 1.5)


def test_a_backlog_that_ran_out_stands_no_more() -> None:
    waiting = with_backlog(7.0)
    for _ in range(2):
        waiting.done()
        waiting.take(3.0)
    filled(waiting, *(work(f"v{i}", 7.0) for i in range(2 * MOST)))
    waiting.check([work("behind", 7.5)], 4.0)


def test_a_turn_is_claimed_only_for_what_is_known_and_short_where_nothing_waits() -> None:
    times = RunTimes()
    queue = BatchQueue[str](4, times)
    times.learn([(0, 1, 0.001)])
    assert not queue.claim((0, 1), 1, 0.01, now_s=0.0)  # the second has never run
    assert not queue.claim((), 1, 0.01, now_s=0.0)
    times.learn([(1, 1, 0.001)])
    assert not queue.claim((0, 1), 1, 0.0015, now_s=0.0)
    assert queue.claim((0, 1), 1, 0.002, now_s=0.0)
    assert not queue.claim((0, 1), 1, 0.002, now_s=0.0)
    queue.done()
    queue.add(Work(FIRST, 1, 1.0, "waits"))
    assert not queue.claim((0, 1), 1, 0.002, now_s=0.0)
