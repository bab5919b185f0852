"""Pieces of one catalog after another: the newest that knows a piece gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.runtime.loading import PieceStorage

Knows = Callable[[str], bool]


class ChangingPieces:
    """Storage whose catalogs may be exchanged while pieces are loaded; any thread may call.

    Pieces are known by hashes of what they are, so those that two catalogs have in common are the same.

    Args:
        storage: of the first catalog.
        knows: tells which pieces it has.
    """

    def __init__(self, storage: PieceStorage, knows: Knows) -> None:
        self._storages: tuple[tuple[PieceStorage, Knows], ...] = ((storage, knows),)

    def follow(self, storage: PieceStorage, knows: Knows) -> None:
        """Take pieces from another catalog from now on, and from the one before those that it lacks."""
        self._storages = ((storage, knows), self._storages[0])

    def load(self, piece: str) -> Any:
        """Return a piece; see PieceStorage."""
        newest = self._storages[0][0]
        return next((s for s, knows in self._storages if knows(piece)), newest).load(piece)
