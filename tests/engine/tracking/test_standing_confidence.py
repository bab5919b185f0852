"""What is left of an answer's confidence: halved in its half-life, less for what looks or lies different."""

from __future__ import annotations

import numpy as np
import pytest

from engine.tracking.standing_confidence import ReuseSettings, Sight, standing_confidence

SETTINGS = ReuseSettings(half_life_s=4.0, most_distance=0.25)
RED = np.array([1.0, 0.0], np.float32)
PURPLE = np.array([0.9, 0.43589], np.float32)  # 0.1 away
BLUE = np.array([0.0, 1.0], np.float32)
THEN = Sight(10.0, (0, 0, 40, 40), RED)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (Sight(10.0, (5, 5, 40, 40), RED), 0.8),
        (Sight(14.0, (0, 0, 40, 40), RED), 0.4),
        (Sight(18.0, (0, 0, 40, 40), RED), 0.2),
        (Sight(10.0, (0, 0, 80, 80), RED), 0.4),
        (Sight(10.0, (0, 0, 20, 20), RED), 0.4),
        (Sight(10.0, (0, 0, 40, 40), PURPLE), 0.8 * 0.6),
        (Sight(10.0, (0, 0, 40, 40), BLUE), 0.0),
        (Sight(14.0, (0, 0, 80, 80), PURPLE), 0.8 * 0.5 * 0.5 * 0.6),
    ],
)
def test_confidence_decays_with_age_size_and_look(now: Sight, left: float) -> None:
    assert standing_confidence(0.8, THEN, now, SETTINGS) == pytest.approx(left, abs=1e-4)
