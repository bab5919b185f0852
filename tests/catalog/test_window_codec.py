from __future__ import annotations

import numpy as np
import pytest

from catalog.window_codec import decoded_pixels, jpeg_bytes, png_bytes


def coloured_stripes(size_px: int = 32) -> np.ndarray:
    """Columns of one pixel, red and blue in turn: what halved colours would blur."""
    window = np.zeros((size_px, size_px, 3), np.uint8)
    window[:, ::2, 0] = 200
    window[:, 1::2, 2] = 200
    return window


def read(data: bytes) -> np.ndarray:
    found = decoded_pixels(data)
    assert found is not None
    return found


def test_png_gives_back_every_pixel() -> None:
    window = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read(png_bytes(window)), window)


def test_jpeg_keeps_colours_at_full_resolution() -> None:
    window = coloured_stripes()
    assert np.abs(read(jpeg_bytes(window, 95)).astype(int) - window).mean() < 5


def test_jpeg_takes_less_and_loses_more_at_a_lower_quality() -> None:
    window = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    made = [jpeg_bytes(window, quality) for quality in (30, 60, 90, 100)]
    errors = [np.abs(read(data).astype(int) - window).mean() for data in made]
    assert sorted(made, key=len) == made
    assert sorted(errors, reverse=True) == errors


def test_a_small_jpeg_is_not_mostly_tables() -> None:
    assert len(jpeg_bytes(np.full((16, 16, 3), 77, np.uint8), 50)) < 320


@pytest.mark.parametrize("data", [b"", b"nothing", jpeg_bytes(coloured_stripes(), 90)[:40]])
def test_what_is_damaged_is_not_read(data: bytes) -> None:
    assert decoded_pixels(data) is None
