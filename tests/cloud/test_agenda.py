from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from cloud.agenda import Agenda
from tests.cloud.loopback import STEP_LIMIT_S


@pytest.fixture
def agenda() -> Iterator[Agenda]:
    running = Agenda("test-agenda")
    yield running
    running.close()


def test_tasks_run_in_the_order_in_which_they_are_due(agenda: Agenda) -> None:
    done: queue.SimpleQueue[str] = queue.SimpleQueue()
    agenda.after(0.02, lambda: done.put("third"))
    agenda.after(0.01, lambda: done.put("second"))
    agenda.soon(lambda: done.put("first"))
    assert [done.get(timeout=STEP_LIMIT_S) for _ in range(3)] == ["first", "second", "third"]


def test_a_task_may_give_another_and_close_its_own_agenda() -> None:
    agenda = Agenda("test-agenda")
    closed = threading.Event()

    def end() -> None:
        agenda.close()
        closed.set()

    agenda.soon(lambda: agenda.soon(end))
    assert closed.wait(STEP_LIMIT_S)


def test_a_task_that_raises_is_told_and_the_next_one_runs(
    agenda: Agenda, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_value))
    done = threading.Event()
    agenda.soon(lambda: [][0])
    agenda.soon(done.set)
    assert done.wait(STEP_LIMIT_S)
    assert [type(e) for e in told] == [IndexError]


def test_what_is_due_later_is_not_run_after_a_close() -> None:
    agenda = Agenda("test-agenda")
    done: list[str] = []
    agenda.soon(lambda: done.append("before"))
    agenda.after(3600.0, lambda: done.append("later"))
    agenda.close()
    agenda.soon(lambda: done.append("after"))
    assert done == ["before"]
    assert all(t.name != "test-agenda" for t in threading.enumerate())
