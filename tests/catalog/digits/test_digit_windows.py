import numpy as np
import pytest

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH
from catalog.digits.digit_images import DIGIT
from catalog.digits.digit_windows import OUTWARD, SPREAD, jittered, render_windows
from catalog.errors import BadInput
from catalog.tasks import InputType, Resize


def test_windows_have_the_input_types_size_and_hold_all_digits_about_evenly() -> None:
    windows, digits = render_windows("train", 600, seed=1, input_type=DIGIT)
    assert windows.shape == (600, 32, 32, 3)
    assert windows.dtype == np.uint8
    assert digits.dtype == np.int64
    counts = np.bincount(digits, minlength=10)
    assert counts.min() > 30
    assert counts.max() < 100


def test_windows_show_something() -> None:
    windows, _ = render_windows("validation", 100, seed=2, input_type=DIGIT)
    assert windows.std(axis=(1, 2, 3)).min() > 5.0


def test_windows_are_the_same_for_the_same_seed() -> None:
    first, second, other = (render_windows("train", 40, seed, DIGIT) for seed in (3, 3, 4))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])


def test_more_windows_begin_with_the_same_ones() -> None:
    few, many = (render_windows("train", count, 5, DIGIT)[0] for count in (20, 60))
    assert np.array_equal(many[:20], few)


def test_the_input_types_size_and_rule_are_followed() -> None:
    stretched = InputType("digit", size_px=20, resize=Resize.STRETCH, margin=0.0)
    windows, _ = render_windows("train", 10, seed=3, input_type=stretched)
    assert windows.shape == (10, 20, 20, 3)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(BadInput, match="split"):
        render_windows("everything", 10, seed=0, input_type=DIGIT)  # type: ignore[arg-type]


def test_boxes_are_jittered_as_the_model_says() -> None:
    rng = np.random.default_rng(0)
    box = (100, 80, 100, 100)
    edges = np.array([_edges(jittered(box, rng)) for _ in range(2000)]) - _edges(box)
    outward = edges * (-1, -1, 1, 1) / 100
    assert np.allclose(outward.mean(axis=0), OUTWARD, atol=0.004)
    assert np.allclose(outward.std(axis=0), SPREAD, atol=0.004)


def test_jittered_boxes_stay_inside_the_frame() -> None:
    rng = np.random.default_rng(1)
    for box in ((0, 0, 4, 30), (FRAME_WIDTH - 5, FRAME_HEIGHT - 40, 5, 40)) * 50:
        x, y, w, h = jittered(box, rng)
        assert 0 <= x < x + w <= FRAME_WIDTH
        assert 0 <= y < y + h <= FRAME_HEIGHT


def _edges(box: tuple[int, int, int, int]) -> np.ndarray:
    x, y, w, h = box
    return np.array((x, y, x + w, y + h))
