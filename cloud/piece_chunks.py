"""Stored parts and heads travel in chunks: cut at the server, put together and checked at the device."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor
from pathlib import Path

from cloud.errors import CloudIncompatible
from cloud.refusals import PastTheEnd
from cloud.rpc.v1 import classify_pb2 as pb

CHUNK_BYTES = 256 * 1024
_ID_DIGITS = 16


async def chunks_of(path: Path, offset: int, reading: Executor) -> AsyncIterator[pb.PieceChunk]:
    """Yield a file from an offset on; at least one chunk, which tells the size of the whole.

    Raises:
        PastTheEnd: the file is shorter than that.
        OSError: it cannot be read.
    """
    loop = asyncio.get_running_loop()
    total = (await loop.run_in_executor(reading, path.stat)).st_size
    if offset > total:
        raise PastTheEnd(f"offset {offset}: the piece has {total} bytes")
    while True:
        data = await loop.run_in_executor(reading, _read, path, offset)
        yield pb.PieceChunk(offset=offset, data=data, total_bytes=total)
        offset += len(data)
        if offset >= total or not data:
            return


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)


def assemble(chunks: Iterable[pb.PieceChunk], piece: str, partial: Path, most_bytes: int) -> None:
    """Append chunks to what a file holds already, until it is the whole piece.

    What has arrived stays when the connection is lost, so that the next attempt goes on from there; a
    file that turns out not to be the piece is deleted.

    Args:
        chunks: from the end of the file on.
        piece: id, which is the beginning of the SHA-256.
        partial: may be missing.
        most_bytes: that the piece may have.

    Raises:
        CloudIncompatible: what came is not the piece.
    """
    partial.touch()
    held = partial.stat().st_size
    with partial.open("ab") as file:
        for chunk in chunks:
            if chunk.total_bytes > most_bytes:
                raise CloudIncompatible(
                    f"piece {piece}: {chunk.total_bytes} bytes: expected {most_bytes} at most"
                )
            if chunk.offset != held or held + len(chunk.data) > chunk.total_bytes:
                raise CloudIncompatible(f"piece {piece}: a chunk at {chunk.offset}: expected one at {held}")
            file.write(chunk.data)
            held += len(chunk.data)
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()[:_ID_DIGITS]
    if found != piece:
        partial.unlink()
        raise CloudIncompatible(f"piece {piece}: what came has the hash {found}")
