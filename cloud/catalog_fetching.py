"""A device gets its catalog from a server: what it lacks of parts and heads, then what describes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.contents import CatalogContents
from catalog.errors import BadInput, RunFailed
from catalog.store import CatalogWriter, content_id, contents_from_bytes, head_file, open_catalog, part_file
from cloud.errors import CloudIncompatible, CloudTimeout, CloudUnreachable
from cloud.messages import CatalogListing

_MOST_PIECE_BYTES = 1 << 32
_LISTING_TIMEOUT_S = 10.0
_ATTEMPTS, _PAUSE_S = 4, 1.0
_COMPILED_HERE = (".work", "features")


class PieceServer(Protocol):
    """What is needed of cloud.client.CloudClient."""

    def list_catalog(self, timeout_s: float) -> CatalogListing:
        """Return what the server can answer."""

    def fetch_piece(self, piece: str, path: Path, most_bytes: int, timeout_s: float) -> None:
        """Fetch a piece by id and put it at path when all of it is there and its hash is right."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought.

    Args:
        variants: of the catalog.
        pieces: parts and heads that came.
        piece_bytes: of those.
        kept: parts and heads that were there already.
    """

    variants: int
    pieces: int
    piece_bytes: int
    kept: int


def fetch_catalog(
    server: PieceServer,
    root: Path,
    piece_timeout_s: float,
    told: Callable[[int, int], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Bring the catalog in a folder to what a server has; catalog.json goes last.

    Broken off at any moment, the folder holds the old catalog or the new one, and what has arrived is not
    fetched again. A lost connection is tried again a few times. Stored features stay at the server, and
    the device measures parts itself (mcdnn catalog profile).

    Args:
        server: asked.
        root: may be missing.
        piece_timeout_s: for one part or head.
        told: how many of how many parts and heads are there; told again with each.
        pause: waits so many seconds.

    Raises:
        CloudError: it did not come; asking again goes on from there.
        BadInput: the folder holds a catalog that was compiled there.
        RunFailed: the disk is full or the folder cannot be written.
        CatalogError: what came is not a whole catalog.
    """
    with _writable(root):
        _check_not_compiled_here(root)
        listing = server.list_catalog(_LISTING_TIMEOUT_S)
        if not listing.description_id:
            raise CloudIncompatible("the server does not describe its catalog: it runs an older version")
        fetch = _Fetch(server, piece_timeout_s, pause)
        contents = _description(fetch, root, listing.description_id)
        wanted = dict(_pieces(root, contents))
        lacking = {path: piece for path, piece in wanted.items() if not _is_there(path, piece)}
        for number, (path, piece) in enumerate(lacking.items(), len(wanted) - len(lacking)):
            if told is not None:
                told(number, len(wanted))
            path.parent.mkdir(parents=True, exist_ok=True)
            fetch(piece, path)
        if told is not None:
            told(len(wanted), len(wanted))
        CatalogWriter(root).write_contents(contents)
        open_catalog(root)
        size = sum(path.stat().st_size for path in lacking)
    return Fetched(len(contents.variants), len(lacking), size, len(wanted) - len(lacking))


@dataclass(frozen=True, slots=True)
class _Fetch:
    server: PieceServer
    timeout_s: float
    pause: Callable[[float], None]

    def __call__(self, piece: str, path: Path) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self.server.fetch_piece(piece, path, _MOST_PIECE_BYTES, self.timeout_s)
            except (CloudUnreachable, CloudTimeout):
                if attempt == _ATTEMPTS - 1:
                    raise
                self.pause(_PAUSE_S * 2**attempt)
            else:
                return


def _description(fetch: _Fetch, root: Path, piece: str) -> CatalogContents:
    root.mkdir(parents=True, exist_ok=True)
    path = root / f".description-{piece}.json"
    fetch(piece, path)
    try:
        return contents_from_bytes(path.read_bytes(), "the server's catalog")
    finally:
        path.unlink()


def _pieces(root: Path, contents: CatalogContents) -> Iterator[tuple[Path, str]]:
    for part in contents.parts:
        yield part_file(root, part.id), part.id
    for head in contents.heads:
        yield head_file(root, head.id), head.id


def _is_there(path: Path, piece: str) -> bool:
    return path.is_file() and content_id(path.read_bytes()) == piece


def _check_not_compiled_here(root: Path) -> None:
    if any((root / name).exists() for name in _COMPILED_HERE):
        raise BadInput(f"{root}: holds a catalog that was compiled there: choose another folder for --out")


@contextmanager
def _writable(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise RunFailed(f"{e.filename or root}: cannot be written: {e.strerror or e}") from e
