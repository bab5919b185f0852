"""Windows written for the way to a server and read there, one way for what is sent and what is measured.

JPEG keeps colours at full resolution (4:4:4) and brings Huffman tables of its own: the standard ones are
a third of a small picture.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]

_JPEG = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_OPTIMIZE,
    1,
)
# A window is upright already: an orientation tag would turn it away from its declared size.
_READ = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


def png_bytes(window: UInt8) -> bytes:
    """Write a window (H, W, 3) uint8 RGB without loss."""
    return _encoded(window, ".png", ())


def jpeg_bytes(window: UInt8, quality: int) -> bytes:
    """Write a window (H, W, 3) uint8 RGB with loss.

    Args:
        window: its pixels.
        quality: 1 (smallest) to 100 (best).
    """
    return _encoded(window, ".jpg", (*_JPEG, cv2.IMWRITE_JPEG_QUALITY, quality))


def decoded_pixels(data: bytes) -> UInt8 | None:
    """Read a PNG or JPEG as (H, W, 3) uint8 RGB; None where it is damaged."""
    try:
        window = cv2.imdecode(np.frombuffer(data, np.uint8), _READ)
    except cv2.error:
        return None
    return None if window is None else np.asarray(window, dtype=np.uint8)


def _encoded(window: UInt8, ending: str, settings: tuple[int, ...]) -> bytes:
    _, data = cv2.imencode(ending, cv2.cvtColor(window, cv2.COLOR_RGB2BGR), settings)
    return data.tobytes()
