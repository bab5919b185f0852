from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud.circuit_breaker import BreakerRules, CircuitBreaker

RULES = BreakerRules(failures=3, first_pause_s=1.0, longest_pause_s=8.0, jitter=0.5)


def closed(draw: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker(RULES, lambda: draw)
    breaker.probe_answered(1.0)
    return breaker


def test_it_is_open_until_a_probe_got_through() -> None:
    breaker = CircuitBreaker(RULES, lambda: 0.0)
    assert not breaker.closed
    breaker.probe_answered(1.0)
    assert breaker.closed


def test_failures_in_a_row_open_it_and_an_answer_between_them_does_not_let_them_add_up() -> None:
    breaker = closed()
    assert [breaker.failed(9.0), breaker.failed(9.0)] == [None, None]
    breaker.answered(2.0)
    assert [breaker.failed(9.0), breaker.failed(9.0)] == [None, None]
    assert breaker.failed(9.0) == 1.0
    assert not breaker.closed


def test_what_fails_while_it_is_open_asks_for_no_second_row_of_probes() -> None:
    breaker = closed()
    assert breaker.open() == 1.0
    assert breaker.open() is None
    assert [breaker.failed(9.0) for _ in range(5)] == [None] * 5


def test_pauses_grow_until_a_request_is_answered() -> None:
    breaker = closed()
    pauses = [breaker.open()] + [breaker.probe_failed() for _ in range(4)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]
    breaker.probe_answered(1.0)
    assert breaker.open() == 8.0  # only probes got through
    breaker.probe_answered(1.0)
    breaker.answered(2.0)
    assert breaker.open() == 1.0


@given(st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 12))
def test_pauses_are_spread_and_bounded(draw: float, failures: int) -> None:
    breaker = closed(draw)
    first_s = breaker.open()
    assert first_s is not None
    for pause_s in (first_s, *(breaker.probe_failed() for _ in range(failures))):
        assert 0.5 <= pause_s <= 8.0


def test_failures_right_after_an_answer_have_one_cause_and_do_not_open_it() -> None:
    breaker = closed()
    breaker.answered(10.0)
    assert [breaker.failed(10.9) for _ in range(5)] == [None] * 5
    assert breaker.closed
    assert breaker.failed(11.0) == 1.0
