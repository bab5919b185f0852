"""Heads that were trained before, so that a known scene is entered again without training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from specializer.policy import Active

H = TypeVar("H")

MOST_REMEMBERED = 32


class RememberedHeads(Generic[H]):
    """The heads that were used last, by their classes and the share that they were made for.

    Args:
        most: how many are kept, 0 for none; the one that was not used for longest goes first.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._heads: dict[tuple[tuple[int, ...], float], tuple[Active, H]] = {}  # least recently used first

    def __iter__(self) -> Iterator[Active]:
        """Go through what the heads are for, the least recently used first."""
        return (active for active, _ in self._heads.values())

    def put(self, active: Active, head: H) -> None:
        """Remember a head."""
        key = active.classes, active.skew
        self._heads.pop(key, None)
        self._heads[key] = active, head
        if len(self._heads) > self._most:
            del self._heads[next(iter(self._heads))]

    def take(self, classes: tuple[int, ...], skew: float) -> tuple[Active, H] | None:
        """Return the head for this share of these classes, which is then the latest used."""
        found = self._heads.pop((classes, skew), None)
        if found is not None:
            self._heads[classes, skew] = found
        return found
