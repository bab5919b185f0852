from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.image_header import declared_size
from cloud.messages import Encoding
from cloud.pictures import jpeg_picture, png_picture
from cloud.refusals import BadRequest

SIDES = st.integers(1, 70)


@given(SIDES, SIDES)
def test_the_size_of_real_pictures_is_read(width: int, height: int) -> None:
    window = np.zeros((height, width, 3), np.uint8)
    assert declared_size(Encoding.PNG, png_picture(window).data) == (width, height)
    assert declared_size(Encoding.JPEG, jpeg_picture(window).data) == (width, height)


@given(st.sampled_from([Encoding.PNG, Encoding.JPEG]), st.binary(max_size=60), st.integers(0, 60))
def test_garbage_is_refused_and_never_read_past_its_end(encoding: Encoding, noise: bytes, at: int) -> None:
    window = np.zeros((4, 4, 3), np.uint8)
    real = (png_picture(window) if encoding is Encoding.PNG else jpeg_picture(window)).data
    for data in (noise, real[:at], real[:at] + noise):
        try:
            width, height = declared_size(encoding, data)
        except BadRequest:
            continue
        assert width >= 0
        assert height >= 0


def test_a_frame_header_after_other_segments_and_fill_bytes_is_found() -> None:
    thumbnail = b"\xff\xe1" + struct.pack(">H", 12) + b"\xff\xc0\x00\x11\x08\x00\x01\x00\x01\x03"
    frame = b"\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 300, 200)
    assert declared_size(Encoding.JPEG, b"\xff\xd8" + thumbnail + b"\xff\x01" + frame) == (200, 300)


@pytest.mark.parametrize("ending", [b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11", b"\xff\xd9" + bytes(9), b""])
def test_a_jpeg_without_a_frame_header_is_refused(ending: bytes) -> None:
    with pytest.raises(BadRequest, match="does not declare its size"):
        declared_size(Encoding.JPEG, b"\xff\xd8" + ending)
