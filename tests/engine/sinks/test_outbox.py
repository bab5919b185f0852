"""The queue in memory: bounded, in order, and what gives way is reported."""

from __future__ import annotations

from engine.sinks.outbox import QUEUE_FULL, MemoryOutbox
from tests.engine.sinks.dated import index_of, several
from tests.engine.sinks.test_spool import Lost


def test_the_oldest_give_way_and_what_was_taken_does_not_count() -> None:
    lost = Lost()
    outbox = MemoryOutbox(5, lost.count)
    outbox.put(several(3))
    assert [index_of(t) for t in outbox.take(2)] == [0, 1]
    outbox.put(several(7, first=3))
    outbox.settle()
    assert lost == {QUEUE_FULL: 3}
    assert (outbox.is_full, len(outbox)) == (True, 5)
    assert [index_of(t) for t in outbox.take(9)] == [5, 6, 7, 8, 9]
    assert (outbox.is_full, outbox.take(1)) == (False, [])


def test_nothing_is_kept_for_another_run() -> None:
    outbox = MemoryOutbox(5, Lost().count)
    outbox.put(several(3))
    assert (outbox.close(), len(outbox)) == (0, 0)
