from __future__ import annotations

from itertools import cycle, islice

from specializer.dominated_windows import WINDOW_S, DominatedWindows
from specializer.policy import Active
from tests.specializer.policies import RATES, STAKES, tell

LEAST = STAKES.generic_accuracy - 0.05


def test_it_decides_after_a_whole_window() -> None:
    policy = DominatedWindows(STAKES, LEAST)
    windows = int(10 * WINDOW_S)
    assert tell(policy, islice(cycle([1, 2, 3]), windows)).classes == ()
    assert tell(policy, [1], begins_s=WINDOW_S).classes == (1, 2, 3)


def test_it_leaves_when_its_classes_no_longer_dominate() -> None:
    policy = DominatedWindows(STAKES, LEAST)
    tell(policy, islice(cycle([1, 2, 3]), int(10 * WINDOW_S) + 1))
    assert tell(policy, range(100, 2000), begins_s=WINDOW_S + 1.0).classes == ()


def test_what_was_seen_before_a_stop_is_forgotten() -> None:
    policy = DominatedWindows(STAKES)
    assert tell(policy, [4, 7] * 1510).classes == (4, 7)
    policy.forget()
    assert tell(policy, [1, 2] * 1490, 302.0).classes == ()
    assert tell(policy, [1, 2] * 20, 602.0).classes == (1, 2)


def test_the_share_is_that_of_the_latest_five_minutes_and_0_of_nothing() -> None:
    policy, active = DominatedWindows(STAKES), Active((4, 7), RATES)
    assert policy.share(active) == 0.0
    tell(policy, [1] * 3000, windows_hz=10.0)
    tell(policy, [4, 7] * 75, begins_s=WINDOW_S + 150.0, windows_hz=1.0)
    assert policy.share(active) == 150 / (150 + 10)
