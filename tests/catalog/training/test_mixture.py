from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from catalog.training.mixture import Mixture, drawn_mixture

UInt8 = npt.NDArray[np.uint8]
_MANY = 3000


def dark(count: int, side: int = 16) -> UInt8:
    return np.random.default_rng(0).integers(0, 100, (count, side, side, 3), dtype=np.uint8)


def bright(count: int, side: int = 16) -> UInt8:
    return np.random.default_rng(1).integers(100, 256, (count, side, side, 3), dtype=np.uint8)


def one_mixture(
    blended: float = 0.0, square: float = 0.0, place: tuple[float, float] = (0.0, 0.0)
) -> Mixture:
    of_one = (np.array([value], np.float32) for value in (blended, square))
    return Mixture(np.array([0]), *of_one, np.array([place], np.float32))


def drawn(count: int, seed: int = 2) -> Mixture:
    return drawn_mixture(count, np.random.default_rng(seed))


def test_a_window_that_is_not_mixed_stays_as_it_is() -> None:
    shown = one_mixture(place=(0.5, 0.9))(dark(1), bright(1))
    np.testing.assert_array_equal(shown, dark(1))
    assert shown.dtype == np.uint8


@pytest.mark.parametrize("weight", [0.25, 0.75])
def test_a_blended_window_is_the_rounded_weighted_mean_of_both(weight: float) -> None:
    shown = one_mixture(blended=weight)(dark(1), bright(1))
    np.testing.assert_array_equal(shown, np.rint((1.0 - weight) * dark(1) + weight * bright(1)))


@pytest.mark.parametrize("side", [8, 32])
@pytest.mark.parametrize("place", [(0.0, 0.0), (0.7, 0.3), (0.999, 0.999)])
def test_a_square_of_the_other_window_lies_inside_at_any_size_and_all_else_is_its_own(
    side: int, place: tuple[float, float]
) -> None:
    own, other = dark(1, side), bright(1, side)
    shown = one_mixture(square=0.5, place=place)(own, other)
    of_other = shown[0, :, :, 0] >= 100
    down, across = (np.flatnonzero(of_other.any(axis=axis)) for axis in (1, 0))
    assert len(down) == len(across) == side // 2
    assert of_other.sum() == (side // 2) ** 2
    assert (down[0], across[0]) == tuple(int(p * (side // 2 + 1)) for p in place)
    np.testing.assert_array_equal(shown[0, of_other], other[0, of_other])
    np.testing.assert_array_equal(shown[0, ~of_other], own[0, ~of_other])


def test_each_way_is_drawn_for_about_a_third_of_the_windows_and_none_both_ways() -> None:
    mixture = drawn(_MANY)
    blended, square = mixture.blended > 0.0, mixture.square > 0.0
    assert not (blended & square).any()
    for way in (blended, square, ~mixture.is_mixed):
        assert 0.9 < 3 * way.sum() / _MANY < 1.1
    assert sorted(mixture.partner) == list(range(_MANY))


def test_a_window_is_mixed_where_it_shows_anything_of_another() -> None:
    kinds = (one_mixture(), one_mixture(blended=0.01), one_mixture(square=0.3))
    assert [bool(kind.is_mixed[0]) for kind in kinds] == [False, True, True]


def test_drawn_squares_are_whole_and_fill_at_most_three_quarters() -> None:
    mixture = drawn(_MANY)
    squares = mixture.of(np.flatnonzero(mixture.square > 0.0))
    count = len(squares.partner)
    shown = squares(dark(count), bright(count))
    pixels = (shown[..., 0] >= 100).sum(axis=(1, 2))
    np.testing.assert_array_equal(pixels, np.rint(squares.square * 16) ** 2)
    assert 0.7 < (squares.square**2).max() <= 0.75
    assert (squares.square**2).mean() == pytest.approx(0.375, abs=0.03)


def test_some_windows_are_mixed_as_they_are_among_all() -> None:
    mixture, rows = drawn(20), np.array([7, 0, 19, 7])
    own, others = dark(20), bright(20)
    some = mixture.of(rows)
    np.testing.assert_array_equal(some(own[rows], others[rows]), mixture(own, others)[rows])
    np.testing.assert_array_equal(some.partner, mixture.partner[rows])
    np.testing.assert_array_equal(some.is_mixed, mixture.is_mixed[rows])


def test_what_is_drawn_follows_from_the_generator() -> None:
    first, again, other = (drawn(20, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.partner, again.partner)
    np.testing.assert_array_equal(first(dark(20), bright(20)), again(dark(20), bright(20)))
    assert not np.array_equal(first(dark(20), bright(20)), other(dark(20), bright(20)))
