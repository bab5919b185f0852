"""A sink that is opened late: order, dates, a bound, attempts, and an end before it was opened."""

from __future__ import annotations

import threading

from catalog.errors import BadInput
from engine.sinks.delivery import RUN_ENDED, Delivery
from engine.sinks.late_sink import WAITS, LateSink
from engine.sinks.outbox import QUEUE_FULL
from engine.sinks.sink_figures import SinkFigures
from tests.engine.media import frame, result
from tests.engine.sinks.recipients import LONG_S, Scripted, delivery_to, quick_back_off


class Opening:
    """Opens a delivery at the attempt after so many that fail."""

    def __init__(self, fails: int = 0) -> None:
        self.recipient = Scripted()
        self.attempts = 0
        self.failed = threading.Event()
        self._fails = fails

    def __call__(self) -> Delivery:
        self.attempts += 1
        if self.attempts <= self._fails:
            self.failed.set()
            raise BadInput("the folder is held")
        return delivery_to(self.recipient)


def late(opening: Opening, most_waiting: int = 100) -> LateSink:
    return LateSink("post", opening, most_waiting, quick_back_off(), lambda: 1e9)


def feed(sink: LateSink, first: int, last: int) -> None:
    for i in range(first, last):
        sink.accept(frame(i), [result(i)])


def test_results_of_the_time_before_come_first_and_all_are_counted_once() -> None:
    opening = Opening()
    sink = late(opening)
    feed(sink, 0, 5)
    assert sink.figures() == SinkFigures("post", 5, waiting=5, trouble=WAITS)
    sink.begin()
    feed(sink, 5, 9)
    sink.close()
    assert opening.recipient.taken == list(range(9))
    assert opening.recipient.closed
    assert sink.figures() == SinkFigures("post", 9, 9)


def test_one_that_cannot_be_opened_is_tried_again_and_says_why() -> None:
    opening = Opening(fails=3)
    sink = late(opening)
    feed(sink, 0, 2)
    sink.begin()
    assert opening.failed.wait(LONG_S)
    opening.recipient.enough_at = 2
    assert opening.recipient.enough.wait(LONG_S)
    sink.close()
    assert opening.attempts == 4
    assert sink.figures() == SinkFigures("post", 2, 2)


def test_the_oldest_give_way_and_are_counted() -> None:
    opening = Opening()
    sink = late(opening, most_waiting=3)
    feed(sink, 0, 5)
    assert sink.figures() == SinkFigures("post", 5, dropped={QUEUE_FULL: 2}, waiting=3, trouble=WAITS)
    sink.begin()
    sink.close()
    assert opening.recipient.taken == [2, 3, 4]
    assert sink.figures() == SinkFigures("post", 5, 3, {QUEUE_FULL: 2})


def test_what_waits_for_a_sink_that_was_never_opened_is_dropped_and_counted() -> None:
    never_begun = late(Opening())
    feed(never_begun, 0, 2)
    never_begun.close()
    assert never_begun.figures() == SinkFigures("post", 2, dropped={RUN_ENDED: 2}, trouble=WAITS)
    opening = Opening(fails=1_000_000)
    failing = late(opening)
    feed(failing, 0, 2)
    failing.begin()
    assert opening.failed.wait(LONG_S)
    failing.close()
    figures = failing.figures()
    assert (figures.dropped, figures.trouble) == ({RUN_ENDED: 2}, "the folder is held")
    assert figures.retries == opening.attempts - 1
