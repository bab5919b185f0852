from __future__ import annotations

import numpy as np

from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import in_order, shuffled, varied


def data(count: int, side: int = 16) -> LabelledWindows:
    windows = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return LabelledWindows(windows, np.arange(count))


def test_an_epoch_shows_every_window_once() -> None:
    seen = [label for _, labels in shuffled(data(50), 8, np.random.default_rng(1)) for label in labels]
    assert sorted(seen) == list(range(50))
    assert seen != sorted(seen)


def test_a_last_batch_of_one_is_left_out() -> None:
    sizes = [len(labels) for _, labels in shuffled(data(17), 8, np.random.default_rng(1))]
    assert sizes == [8, 8]


def test_windows_in_order_are_unvaried() -> None:
    windows = data(10).windows
    np.testing.assert_array_equal(np.concatenate(list(in_order(windows, 4))), windows)


def test_variation_is_mild_and_follows_from_the_generator() -> None:
    windows = data(8).windows // 2 + 60
    first = varied(windows, np.random.default_rng(3))
    np.testing.assert_array_equal(first, varied(windows, np.random.default_rng(3)))
    assert abs(first.astype(float).mean() - windows.mean()) < 30
    assert not np.array_equal(first, windows)
