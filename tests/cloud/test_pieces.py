"""Parts and heads fetched from a real server, and requests that go on where the device stopped."""

from __future__ import annotations

from pathlib import Path

import grpc
import numpy as np
import pytest

from catalog.backends.table import open_backend
from catalog.store import Catalog
from cloud import piece_chunks
from cloud.client import CloudClient
from cloud.errors import CloudIncompatible, CloudLacksVariant, CloudRefused
from cloud.hosting import HostedCatalog
from cloud.messages import Features
from cloud.pictures import half_precision
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadStub
from cloud.tree_run import Job
from engine.offload import Question
from tests.cloud.loopback import STEP_LIMIT_S, Loopback
from tests.cloud.test_server import request

MOST_BYTES = 10_000_000
WIDE = Question("who", "wide/identity")
NARROW = Question("even", "narrow/parity")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_chunks, "CHUNK_BYTES", 1000)


def test_parts_and_heads_arrive_as_they_are_stored(
    opened: Catalog, client: CloudClient, tmp_path: Path
) -> None:
    variant = opened.variants["wide/identity"]
    part = opened.trunks["wide"].parts[0]
    for piece, stored in ((part, opened.part_path(part)), (variant.head, opened.head_path(variant.head))):
        path = tmp_path / piece
        client.fetch_piece(piece, path, MOST_BYTES, STEP_LIMIT_S)
        assert path.read_bytes() == stored.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted((part, variant.head))


def test_a_fetch_goes_on_where_the_last_one_broke_off(
    opened: Catalog, server: Loopback, client: CloudClient, tmp_path: Path
) -> None:
    piece = opened.trunks["wide"].parts[1]
    stored = opened.part_path(piece).read_bytes()
    (tmp_path / "part.partial").write_bytes(stored[:2500])
    with grpc.insecure_channel(str(server.endpoint)) as channel:
        chunks = list(OffloadStub(channel).FetchPiece(pb.FetchPieceRequest(id=piece, offset=2500)))
    assert (chunks[0].offset, chunks[0].total_bytes) == (2500, len(stored))
    assert b"".join(c.data for c in chunks) == stored[2500:]
    client.fetch_piece(piece, tmp_path / "part", MOST_BYTES, STEP_LIMIT_S)
    assert (tmp_path / "part").read_bytes() == stored
    (tmp_path / "whole.partial").write_bytes(stored)
    client.fetch_piece(piece, tmp_path / "whole", MOST_BYTES, STEP_LIMIT_S)
    assert (tmp_path / "whole").read_bytes() == stored


def test_what_is_not_the_piece_is_thrown_away(opened: Catalog, client: CloudClient, tmp_path: Path) -> None:
    piece = opened.trunks["wide"].parts[0]
    (tmp_path / "part.partial").write_bytes(b"something else")
    with pytest.raises(CloudIncompatible, match=f"piece {piece}: what came has the hash"):
        client.fetch_piece(piece, tmp_path / "part", MOST_BYTES, STEP_LIMIT_S)
    assert list(tmp_path.iterdir()) == []
    client.fetch_piece(piece, tmp_path / "part", MOST_BYTES, STEP_LIMIT_S)


def test_pieces_that_are_unknown_too_large_or_shorter_than_asked_are_refused(
    opened: Catalog, client: CloudClient, tmp_path: Path
) -> None:
    piece = opened.trunks["wide"].parts[0]
    for unknown in ("0" * 16, "../catalog", ""):
        with pytest.raises(CloudLacksVariant, match="no such part or head"):
            client.fetch_piece(unknown, tmp_path / "part", MOST_BYTES, STEP_LIMIT_S)
    with pytest.raises(CloudIncompatible, match="expected 10 at most"):
        client.fetch_piece(piece, tmp_path / "part", 10, STEP_LIMIT_S)
    (tmp_path / "part.partial").write_bytes(bytes(10_000_000))
    with pytest.raises(CloudRefused, match="offset 10000000: the piece has"):
        client.fetch_piece(piece, tmp_path / "part", MOST_BYTES, STEP_LIMIT_S)


def first_part(opened: Catalog, pixels: np.ndarray) -> np.ndarray:
    part = opened.trunks["wide"].parts[0]
    return open_backend("onnxruntime").load(opened.part_path(part))(pixels)


def test_windows_that_have_gone_through_the_first_part_are_answered_as_whole_ones(
    opened: Catalog, client: CloudClient
) -> None:
    asked = request(WIDE, NARROW, count=5)
    values = first_part(opened, np.stack(asked.windows))
    features = half_precision(values, opened.trunks["wide"].parts[:1])
    answer = client.classify_features("f1", asked.questions, features, STEP_LIMIT_S)
    whole = client.classify(asked)
    assert answer.request_id == "f1"
    for row, expected in zip(answer.answers, whole.answers, strict=True):
        assert [a.confidence for a in row] == pytest.approx([a.confidence for a in expected], abs=0.02)


def test_whole_windows_and_features_run_in_one_batch(opened: Catalog, hosted: HostedCatalog) -> None:
    pixels = np.stack(request(count=3).windows)
    parts = opened.trunks["wide"].parts
    (whole,) = hosted.walks((WIDE,))
    begun, shape = hosted.walks_on((WIDE, NARROW), parts[:1])
    values = first_part(opened, pixels)
    assert values.shape[1:] == shape
    first, second = hosted.run([Job(whole, pixels), Job(begun, values)]).outcomes
    assert first.batch_windows == second.batch_windows == 6
    found = [a.confidence for a in second.rows[0]]
    assert found == pytest.approx([a.confidence for a in first.rows[0]], abs=1e-5)
    assert len(second.rows[1]) == 3


def test_features_that_make_no_sense_are_refused(opened: Catalog, client: CloudClient) -> None:
    first = opened.trunks["wide"].parts[:1]
    values = first_part(opened, np.zeros((2, 16, 16, 3), np.uint8))
    right = half_precision(values, first)
    cases = [
        (WIDE, Features(first, 1, right.float16), "bytes: expected"),
        (WIDE, Features(first, 0, b""), "features: windows: 0"),
        (WIDE, Features(first, 2, b"\xff" * len(right.float16)), "not finite"),
        (WIDE, Features((), 2, right.float16), "does not go on from those parts"),
        (WIDE, Features(opened.trunks["wide"].parts, 2, b"xx"), "does not go on from those parts"),
        (Question("a", "small/parity"), right, "does not go on from those parts"),
    ]
    for question, features, told in cases:
        with pytest.raises(CloudRefused, match=told):
            client.classify_features("f1", (question,), features, STEP_LIMIT_S)
    with pytest.raises(CloudLacksVariant):
        client.classify_features("f1", (Question("a", "wide/other"),), right, STEP_LIMIT_S)
