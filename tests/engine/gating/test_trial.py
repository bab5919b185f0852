"""Comparing goes on where it pays, and rests for most of the time where it does not."""

from __future__ import annotations

from engine.gating.trial import Trial


def compared(trial: Trial, frames: int, still_share: float, compared_j: float, took_j: float) -> int:
    """Return how many of some frames were compared; of these a share is passed over, evenly spread."""
    count = 0
    for i in range(frames):
        if trial.rests():
            continue
        count += 1
        if int((i + 1) * still_share) > int(i * still_share):
            trial.passed_over(compared_j)
        else:
            trial.looked(compared_j, took_j / 2)
            trial.answered(took_j / 2)
    return count


def test_it_goes_on_where_it_saves_more_than_it_takes() -> None:
    assert compared(Trial(), 10_000, still_share=0.5, compared_j=1.0, took_j=4.0) == 10_000


def test_it_rests_where_nothing_stands_still_or_answers_are_cheap() -> None:
    for still_share, took_j in ((0.0, 100.0), (0.5, 1.0)):
        assert compared(Trial(), 11_000, still_share, compared_j=1.0, took_j=took_j) == 1_000


def test_it_is_tried_again_and_then_goes_on_where_things_have_come_to_rest() -> None:
    trial = Trial()
    assert compared(trial, 200 + 2000, 0.0, compared_j=1.0, took_j=4.0) == 200
    assert compared(trial, 5000, 0.9, compared_j=1.0, took_j=4.0) == 5000


def test_what_costs_money_is_spared_whatever_comparing_takes() -> None:
    trial = Trial()
    for i in range(1_000):
        assert not trial.rests()
        if i % 2:
            trial.passed_over(1.0)
        else:
            trial.looked(1.0, 0.0)
            trial.answered(0.0, cost_usd=0.001)


def test_a_source_that_stands_wholly_still_is_compared_for_ever() -> None:
    trial = Trial()
    compared(trial, 20, 0.0, compared_j=0.1, took_j=4.0)
    assert compared(trial, 10_000, 1.0, compared_j=0.1, took_j=0.0) == 10_000
