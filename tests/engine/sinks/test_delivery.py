"""Delivering to what is slow, away, refusing or stuck: order, accounts, and nobody is held up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RecipientAway, ResultsRefused
from engine.sinks.dated_results import DatedResult
from engine.sinks.delivery import RUN_ENDED, Delivery
from engine.sinks.delivery_account import DeliveryAccount
from engine.sinks.fan_out import FanOut
from engine.sinks.outbox import QUEUE_FULL, MemoryOutbox, Outbox
from engine.sinks.sink_figures import SinkFigures
from engine.sinks.spool import SPOOL_FULL, Spool
from tests.engine.media import frame, result
from tests.engine.sinks.recipients import LONG_S, Away, Scripted, delivery_to


def give(delivery: Delivery, count: int, first: int = 0) -> None:
    for i in range(first, first + count):
        delivery.accept(frame(i), [result(i)])


def adds_up(figures: SinkFigures) -> bool:
    there = figures.delivered + figures.all_dropped + figures.waiting + figures.spooled
    return figures.accepted + figures.recovered == there


def test_results_come_in_order_and_all_of_them() -> None:
    post = Scripted()
    delivery = delivery_to(post)
    give(delivery, 95)
    delivery.accept(frame(95), [])
    delivery.close()
    assert post.taken == list(range(95))
    assert max(post.batches) <= 10
    assert post.closed
    assert delivery.figures() == SinkFigures("post", 95, 95)


def test_results_are_gathered_into_one_batch() -> None:
    post = Scripted()
    delivery = delivery_to(post, batch=50, gather_s=LONG_S)
    give(delivery, 50)
    delivery.close()
    assert post.batches == [50]


def test_what_is_away_is_asked_again_with_the_same_results_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Scripted(*(RecipientAway("post: no answer") for _ in range(5)))
    delivery = delivery_to(post)
    with caplog.at_level(logging.WARNING):
        post.enough_at = 20
        give(delivery, 20)
        assert post.enough.wait(LONG_S)
        delivery.close()
    assert post.taken == list(range(20))
    assert delivery.figures() == SinkFigures("post", 20, 20, retries=5)
    assert [r.getMessage() for r in caplog.records] == [
        "sink post: post: no answer; trying again until it takes results",
        "sink post: takes results again after 0 s, 5 attempts",
    ]


def test_what_is_refused_is_dropped_by_its_reason_and_the_next_goes_on() -> None:
    post = Scripted(ResultsRefused("answers 404"), RecipientAway("gone"), ValueError("a mistake"))
    delivery = delivery_to(post, batch=1)
    give(delivery, 4)
    delivery.close()
    assert post.taken == [2, 3]
    assert delivery.figures() == SinkFigures(
        "post", 4, 2, {"answers 404": 1, "failed with ValueError": 1}, retries=1
    )


def test_in_an_outage_the_oldest_give_way_and_at_the_end_the_rest_is_counted() -> None:
    post = Away()
    delivery = delivery_to(post, capacity=30, drain_s=0.0)
    give(delivery, 1)
    assert post.entered.wait(LONG_S)
    give(delivery, 99, first=1)
    figures = delivery.figures()
    assert adds_up(figures)
    assert (figures.dropped, figures.waiting, figures.trouble) == ({QUEUE_FULL: 69}, 31, "away")
    delivery.close()
    figures = delivery.figures()
    assert figures.dropped == {QUEUE_FULL: 69, RUN_ENDED: 31}
    assert adds_up(figures)
    assert post.closed


def test_what_hangs_is_interrupted_at_the_end_and_what_it_had_is_counted() -> None:
    post = Scripted()
    post.hang()
    delivery = delivery_to(post, drain_s=0.0)
    give(delivery, 3)
    assert post.entered.wait(LONG_S)
    delivery.close()
    assert delivery.figures().dropped == {RUN_ENDED: 3}
    assert adds_up(delivery.figures())


def test_a_live_source_is_never_held_up_by_what_hangs() -> None:
    """The engine hands over a thousand frames while the recipient holds on to the first one."""
    post = Scripted()
    post.hang()
    fan_out = FanOut([delivery_to(post, capacity=50, drain_s=0.0)], live=True)
    fan_out.accept(frame(0), [result(0)])
    assert post.entered.wait(LONG_S)
    for i in range(1, 1000):
        fan_out.accept(frame(i), [result(i)])
        assert not post.open.is_set()
    assert adds_up(fan_out.figures[0])
    assert (fan_out.figures[0].accepted, fan_out.figures[0].delivered) == (1000, 0)
    fan_out.close()
    assert fan_out.figures[0].accepted == fan_out.figures[0].all_dropped == 1000


def test_a_recording_waits_for_a_recipient_that_is_well_and_loses_nothing() -> None:
    post = Scripted()
    post.hang()
    delivery = delivery_to(post, capacity=20, live=False)
    giving = threading.Thread(target=give, args=(delivery, 500))
    giving.start()
    assert post.entered.wait(LONG_S)
    assert giving.is_alive()
    post.open.set()
    giving.join(LONG_S)
    delivery.close()
    assert post.taken == list(range(500))


def test_a_recording_does_not_wait_for_a_recipient_that_is_away() -> None:
    delivery = delivery_to(Away(), capacity=20, live=False, drain_s=0.0)
    give(delivery, 500)
    delivery.close()
    assert delivery.figures().dropped[QUEUE_FULL] >= 470
    assert adds_up(delivery.figures())


def spooled(folder: Path, max_bytes: int = 1 << 20) -> dict[str, object]:
    def outbox(account: DeliveryAccount) -> Outbox:
        spool = Spool(folder, max_bytes, account.dropped, lambda: 0.0)
        account.recovered(spool.recovered)
        return spool

    return {"outbox": outbox}


def test_with_a_spool_an_outage_and_a_restart_lose_nothing(tmp_path: Path) -> None:
    nobody = Away()
    away = delivery_to(nobody, drain_s=0.0, **spooled(tmp_path))  # type: ignore[arg-type]
    give(away, 60)
    assert nobody.entered.wait(LONG_S)
    away.close()
    assert away.figures() == SinkFigures(
        "post", 60, spooled=60, retries=away.figures().retries, trouble="away"
    )
    post = Scripted()
    back = delivery_to(post, **spooled(tmp_path))  # type: ignore[arg-type]
    give(back, 5, first=60)
    back.close()
    assert post.taken == list(range(65))
    assert back.figures() == SinkFigures("post", 5, 65, recovered=60)


def test_a_spool_that_is_full_is_counted_and_still_adds_up(tmp_path: Path) -> None:
    away = delivery_to(Away(), drain_s=0.0, **spooled(tmp_path, 10_000))  # type: ignore[arg-type]
    give(away, 200)
    figures = away.figures()
    assert adds_up(figures)
    assert figures.dropped[SPOOL_FULL] > 100
    away.close()
    assert adds_up(away.figures())


def test_a_delivery_that_breaks_says_so_and_counts_what_it_had() -> None:
    class Breaking(MemoryOutbox):
        def take(self, most: int) -> Sequence[DatedResult]:
            raise ValueError("a mistake")

    post = Scripted()
    delivery = delivery_to(post, outbox=lambda account: Breaking(9, account.dropped))
    give(delivery, 3)
    delivery.close()
    figures = delivery.figures()
    assert (figures.trouble, figures.dropped) == ("broke with ValueError", {RUN_ENDED: 3})
    assert post.closed


_EVENTS = st.sampled_from([None, RecipientAway("away"), ResultsRefused("refused"), ValueError("broken")])


@given(
    script=st.lists(_EVENTS, max_size=30),
    frames=st.lists(st.integers(0, 5), max_size=30),
    capacity=st.integers(1, 40),
    batch=st.integers(1, 12),
)
@settings(max_examples=60)
def test_whatever_happens_every_result_is_in_one_place_and_what_was_taken_is_in_order(
    script: list[Exception | None], frames: list[int], capacity: int, batch: int
) -> None:
    post = Scripted(*script)
    delivery = delivery_to(post, capacity=capacity, batch=batch)
    index = 0
    for count in frames:
        delivery.accept(frame(index), [result(index + i) for i in range(count)])
        index += count
        assert adds_up(delivery.figures())
    delivery.close()
    figures = delivery.figures()
    assert adds_up(figures)
    assert (figures.accepted, figures.waiting, figures.delivered) == (index, 0, len(post.taken))
    assert post.taken == sorted(set(post.taken))
