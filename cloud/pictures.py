"""Windows become pictures at the device, and pictures become windows at the server."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from cloud.image_header import declared_size
from cloud.messages import Encoding, Features, Picture
from cloud.refusals import BadRequest

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


def raw_picture(window: UInt8) -> Picture:
    """Encode a window (H, W, 3) uint8 RGB as its bytes."""
    height, width = window.shape[:2]
    return Picture(Encoding.RAW_RGB, width, height, window.tobytes())


def png_picture(window: UInt8) -> Picture:
    """Encode a window (H, W, 3) uint8 RGB without loss."""
    return _encoded(window, Encoding.PNG, [])


def jpeg_picture(window: UInt8, quality: int = 90) -> Picture:
    """Encode a window (H, W, 3) uint8 RGB with loss.

    Args:
        window: its pixels.
        quality: 1 (smallest) to 100 (best).
    """
    return _encoded(window, Encoding.JPEG, [cv2.IMWRITE_JPEG_QUALITY, quality])


def half_precision(values: Float32, part_ids: tuple[str, ...]) -> Features:
    """Encode features (N, ...) float32 in half precision.

    Args:
        values: what the last of the parts gave; beyond what half precision holds they are cut off.
        part_ids: that have run, in order.
    """
    most = np.finfo(np.float16).max
    return Features(part_ids, len(values), values.clip(-most, most).astype("<f2").tobytes())


def _encoded(window: UInt8, encoding: Encoding, settings: list[int]) -> Picture:
    height, width = window.shape[:2]
    _, data = cv2.imencode(f".{encoding}", cv2.cvtColor(window, cv2.COLOR_RGB2BGR), settings)
    return Picture(encoding, width, height, data.tobytes())


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
    # A window is upright already: an orientation tag would turn it away from its declared size.
    rule = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        window = cv2.imdecode(np.frombuffer(picture.data, np.uint8), rule)
    except cv2.error as e:
        raise BadRequest(f"a {picture.encoding} picture that cannot be decoded") from e
    if window is None or window.shape != (picture.height_px, picture.width_px, 3):
        raise BadRequest(f"a {picture.encoding} picture that cannot be decoded")
    return np.asarray(window, dtype=np.uint8)
