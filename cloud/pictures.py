"""Windows become pictures at the device, and pictures become windows at the server."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catalog.window_codec import decoded_pixels, jpeg_bytes, png_bytes
from cloud.image_header import declared_size
from cloud.messages import Encoding, Features, Picture
from cloud.refusals import BadRequest

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


def raw_picture(window: UInt8) -> Picture:
    """Encode a window (H, W, 3) uint8 RGB as its bytes."""
    return _picture(window, Encoding.RAW_RGB, window.tobytes())


def png_picture(window: UInt8) -> Picture:
    """Encode a window (H, W, 3) uint8 RGB without loss."""
    return _picture(window, Encoding.PNG, png_bytes(window))


def jpeg_picture(window: UInt8, quality: int = 90) -> Picture:
    """Encode a window (H, W, 3) uint8 RGB with loss.

    Args:
        window: its pixels.
        quality: 1 (smallest) to 100 (best).
    """
    return _picture(window, Encoding.JPEG, jpeg_bytes(window, quality))


def half_precision(values: Float32, part_ids: tuple[str, ...]) -> Features:
    """Encode features (N, ...) float32 in half precision.

    Args:
        values: what the last of the parts gave; beyond what half precision holds they are cut off.
        part_ids: that have run, in order.
    """
    most = np.finfo(np.float16).max
    return Features(part_ids, len(values), values.clip(-most, most).astype("<f2").tobytes())


def _picture(window: UInt8, encoding: Encoding, data: bytes) -> Picture:
    height, width = window.shape[:2]
    return Picture(encoding, width, height, data)


def decoded(picture: Picture) -> UInt8:
    """Return the window of a picture as (H, W, 3) uint8 RGB.

    The picture's size is within the limits already; data that declares another is not decoded.

    Raises:
        BadRequest: data is damaged or does not agree with the declared size.
    """
    if picture.encoding is Encoding.RAW_RGB:
        return np.frombuffer(picture.data, np.uint8).reshape(picture.height_px, picture.width_px, 3)
    size = (picture.width_px, picture.height_px)
    found = declared_size(picture.encoding, picture.data)
    if found != size:
        raise BadRequest(f"a picture of {found[0]} x {found[1]} was declared as {size[0]} x {size[1]}")
    window = decoded_pixels(picture.data)
    if window is None or window.shape != (picture.height_px, picture.width_px, 3):
        raise BadRequest(f"a {picture.encoding} picture that cannot be decoded")
    return window
