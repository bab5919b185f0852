from __future__ import annotations

import math

import numpy as np
import pytest

from catalog.labelled_windows import UNLABELLED, LabelledWindows
from catalog.training.batches import (
    Batch,
    Variation,
    View,
    drawn_variation,
    drawn_view,
    in_order,
    shuffled,
)


def data(count: int, side: int = 16) -> LabelledWindows:
    windows = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return LabelledWindows(windows, np.arange(count))


def batches(of: LabelledWindows, view: int = 0) -> list[Batch]:
    return list(shuffled(of, 8, np.random.default_rng(1), drawn_view(view, of, seed=3)))


def test_an_epoch_shows_every_window_once() -> None:
    seen = [label for batch in batches(data(50)) for label in batch.labels]
    assert sorted(seen) == list(range(50))
    assert seen != sorted(seen)


def test_a_last_batch_of_one_is_left_out() -> None:
    sizes = [len(batch.labels) for batch in batches(data(17))]
    assert sizes == [8, 8]


def test_windows_in_order_are_unvaried() -> None:
    windows = data(10).windows
    np.testing.assert_array_equal(np.concatenate(list(in_order(windows, 4))), windows)


def test_variation_is_mild_and_follows_from_the_generator() -> None:
    windows = data(8).windows // 2 + 60
    first, again = (drawn_variation(8, np.random.default_rng(3), mirror=True)(windows) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert abs(first.astype(float).mean() - windows.mean()) < 30
    assert not np.array_equal(first, windows)


def test_a_batch_tells_which_windows_it_shows_and_how_they_were_varied() -> None:
    here = data(20)
    for batch in batches(here):
        np.testing.assert_array_equal(
            batch.windows, batch.view.variation.of(batch.rows)(here.windows[batch.rows])
        )
        np.testing.assert_array_equal(batch.labels, here.labels[batch.rows])


def test_the_same_variation_is_the_same_view_at_another_side() -> None:
    small = data(4, side=8).windows
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    still = drawn_variation(4, np.random.default_rng(2), mirror=True)
    shifts = np.array([[0.125, -0.125], [0.0, 0.125], [-0.125, 0.0], [0.0, 0.0]])
    variation = Variation(shifts, still.gain, still.offset, still.mirrored)
    inside = variation(large)[:, 2:-2:2, 2:-2:2]  # the border repeats half a small pixel more
    np.testing.assert_array_equal(inside, variation(small)[:, 1:-1, 1:-1])


def test_a_view_is_known_by_its_number_and_its_seed() -> None:
    here = data(20)
    first, again, other = (drawn_view(n, here, seed=3).variation(here.windows) for n in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, drawn_view(5, here, seed=4).variation(here.windows))


def test_windows_that_mean_the_same_in_a_mirror_are_shown_both_ways() -> None:
    rng = np.random.default_rng(5)
    ramp = np.broadcast_to(np.arange(0, 160, 10, dtype=np.uint8)[:, np.newaxis], (64, 16, 16, 3))
    rising = np.asarray([w[8, 12, 0] > w[8, 4, 0] for w in drawn_variation(64, rng, mirror=True)(ramp)])
    assert 16 < rising.sum() < 48
    assert all(w[8, 12, 0] > w[8, 4, 0] for w in drawn_variation(64, rng, mirror=False)(ramp))


def test_windows_of_a_batch_move_each_in_a_way_of_their_own() -> None:
    spot = np.zeros((32, 16, 16, 3), np.uint8)
    spot[:, 8, 8] = 200
    variation = drawn_variation(32, np.random.default_rng(2), mirror=False)
    places = {np.unravel_index(w[:, :, 0].argmax(), (16, 16)) for w in variation(spot)}
    assert len(places) > 4
    assert places <= {(row, column) for row in (7, 8, 9) for column in (7, 8, 9)}


def mixed_view(of: LabelledWindows, number: int = 1) -> View:
    return drawn_view(number, of, seed=3, mixed=True)


def test_a_mixed_view_mixes_windows_each_varied_in_a_way_of_its_own() -> None:
    here = data(30)
    view = mixed_view(here)
    assert view.mixture is not None
    varied = view.variation(here.windows)
    expected = view.mixture(varied, varied[view.mixture.partner])
    assert not np.array_equal(expected, varied)
    for rows in (np.arange(30), np.array([17, 4, 0, 29, 17])):
        np.testing.assert_array_equal(view.shown(here.windows, rows), expected[rows])


@pytest.mark.parametrize("tasks", [(), (3,)])
def test_windows_that_show_two_things_and_no_others_have_no_label(tasks: tuple[int, ...]) -> None:
    labels = np.arange(60 * math.prod(tasks)).reshape(60, *tasks)
    here = LabelledWindows(data(60).windows, labels.copy())
    view, rows = mixed_view(here), np.random.default_rng(4).permutation(60)
    assert view.mixture is not None
    mixed = view.mixture.is_mixed[rows]
    told = view.labelled(here.labels, rows)
    assert 0 < mixed.sum() < 60
    assert (told[mixed] == UNLABELLED).all()
    np.testing.assert_array_equal(told[~mixed], labels[rows][~mixed])
    np.testing.assert_array_equal(here.labels, labels)


def test_a_batch_of_a_mixed_view_has_its_windows_and_its_labels() -> None:
    here = data(40)
    view = mixed_view(here)
    shown = list(shuffled(here, 8, np.random.default_rng(1), view))
    assert sorted(row for batch in shown for row in batch.rows) == list(range(40))
    assert any((batch.labels == UNLABELLED).any() for batch in shown)
    for batch in shown:
        np.testing.assert_array_equal(batch.windows, view.shown(here.windows, batch.rows))
        np.testing.assert_array_equal(batch.labels, view.labelled(here.labels, batch.rows))


def test_a_mixed_view_varies_windows_as_the_other_of_its_number_and_has_another_name() -> None:
    here = LabelledWindows(data(20).windows, data(20).labels, mirrored_alike=True)
    plain, mixed = drawn_view(1, here, seed=3), mixed_view(here)
    before = drawn_variation(20, np.random.default_rng((3, 1)), mirror=True)  # as all views were once
    rows = np.arange(20)
    np.testing.assert_array_equal(plain.shown(here.windows, rows), before(here.windows))
    np.testing.assert_array_equal(mixed.variation(here.windows), before(here.windows))
    np.testing.assert_array_equal(plain.labelled(here.labels, rows), here.labels)
    assert (plain.mixture, plain.name, mixed.name) == (None, "1", "1-mixed")
