from __future__ import annotations

import pytest

from cloud.errors import (
    CloudBroken,
    CloudBusy,
    CloudDenied,
    CloudError,
    CloudIncompatible,
    CloudLacksVariant,
    CloudRefused,
    CloudTimeout,
    CloudUnreachable,
)
from cloud.retrying import RetryBudget, retry_pause_s


def test_a_lost_connection_is_worth_one_more_attempt() -> None:
    lost = CloudUnreachable("x")
    assert retry_pause_s(lost, 1, left_s=1.0, needed_s=0.1, draw=0.5) == 0.0
    assert retry_pause_s(lost, 2, left_s=1.0, needed_s=0.1, draw=0.5) is None
    assert retry_pause_s(lost, 1, left_s=0.1, needed_s=0.2, draw=0.5) is None


def test_a_busy_server_is_asked_when_it_said_and_only_if_that_is_in_time() -> None:
    busy = CloudBusy("x", 0.4)
    assert retry_pause_s(busy, 1, left_s=1.0, needed_s=0.1, draw=0.0) == 0.4
    assert retry_pause_s(busy, 1, left_s=1.0, needed_s=0.1, draw=1.0) == pytest.approx(0.5)
    assert retry_pause_s(busy, 1, left_s=0.45, needed_s=0.1, draw=0.0) is None
    assert retry_pause_s(busy, 3, left_s=1.0, needed_s=0.1, draw=0.0) is None


@pytest.mark.parametrize(
    "kind", [CloudTimeout, CloudRefused, CloudLacksVariant, CloudDenied, CloudIncompatible, CloudBroken]
)
def test_what_would_end_the_same_is_not_asked_again(kind: type[CloudError]) -> None:
    assert retry_pause_s(kind("x"), 1, left_s=9.0, needed_s=0.0, draw=0.0) is None


def test_retries_are_a_share_of_answers() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(7)] == [True] * 5 + [False] * 2
    for _ in range(11):
        budget.answered()
    assert [budget.spend() for _ in range(3)] == [True, True, False]
