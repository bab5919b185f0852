from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from catalog.jpeg_trials import JpegTrial, lowest_bearable


def trial(quality: int = 90, windows: int = 2000, lost: int = 0, gained: int = 0) -> JpegTrial:
    return JpegTrial(quality, windows, lost, gained, 500.0)


def test_the_loss_is_what_is_answered_wrongly_through_jpeg_alone() -> None:
    assert trial(lost=30, gained=10).accuracy_loss == pytest.approx(0.01)
    assert trial(lost=10, gained=30).accuracy_loss == 0.0


def test_the_error_of_many_windows_is_that_of_the_mean_of_paired_differences() -> None:
    found = trial(windows=100_000, lost=3000, gained=1000)
    assert found.standard_error == pytest.approx((0.04 - 0.02**2) ** 0.5 / 100_000**0.5, rel=0.001)


def test_half_a_point_may_be_lost_where_enough_windows_say_so() -> None:
    assert trial(windows=10_000, lost=80, gained=30).is_bearable
    assert not trial(windows=10_000, lost=90, gained=30).is_bearable
    assert trial(windows=3000, lost=20, gained=20).is_bearable
    assert not trial(windows=300, lost=5, gained=5).is_bearable


def test_few_windows_without_a_change_prove_nothing() -> None:
    assert not trial(windows=50).is_bearable
    assert trial(windows=500).is_bearable


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500))
def test_more_lost_windows_are_never_borne_better(windows: int, lost: int, gained: int) -> None:
    if lost + gained < windows:
        less, more = trial(90, windows, lost, gained), trial(90, windows, lost + 1, gained)
        assert less.accuracy_loss <= more.accuracy_loss
        if lost >= gained:
            assert less.is_bearable or not more.is_bearable


def test_the_lowest_quality_counts_from_which_on_all_are_bearable() -> None:
    bad = {"lost": 100}
    assert lowest_bearable([trial(50, **bad), trial(90), trial(100)]) == trial(90)
    assert lowest_bearable([trial(100), trial(50), trial(90, **bad)]) == trial(100)
    assert lowest_bearable([trial(50), trial(100, **bad)]) is None
    assert lowest_bearable([]) is None


@pytest.mark.parametrize(
    "figures",
    [(0, 10, 1, 1, 5.0), (101, 10, 1, 1, 5.0), (90, 0, 0, 0, 5.0), (90, 10, 8, 3, 5.0), (90, 10, -1, 3, 5.0),
     (90, 10, 1, 1, 0.0), (90, 10, 1, 1, float("inf"))],
)  # fmt: skip
def test_figures_that_cannot_be_are_refused(figures: tuple[int, int, int, int, float]) -> None:
    with pytest.raises(BadInput, match="jpeg: "):
        JpegTrial(*figures)
