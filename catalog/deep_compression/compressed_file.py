"""Stored parts and heads as compressed files, and back, bit for bit.

    magic "MCDC", version, kind (1 part, 2 head), bytes of the rest, CRC-32 of the rest,
    rest: content id of the decoded file (8 bytes),
          skeleton: its size, its size deflated, the deflated bytes,
          coded arrays: how many, then for each its place, its size, its code (see `coded_array`).

The skeleton is all that is not a coded array: of a part the graph with those weights taken out; of a
head its sizes C and D, its temperature, and the arrays that are not coded. Arrays whose code would be
longer than they are stay in the skeleton, so that any part can be written in this form.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto

from catalog.deep_compression.byte_reader import ByteReader, number_bytes
from catalog.deep_compression.coded_array import coded_array, decoded_array
from catalog.errors import BadInput, CatalogError
from catalog.heads import HeadWeights
from catalog.store import content_id, head_from_bytes, head_to_bytes

VERSION = 1
LIMIT_BYTES = 1 << 28

_MAGIC = b"MCDC"
_PART, _HEAD = 1, 2
_HEADER = struct.Struct("<4sBBII")
_HEAD_SKELETON = struct.Struct("<IIf")
_ITEM_BYTES: dict[int, int] = {
    TensorProto.FLOAT: 4, TensorProto.FLOAT16: 2, TensorProto.BFLOAT16: 2, TensorProto.DOUBLE: 8,
    TensorProto.INT8: 1, TensorProto.UINT8: 1, TensorProto.INT32: 4, TensorProto.INT64: 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What a file is put together from: coded arrays by their place in the skeleton."""

    skeleton: bytes
    arrays: dict[int, bytes]


def compressed_part(part: bytes) -> bytes:
    """Return the compressed file of a stored part, which is in canonical form.

    Raises:
        CatalogError: it is not a stored part.
    """
    model = _parsed(part, "part")
    arrays = {}
    for k, tensor in enumerate(model.graph.initializer):
        item_bytes = _ITEM_BYTES.get(tensor.data_type)
        if item_bytes is None or len(tensor.raw_data) != item_bytes * math.prod(tensor.dims):
            continue
        code = coded_array(tensor.raw_data, item_bytes)
        if code is not None and len(code) < len(tensor.raw_data):
            arrays[k] = code
            tensor.raw_data = b""
    return _written(_PART, part, _Pieces(model.SerializeToString(deterministic=True), arrays))


def compressed_head(head: bytes) -> bytes:
    """Return the compressed file of a stored head.

    Raises:
        CatalogError: it is not a stored head.
    """
    weights = head_from_bytes(head, "head")
    skeleton = [_HEAD_SKELETON.pack(*weights.weight.shape, weights.temperature)]
    arrays = {}
    for k, values in enumerate((weights.weight, weights.bias)):
        raw = values.astype("<f4").tobytes()
        code = coded_array(raw, 4)
        if code is not None and len(code) < len(raw):
            arrays[k] = code
        else:
            skeleton.append(raw)
    return _written(_HEAD, head, _Pieces(b"".join(skeleton), arrays))


