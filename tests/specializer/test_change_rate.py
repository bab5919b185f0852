from __future__ import annotations

import math

import pytest

from specializer.caution import USUAL_CAUTION, Caution
from specializer.change_rate import ChangeRate


def after(scenes: list[int], caution: Caution = USUAL_CAUTION) -> float:
    """Return what evidence is asked for beyond the usual after scenes of so many windows."""
    rate = ChangeRate(caution)
    for windows in scenes:
        for k in range(windows):
            rate.observe(k == windows - 1)
    return rate.further_evidence


def test_nothing_is_known_at_first_so_that_the_usual_evidence_is_enough() -> None:
    assert ChangeRate(USUAL_CAUTION).further_evidence == 0.0


def test_the_longer_a_scene_holds_the_more_speaks_against_a_change() -> None:
    rate = ChangeRate(USUAL_CAUTION)
    asked = []
    for _ in range(20_000):
        rate.observe(False)
        asked.append(rate.further_evidence)
    assert asked == sorted(asked)
    usual = USUAL_CAUTION.usual_scene * USUAL_CAUTION.usual_changes
    assert asked[599] == pytest.approx(math.log((usual + 600.0) / usual))  # Bayes' rule
    assert asked[-1] == USUAL_CAUTION.most_calm


def test_short_scenes_make_a_change_believed_sooner() -> None:
    each = [after([100] * scenes) for scenes in (1, 3, 10, 100)]
    assert each == sorted(each, reverse=True)
    assert -USUAL_CAUTION.most_haste < each[2] < -2.0
    assert after([5] * 100) == -USUAL_CAUTION.most_haste


def test_scenes_as_long_as_usual_ask_for_about_the_usual() -> None:
    assert abs(after([600] * 50)) < 0.1


def test_what_was_seen_long_ago_counts_less() -> None:
    hasty = [100] * 20
    calm_since = after([*hasty, *[3000] * 6])
    assert after(hasty) < 0.0 < calm_since
    never = Caution(most_lately=math.inf)
    assert after([*hasty, *[3000] * 6], never) < calm_since


def test_heads_meet_the_more_of_the_next_scene_the_shorter_scenes_are() -> None:
    rate = ChangeRate(USUAL_CAUTION)
    fresh = 1.0 - USUAL_CAUTION.unnoticed / USUAL_CAUTION.usual_scene
    assert rate.undisturbed == pytest.approx(fresh)
    for _ in range(3000):
        rate.observe(False)
    calm = rate.undisturbed
    for k in range(3000):
        rate.observe(k % 50 == 0)
    hasty = rate.undisturbed
    assert hasty < fresh < calm < 1.0
    assert hasty == pytest.approx(1.0 - USUAL_CAUTION.unnoticed / 50.0, abs=0.03)
