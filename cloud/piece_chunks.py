"""What is stored travels in chunks: cut at the server, put together and checked at the device."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cloud.errors import CloudIncompatible
from cloud.refusals import PastTheEnd
from cloud.rpc.v1 import classify_pb2 as pb

CHUNK_BYTES = 256 * 1024
_ID_DIGITS = 16


class Piece(Protocol):
    """What can be fetched; both verbs may wait for a disk."""

    def size_bytes(self) -> int:
        """Return how long it is."""

    def read(self, offset: int, most_bytes: int) -> bytes:
        """Return what stands there from an offset on."""


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A piece that is a file; both verbs raise OSError where it cannot be read."""

    path: Path

    def size_bytes(self) -> int:
        """Return the size of the file; see Piece."""
        return self.path.stat().st_size

    def read(self, offset: int, most_bytes: int) -> bytes:
        """Read from the file; see Piece."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(most_bytes)


@dataclass(frozen=True, slots=True)
class HeldPiece:
    """A piece that is in memory."""

    data: bytes

    def size_bytes(self) -> int:
        """Return its length; see Piece."""
        return len(self.data)

    def read(self, offset: int, most_bytes: int) -> bytes:
        """Cut it out; see Piece."""
        return self.data[offset : offset + most_bytes]


async def chunks_of(piece: Piece, offset: int, reading: Executor) -> AsyncIterator[pb.PieceChunk]:
    """Yield a piece from an offset on; at least one chunk, which tells the size of the whole.

    Raises:
        PastTheEnd: the piece is shorter than that.
        OSError: it cannot be read.
    """
    loop = asyncio.get_running_loop()
    total = await loop.run_in_executor(reading, piece.size_bytes)
    if offset > total:
        raise PastTheEnd(f"offset {offset}: the piece has {total} bytes")
    while True:
        data = await loop.run_in_executor(reading, piece.read, offset, CHUNK_BYTES)
        yield pb.PieceChunk(offset=offset, data=data, total_bytes=total)
        offset += len(data)
        if offset >= total or not data:
            return


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
