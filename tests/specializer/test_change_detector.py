from __future__ import annotations

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
