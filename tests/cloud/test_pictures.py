from __future__ import annotations

import struct
import tracemalloc
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cloud.messages import Encoding, Picture
from cloud.pictures import decoded, jpeg_picture, png_picture, raw_picture
from cloud.refusals import BadRequest

WINDOWS = arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)))


def png_declaring(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims any size: what a decompression bomb looks like."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@given(WINDOWS)
def test_raw_and_png_lose_nothing(window: np.ndarray) -> None:
    for encode in (raw_picture, png_picture):
        back = decoded(encode(window))
        assert back.dtype == np.uint8
        np.testing.assert_array_equal(back, window)


def test_a_view_into_a_frame_is_encoded_as_its_own_pixels() -> None:
    frame = np.arange(20 * 20 * 3, dtype=np.uint8).reshape(20, 20, 3)
    window = frame[3:9, 4:15]
    for encode in (raw_picture, png_picture):
        np.testing.assert_array_equal(decoded(encode(window)), window)


def test_jpeg_keeps_the_order_of_colours() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    back = decoded(jpeg_picture(red, quality=95))
    assert back.shape == (16, 16, 3)
    assert np.abs(back.astype(int) - red).max() < 12


def test_a_better_quality_is_nearer_and_larger() -> None:
    window = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    pictures = [jpeg_picture(window, quality) for quality in (20, 95)]
    errors = [np.abs(decoded(p).astype(int) - window).mean() for p in pictures]
    assert errors[1] < errors[0]
    assert len(pictures[1].data) > len(pictures[0].data)


def test_a_grey_or_deep_png_arrives_as_rgb() -> None:
    deep = np.full((6, 5), 0x8080, np.uint16)
    data = cv2.imencode(".png", deep)[1].tobytes()
    assert decoded(Picture(Encoding.PNG, 5, 6, data)).shape == (6, 5, 3)


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    bomb = Picture(Encoding.PNG, 16, 16, png_declaring(40_000, 40_000))
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest, match="a picture of 40000 x 40000 was declared as 16 x 16"):
            decoded(bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


@pytest.mark.parametrize("encoding", [Encoding.PNG, Encoding.JPEG])
def test_a_damaged_picture_is_refused(encoding: Encoding) -> None:
    window = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    whole = png_picture(window) if encoding is Encoding.PNG else jpeg_picture(window)
    with pytest.raises(BadRequest):
        decoded(replace(whole, data=whole.data[:30]))
    with pytest.raises(BadRequest):
        decoded(replace(whole, data=b""))


def test_a_picture_of_another_encoding_is_refused() -> None:
    window = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(BadRequest, match="not a JPEG"):
        decoded(replace(png_picture(window), encoding=Encoding.JPEG))
    with pytest.raises(BadRequest, match="not a PNG"):
        decoded(replace(jpeg_picture(window), encoding=Encoding.PNG))
