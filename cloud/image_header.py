"""The size that an encoded picture declares, read without decoding it.

Decoding first and asking later is how a few kilobytes become gigabytes of memory.
"""

from __future__ import annotations

import struct

from cloud.messages import Encoding
from cloud.refusals import BadRequest

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_SIZE = slice(16, 24)
_JPEG_START = b"\xff\xd8"
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_SCAN_OR_END = frozenset({0xDA, 0xD9})
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})


def declared_size(encoding: Encoding, data: bytes) -> tuple[int, int]:
    """Return the width and height that a PNG or JPEG declares in its header.

    Raises:
        BadRequest: data is not of that encoding, or ends before its size is told.
    """
    return _png_size(data) if encoding is Encoding.PNG else _jpeg_size(data)


def _png_size(data: bytes) -> tuple[int, int]:
    """Read the first chunk: PNG specification (W3C, third edition), sections 5.2 and 11.2.1."""
    if not data.startswith(_PNG_START) or data[12:16] != b"IHDR" or len(data) < _PNG_SIZE.stop:
        raise BadRequest("not a PNG picture")
    width, height = struct.unpack(">II", data[_PNG_SIZE])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments up to the frame header: ITU-T T.81, sections B.1.1 and B.2.2."""
    if not data.startswith(_JPEG_START):
        raise BadRequest("not a JPEG picture")
    at = len(_JPEG_START)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            at += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        elif marker in _JPEG_SCAN_OR_END:
            break
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise BadRequest("a JPEG picture that does not declare its size")
