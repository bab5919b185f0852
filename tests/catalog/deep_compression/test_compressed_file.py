from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, numpy_helper

from catalog.canonical import canonical_bytes
from catalog.deep_compression.compressed_file import (
    compressed_head,
    compressed_part,
    decompressed_head,
    decompressed_part,
)
from catalog.errors import CatalogError
from catalog.heads import HeadWeights
from catalog.store import content_id, head_to_bytes
from tests.catalog.graphs import features_part, normal, pixels_part


def sparse_shared(model: ModelProto, threshold: float, step: float) -> bytes:
    """Return a part whose weights are zero below a threshold and multiples of a step above it."""
    copy = ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim == 4:
            kept = np.where(np.abs(values) < threshold, 0.0, np.round(values / step) * step)
            tensor.CopyFrom(numpy_helper.from_array(kept.astype(np.float32), tensor.name))
    return canonical_bytes(copy)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.01, 0.5), st.integers(1, 12))
def test_a_part_comes_back_bit_for_bit(threshold: float, step: float, channels: int) -> None:
    for model in (pixels_part(channels=channels), features_part(channels=channels)):
        part = sparse_shared(model, threshold, step)
        decoded = decompressed_part(compressed_part(part), "file")
        assert decoded == part
        assert content_id(decoded) == content_id(part)


def test_a_sparse_shared_part_is_much_smaller() -> None:
    part = sparse_shared(features_part(channels=64, dim=64), 0.25, 0.1)
    assert len(compressed_part(part)) < len(part) / 8


def test_a_part_of_all_different_weights_comes_back() -> None:
    part = canonical_bytes(features_part(channels=16))
    assert decompressed_part(compressed_part(part), "file") == part


@given(st.integers(1, 12), st.integers(1, 80), st.booleans())
def test_a_head_comes_back_bit_for_bit(classes: int, dim: int, shared: bool) -> None:
    weight, bias = normal(0, classes, dim), normal(1, classes)
    head = head_to_bytes(HeadWeights(np.round(weight) if shared else weight, bias, 1.3))
    assert decompressed_head(compressed_head(head), "file") == head


@settings(max_examples=60)
@given(st.data())
def test_a_changed_byte_is_noticed_and_the_file_named(data: st.DataObject) -> None:
    file = bytearray(compressed_part(sparse_shared(pixels_part(), 0.2, 0.1)))
    place = data.draw(st.integers(0, len(file) - 1))
    file[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CatalogError, match=r"a\.mcdc"):
        decompressed_part(bytes(file), "a.mcdc")


@pytest.mark.parametrize("cut", [0, 3, 13, 14, 60, -1])
def test_a_truncated_file_is_named(cut: int) -> None:
    file = compressed_part(sparse_shared(pixels_part(), 0.2, 0.1))
    with pytest.raises(CatalogError, match=r"a\.mcdc: .*too early"):
        decompressed_part(file[:cut], "a.mcdc")


def resealed(body: bytes) -> bytes:
    """Return a part's file with a checksum that fits, as someone hostile would write it."""
    return struct.pack("<4sBBII", b"MCDC", 1, 1, len(body), zlib.crc32(body)) + body


@settings(max_examples=150)
@given(st.data())
def test_a_hostile_file_gives_the_part_or_the_same_error(data: st.DataObject) -> None:
    part = sparse_shared(pixels_part(), 0.2, 0.1)
    body = bytearray(compressed_part(part)[14:])
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decompressed_part(resealed(bytes(body)), "a.mcdc")
    except CatalogError as e:
        assert str(e).startswith("a.mcdc: ")
    else:  # bits that fill up a byte say nothing
        assert decoded == part


def test_a_file_that_unpacks_to_more_than_allowed_is_refused() -> None:
    part = sparse_shared(features_part(channels=64, dim=64), 9.0, 1.0)
    file = compressed_part(part)
    assert decompressed_part(file, "a.mcdc", limit_bytes=len(part)) == part
    with pytest.raises(CatalogError, match="at most"):
        decompressed_part(file, "a.mcdc", limit_bytes=len(part) // 2)
    bomb = zlib.compress(bytes(10_000_000))
    body = bytes(8) + b"\x10" + bytes([len(bomb) & 0x7F | 0x80, len(bomb) >> 7]) + bomb + b"\0"
    with pytest.raises(CatalogError, match="size that it states"):
        decompressed_part(resealed(body), "a.mcdc")


def test_another_version_and_another_kind_are_told() -> None:
    file = bytearray(compressed_part(sparse_shared(pixels_part(), 0.2, 0.1)))
    with pytest.raises(CatalogError, match="kind 1, expected 2"):
        decompressed_head(bytes(file), "a.mcdc")
    file[4] = 9
    with pytest.raises(CatalogError, match="version 9"):
        decompressed_part(bytes(file), "a.mcdc")
    with pytest.raises(CatalogError, match="starts with"):
        decompressed_part(b"PK\3\4" + bytes(file[4:]), "a.mcdc")


def test_what_is_no_part_or_head_is_not_compressed() -> None:
    with pytest.raises(CatalogError):
        compressed_part(b"\xff\xff\xff\xff")
    with pytest.raises(CatalogError):
        compressed_head(b"nothing")
