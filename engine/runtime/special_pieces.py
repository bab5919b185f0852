"""Pieces of a catalog, and beside them heads that were trained while the engine runs."""

from __future__ import annotations

from typing import Any

from catalog.heads import HeadWeights
from engine.runtime.loading import PieceStorage


class SpecialHeads:
    """The specialised heads that may be loaded, by id."""

    def __init__(self) -> None:
        self._heads: dict[str, HeadWeights] = {}

    def put(self, piece: str, head: HeadWeights) -> None:
        """Add a head."""
        self._heads[piece] = head

    def get(self, piece: str) -> HeadWeights | None:
        """Return a head; None for any other piece. Any thread may ask."""
        return self._heads.get(piece)

    def forget(self, piece: str) -> None:
        """Let go of a head that nothing will ask for any more."""
        self._heads.pop(piece, None)


class SpecialPieces:
    """Storage in front of another one.

    Args:
        storage: for every other piece.
        heads: that were trained.
    """

    def __init__(self, storage: PieceStorage, heads: SpecialHeads) -> None:
        self._storage = storage
        self._heads = heads

    def load(self, piece: str) -> Any:
        """Return a piece; see PieceStorage."""
        head = self._heads.get(piece)
        return self._storage.load(piece) if head is None else head
