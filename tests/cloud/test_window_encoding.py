from __future__ import annotations

import numpy as np
import pytest

from catalog.errors import BadInput
from cloud.messages import Encoding
from cloud.pictures import decoded
from cloud.window_encoding import PNG, RAW, PictureSizes, WindowEncoding, jpeg, measured_jpeg


def noise(size_px: int) -> np.ndarray:
    return np.random.default_rng(size_px).integers(0, 256, (size_px, size_px, 3), dtype=np.uint8)


def test_plain_pixels_take_what_they_take() -> None:
    sizes = PictureSizes(RAW)
    assert sizes.expected_bytes(32) == 3 * 32 * 32
    sizes.learn((RAW.encode(noise(32)),), 1.0)
    assert sizes.expected_bytes(32) == pytest.approx(3 * 32 * 32)
    assert sizes.expected_bytes(64) == pytest.approx(3 * 64 * 64)


@pytest.mark.parametrize("encoding", [PNG, jpeg(50), jpeg(90)])
def test_what_pictures_take_is_learnt_from_them(encoding: WindowEncoding) -> None:
    sizes = PictureSizes(encoding)
    for i in range(40):
        sizes.learn(tuple(encoding.encode(noise(size)) for size in ((32, 32), (64,))[i % 2]), float(i))
    for size in (32, 64):
        assert sizes.expected_bytes(size) == pytest.approx(len(encoding.encode(noise(size)).data), rel=0.1)
    assert sizes.expected_bytes(128) > 3 * sizes.expected_bytes(64)


def test_one_size_alone_is_learnt_too() -> None:
    sizes = PictureSizes(jpeg(90))
    before = sizes.expected_bytes(32)
    for i in range(5):
        sizes.learn((jpeg(90).encode(noise(32)),), float(i))
    assert sizes.expected_bytes(32) == pytest.approx(len(jpeg(90).encode(noise(32)).data), rel=0.01)
    assert sizes.expected_bytes(32) > before


def test_a_worse_quality_is_expected_to_be_smaller() -> None:
    expected = [PictureSizes(jpeg(quality)).expected_bytes(64) for quality in (1, 30, 60, 90, 100)]
    assert expected == sorted(expected)


def test_a_jpeg_that_was_measured_is_expected_to_be_as_large_as_it_was() -> None:
    for window_bytes in (700.0, 120.0):
        encoding = measured_jpeg(75, 32, window_bytes)
        assert PictureSizes(encoding).expected_bytes(32) == pytest.approx(window_bytes)
        picture = encoding.encode(noise(16))
        assert picture.encoding is Encoding.JPEG
        assert decoded(picture).shape == (16, 16, 3)


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_is_none_is_bad_input(quality: int) -> None:
    with pytest.raises(BadInput, match=f"quality {quality}: expected 1 to 100"):
        jpeg(quality)
