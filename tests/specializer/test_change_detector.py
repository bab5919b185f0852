from __future__ import annotations

import math

import pytest

from specializer.change_detector import ChangeDetector


def test_a_change_is_believed_within_a_few_observations_and_dated() -> None:
    detector = ChangeDetector(0.05, 0.5, 7.0)
    assert not any(detector.observe(i % 20 == 0) for i in range(400))
    seen = next(i for i in range(100) if detector.observe(True))
    assert seen == 3
    assert detector.since == 4


def test_without_a_difference_nothing_is_ever_believed() -> None:
    detector = ChangeDetector(0.3, 0.3, 1.0)
    assert not any(detector.observe(True) for _ in range(1000))


def test_the_hint_rises_with_what_speaks_for_a_change_and_falls_to_nothing_again() -> None:
    detector = ChangeDetector(0.05, 0.5, 7.0)
    assert detector.hint == 0.0
    hints = []
    for yes in (True, True, False, True, True):
        detector.observe(yes)
        hints.append(detector.hint)
    assert hints[1] == pytest.approx(2.0 * hints[0]) == pytest.approx(2.0 * math.log(10.0) / 7.0)
    assert 0.0 < hints[2] < hints[1] < hints[3] < hints[4] == 1.0
    for _ in range(20):
        detector.observe(False)
    assert detector.hint == 0.0
