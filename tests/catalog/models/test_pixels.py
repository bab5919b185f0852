from __future__ import annotations

import numpy as np
import pytest
import torch

from catalog.errors import BadInput
from catalog.models.architecture import Colour, PixelScale
from catalog.models.pixels import Planes

WINDOWS = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)


def planes(pixels: PixelScale) -> np.ndarray:
    return Planes(pixels)(torch.from_numpy(WINDOWS)).numpy()


def test_pixels_are_divided_then_centred_then_scaled() -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = (WINDOWS / 255.0 - mean) / std
    np.testing.assert_allclose(planes(PixelScale(mean, std)), expected.transpose(0, 3, 1, 2), 1e-5, 1e-5)


def test_a_scale_of_one_takes_numbers_for_pixels_as_they_are() -> None:
    expected = (WINDOWS.transpose(0, 3, 1, 2) - 127.5) / 128.0
    np.testing.assert_allclose(planes(PixelScale((127.5,), (128.0,), 1.0)), expected, 1e-6)


def test_colours_come_in_the_order_asked_for() -> None:
    identity = {"mean": (0.0,), "std": (1.0,), "scale": 1.0}
    rgb, bgr, grey, greys = (planes(PixelScale(**identity, colour=c)) for c in Colour)
    np.testing.assert_array_equal(bgr, rgb[:, ::-1])
    luma = 0.299 * rgb[:, :1] + 0.587 * rgb[:, 1:2] + 0.114 * rgb[:, 2:]
    np.testing.assert_allclose(grey, luma, 1e-5)
    np.testing.assert_array_equal(greys, np.concatenate([grey] * 3, 1))


def test_means_are_in_the_models_own_order_of_planes() -> None:
    pixels = PixelScale((1.0, 2.0, 3.0), (1.0,), 1.0, Colour.BGR)
    np.testing.assert_allclose(planes(pixels)[:, 0], WINDOWS[..., 2] - 1.0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"mean": (0.1, 0.2)}, r"pixels.mean = \[0.1, 0.2\]: expected 1 or 3 numbers"),
        ({"std": (0.1, 0.2, 0.3), "colour": Colour.GREY}, "expected 1 or 1 numbers"),
        ({"std": (0.0,)}, "expected positive numbers"),
        ({"scale": -1.0}, "expected positive numbers"),
        ({"mean": (float("nan"),)}, "pixels.mean"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(given: dict[str, object], expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        PixelScale(**given)  # type: ignore[arg-type]