def decompressed_part(data: bytes, where: str, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """Return the stored part that a compressed file was made of.

    Args:
        data: the whole file.
        where: what errors name.
        limit_bytes: of what is unpacked; a file that asks for more is refused.

    Raises:
        CatalogError: the file is not one, is of a later version, is damaged or too large.
    """
    return _decoded(data, where, _PART, limit_bytes, _rebuilt_part)


def decompressed_head(data: bytes, where: str, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """Return the stored head that a compressed file was made of; see decompressed_part."""
    return _decoded(data, where, _HEAD, limit_bytes, _rebuilt_head)


def _written(kind: int, original: bytes, pieces: _Pieces) -> bytes:
    deflated = zlib.compress(pieces.skeleton, 9)
    rest = [
        bytes.fromhex(content_id(original)),
        *(number_bytes(n) for n in (len(pieces.skeleton), len(deflated))),
        deflated,
        number_bytes(len(pieces.arrays)),
    ]
    for place, code in pieces.arrays.items():
        rest += [number_bytes(place), number_bytes(len(code)), code]
    body = b"".join(rest)
    return _HEADER.pack(_MAGIC, VERSION, kind, len(body), zlib.crc32(body)) + body


def _decoded(
    data: bytes, where: str, kind: int, limit_bytes: int, rebuilt: Callable[[_Pieces, int], bytes]
) -> bytes:
    """Check a file and put together again what is in it; every fault becomes one error that names it."""
    try:
        body = _checked_body(data, kind)
        expected_id, pieces = _read_pieces(ByteReader(body), limit_bytes)
        result = rebuilt(pieces, limit_bytes - len(pieces.skeleton))
    except (ValueError, DecodeError, zlib.error, BadInput) as e:
        raise CatalogError(f"{where}: not a compressed part or head that can be read: {e}") from e
    if content_id(result) != expected_id:
        raise CatalogError(f"{where}: damaged: what it decodes to is not what was encoded")
    return result


def _checked_body(data: bytes, kind: int) -> bytes:
    reader = ByteReader(data)
    magic, version, found_kind, size, checksum = _HEADER.unpack(reader.taken(_HEADER.size))
    if magic != _MAGIC:
        raise ValueError(f"it starts with {magic!r}, expected {_MAGIC!r}")
    if version != VERSION:
        raise ValueError(f"format version {version}: this program reads {VERSION}")
    if found_kind != kind:
        raise ValueError(f"kind {found_kind}, expected {kind} (1 is a part, 2 is a head)")
    body = reader.taken(size)
    reader.end()
    if zlib.crc32(body) != checksum:
        raise ValueError("its checksum does not fit its content")
    return body


def _read_pieces(reader: ByteReader, limit_bytes: int) -> tuple[str, _Pieces]:
    expected_id = reader.taken(8).hex()
    size = reader.number()
    deflated = reader.taken(reader.number())
    if size > limit_bytes:
        raise ValueError(f"{size} bytes unpacked: at most {limit_bytes} are expected")
    inflating = zlib.decompressobj()
    skeleton = inflating.decompress(deflated, size + 1)
    if len(skeleton) != size or not inflating.eof or inflating.unused_data:
        raise ValueError("its skeleton is not of the size that it states")
    arrays = {}
    for _ in range(reader.number()):
        place = reader.number()
        arrays[place] = reader.taken(reader.number())
    reader.end()
    return expected_id, _Pieces(skeleton, arrays)


def _rebuilt_part(pieces: _Pieces, limit_bytes: int) -> bytes:
    model = ModelProto()
    model.ParseFromString(pieces.skeleton)
    for place, code in pieces.arrays.items():
        if place >= len(model.graph.initializer):
            raise ValueError("an array that its graph does not have")
        tensor = model.graph.initializer[place]
        item_bytes = _ITEM_BYTES.get(tensor.data_type)
        if item_bytes is None or min(tensor.dims, default=0) < 0:
            raise ValueError("an array of a kind or shape that is never coded")
        count = math.prod(tensor.dims)
        limit_bytes = _less(limit_bytes, count * item_bytes)
        tensor.raw_data = decoded_array(code, item_bytes, count)
    return model.SerializeToString(deterministic=True)


def _rebuilt_head(pieces: _Pieces, limit_bytes: int) -> bytes:
    reader = ByteReader(pieces.skeleton)
    classes, dim, temperature = _HEAD_SKELETON.unpack(reader.taken(_HEAD_SKELETON.size))
    arrays = []
    for place, count in enumerate((classes * dim, classes)):
        limit_bytes = _less(limit_bytes, 4 * count)
        code = pieces.arrays.get(place)
        raw = reader.taken(4 * count) if code is None else decoded_array(code, 4, count)
        arrays.append(np.frombuffer(raw, "<f4"))
    reader.end()
    return head_to_bytes(HeadWeights(arrays[0].reshape(classes, dim), arrays[1], temperature))


def _less(limit_bytes: int, wanted_bytes: int) -> int:
    if wanted_bytes > limit_bytes:
        raise ValueError(f"an array of {wanted_bytes} bytes: at most {limit_bytes} are expected")
    return limit_bytes - wanted_bytes


def _parsed(part: bytes, where: str) -> ModelProto:
    model = ModelProto()
    try:
        model.ParseFromString(part)
    except DecodeError as e:
        raise CatalogError(f"{where}: not a stored part: {e}") from e
    return model
