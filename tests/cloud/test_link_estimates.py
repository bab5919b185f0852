from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.link_estimates import Exchange, LinkEstimates

ROUND_TRIP_S = 0.040
UP = 125_000.0
DOWN = 500_000.0


def exchange(
    sent_s: float, up: int, down: int = 150, server_s: float = 0.0, speed: float = UP, extra_s: float = 0.0
) -> Exchange:
    took_s = ROUND_TRIP_S + up / speed + down / DOWN + server_s + extra_s
    return Exchange(sent_s, sent_s + took_s, up, down, server_s)


def learnt(*exchanges: Exchange) -> LinkEstimates:
    link = LinkEstimates()
    for one in exchanges:
        link.exchanged(one)
    return link


def test_before_the_first_request_nothing_is_known_and_nothing_is_nan() -> None:
    link = LinkEstimates()
    assert link.round_trip_s == link.queue_s(5.0) == link.lost_share(5.0) == 0.0
    assert link.up_bytes_per_s == link.down_bytes_per_s == math.inf
    assert link.expected_s(1e6, 5.0) == 0.0


def test_an_empty_and_a_large_message_tell_round_trip_and_bandwidth() -> None:
    link = learnt(exchange(0.0, 60), exchange(1.0, 4000), exchange(2.0, 60))
    assert link.round_trip_s == pytest.approx(ROUND_TRIP_S, rel=0.05)
    assert link.up_bytes_per_s == pytest.approx(UP, rel=0.05)
    assert link.expected_s(8000, 2.0) == pytest.approx(ROUND_TRIP_S + 8000 / UP, rel=0.05)


def test_downloads_tell_the_other_bandwidth() -> None:
    link = learnt(*(exchange(i, 60 + 4000 * (i % 2), 100 + 30_000 * (i % 3)) for i in range(20)))
    assert link.down_bytes_per_s == pytest.approx(DOWN, rel=0.05)
    assert link.up_bytes_per_s == pytest.approx(UP, rel=0.05)


def test_messages_of_one_size_tell_at_least_what_that_size_takes() -> None:
    link = learnt(*(exchange(i, 3000) for i in range(30)))
    assert link.expected_s(3000, 30.0) == pytest.approx(ROUND_TRIP_S + 3000 / UP, rel=0.02)


def test_time_in_the_server_is_no_part_of_the_way() -> None:
    plain = [exchange(float(i), 60 + 3000 * (i % 2)) for i in range(20)]
    queued = [exchange(float(i), 60 + 3000 * (i % 2), server_s=0.1 * (i % 7)) for i in range(20)]
    assert learnt(*queued).round_trip_s == pytest.approx(learnt(*plain).round_trip_s, rel=1e-6)
    assert learnt(*queued).up_bytes_per_s == pytest.approx(learnt(*plain).up_bytes_per_s, rel=1e-6)


def test_requests_sent_at_once_wait_for_one_another_and_the_bandwidth_stays_the_same() -> None:
    link = learnt(exchange(0.0, 60), exchange(1.0, 4000))
    for burst in range(2, 12):
        for place in range(1, 6):  # the fifth has the bytes of four others before it
            up_s = place * 4000 / UP
            received_s = burst + ROUND_TRIP_S + up_s + 150 / DOWN
            link.exchanged(Exchange(float(burst), received_s, 4000, 150))
    assert link.up_bytes_per_s == pytest.approx(UP, rel=0.05)
    assert link.round_trip_s == pytest.approx(ROUND_TRIP_S, rel=0.1)


def test_a_bandwidth_that_falls_is_followed_within_a_few_requests() -> None:
    link = learnt(*(exchange(i, 60 if i % 10 == 0 else 3000) for i in range(100)))
    slow = 12_500.0
    for i in range(100, 108):
        link.exchanged(exchange(i, 60 if i % 4 == 0 else 3000, speed=slow))
    assert link.expected_s(3000, 108.0) == pytest.approx(ROUND_TRIP_S + 3000 / slow, rel=0.25)
    assert link.up_bytes_per_s < 2 * slow


def test_stalls_now_and_then_are_part_of_what_is_expected() -> None:
    draw = np.random.default_rng(1)
    link = LinkEstimates()
    for i in range(400):
        stalled = draw.random() < 0.2
        link.exchanged(exchange(i, 60 if i % 5 == 0 else 3000, extra_s=0.2 if stalled else 0.0))
    mean_s = ROUND_TRIP_S + 3000 / UP + 0.2 * 0.2
    assert link.expected_s(3000, 400.0) == pytest.approx(mean_s, rel=0.5)


def test_what_is_known_outlasts_an_outage_and_gives_way_to_what_comes_after_it() -> None:
    link = learnt(*(exchange(i, 60 + 3000 * (i % 2)) for i in range(20)))
    assert link.expected_s(3000, 3600.0) == pytest.approx(ROUND_TRIP_S + 3000 / UP, rel=0.05)
    link.reconnected()
    for i in range(3600, 3604):
        link.exchanged(exchange(i, 60 + 3000 * (i % 2), speed=4 * UP))
    assert link.up_bytes_per_s == pytest.approx(4 * UP, rel=0.1)


def test_the_share_of_losses_follows_what_happens_and_fades() -> None:
    link = LinkEstimates()
    for i in range(100):
        if i % 4:
            link.answered(0.0, i)
        else:
            link.lost(i)
    assert link.lost_share(100.0) == pytest.approx(0.25, abs=0.12)
    assert link.lost_share(1000.0) < 0.01


def test_one_loss_is_no_certainty() -> None:
    link = LinkEstimates()
    link.lost(0.0)
    assert link.lost_share(0.0) == 0.5


def test_a_busy_server_is_busy_for_as_long_as_it_said() -> None:
    link = LinkEstimates()
    link.answered(0.1, 1.0)
    assert 0.0 < link.queue_s(1.0) <= 0.1
    link.busy(4.0, 1.0)
    assert link.queue_s(1.0) == 4.0
    assert link.queue_s(3.0) == 2.0
    assert link.queue_s(20.0) < 0.01
    link.busy(4.0, 20.0)
    link.answered(0.0, 21.0)
    assert link.queue_s(21.0) < 0.1


SECONDS = st.floats(0.0, 1e4)


@settings(deadline=None)
@given(
    st.lists(st.tuples(SECONDS, SECONDS, st.integers(0, 10**8), st.integers(0, 10**8), SECONDS), max_size=30)
)
def test_whatever_is_measured_the_estimates_are_sensible(
    measured: list[tuple[float, float, int, int, float]],
) -> None:
    link = LinkEstimates()
    now_s = 0.0
    for pause_s, took_s, up, down, server_s in measured:
        now_s += pause_s
        link.exchanged(Exchange(now_s - took_s, now_s, up, down, server_s))
        link.answered(server_s, now_s)
    for found in (link.round_trip_s, link.queue_s(now_s), link.expected_s(1e6, now_s)):
        assert 0.0 <= found < math.inf
    assert link.up_bytes_per_s > 0.0 < link.down_bytes_per_s
    assert 0.0 <= link.lost_share(now_s) <= 1.0
