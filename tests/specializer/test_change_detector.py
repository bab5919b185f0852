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


def test_evidence_rises_with_what_speaks_for_a_change_and_falls_to_nothing_again() -> None:
    detector = ChangeDetector(0.05, 0.5, 7.0)
    assert detector.evidence == 0.0
    evidence = []
    for yes in (True, True, False, True, True):
        detector.observe(yes)
        evidence.append(detector.evidence)
    assert evidence[1] == pytest.approx(2.0 * evidence[0]) == pytest.approx(2.0 * math.log(10.0))
    assert 0.0 < evidence[2] < evidence[1] < evidence[3] < 7.0 < evidence[4]
    for _ in range(20):
        detector.observe(False)
    assert detector.evidence == 0.0


@pytest.mark.parametrize(("further", "observations"), [(-3.0, 2), (0.0, 4), (3.0, 5)])
def test_a_change_may_take_more_or_less_evidence_for_the_moment(further: float, observations: int) -> None:
    detector = ChangeDetector(0.05, 0.5, 7.0)
    assert [detector.observe(True, further) for _ in range(observations)] == [False] * (observations - 1) + [
        True
    ]
