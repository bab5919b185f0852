"""What lies between two clocks is learnt, and what is beyond it was waiting."""

from __future__ import annotations

import pytest

from cloud.unread_wait import UnreadWait


def test_what_took_the_least_did_not_wait_whatever_the_clocks_say() -> None:
    wait = UnreadWait()
    assert wait.waited_s(5000.0, 7.5) == 0.0
    assert wait.waited_s(5001.0, 9.0) == pytest.approx(0.5)
    assert wait.waited_s(5002.0, 9.25) == 0.0
    assert wait.waited_s(5003.0, 10.5) == pytest.approx(0.25)


@pytest.mark.parametrize("sent_s", [0.0, float("nan"), float("inf")])
def test_a_device_that_does_not_tell_is_taken_at_its_word(sent_s: float) -> None:
    wait = UnreadWait()
    assert wait.waited_s(sent_s, 1.0) == 0.0
    assert wait.waited_s(10.0, 2.0) == 0.0
    assert wait.waited_s(11.0, 3.5) == 0.5


def test_clocks_that_drift_apart_are_no_wait() -> None:
    """By a second in a day, for a week."""
    wait, most_s = UnreadWait(), 0.0
    for t in range(0, 7 * 86_400, 50):
        most_s = max(most_s, wait.waited_s(1.0 + t * (1.0 - 1.0 / 86_400), float(t)))
    assert most_s < 0.02
