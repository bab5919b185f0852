"""What is in memory, by bytes: pure bookkeeping, the same live, on the server and in simulation.

The least recently used piece goes first. Bytes are taken before a load begins, so that the limit
holds at every moment.
"""

from __future__ import annotations

from collections.abc import Iterable

from catalog.errors import BadInput


class TooLarge(BadInput):
    """A piece, or what must be in memory together, does not fit under the limit at all."""


class Residency:
    """Keeps count of resident pieces under a limit.

    Args:
        limit_bytes: inf for none.
    """

    def __init__(self, limit_bytes: float = float("inf")) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self.peak_bytes = 0
        self._sizes: dict[str, int] = {}  # in order of use, least recent first
        self._frozen: frozenset[str] | None = None

    def __contains__(self, piece: str) -> bool:
        return piece in self._sizes

    @property
    def pieces(self) -> frozenset[str]:
        """Every piece that holds memory, those that are still being loaded included."""
        if self._frozen is None:
            self._frozen = frozenset(self._sizes)
        return self._frozen

    def touch(self, pieces: Iterable[str]) -> None:
        """Note that pieces were used now; those that are not resident are passed over."""
        sizes = self._sizes
        for piece in pieces:
            size = sizes.pop(piece, None)
            if size is not None:
                sizes[piece] = size

    def admit(self, piece: str, size_bytes: int, keep: frozenset[str] = frozenset()) -> list[str]:
        """Take memory for a piece and return what had to go for it, least recently used first.

        Args:
            piece: not resident yet.
            size_bytes: what it holds.
            keep: pieces that must stay.

        Raises:
            TooLarge: it does not fit even with everything gone that may go; nothing has changed.
        """
        if piece in self._sizes:
            return []
        evicted: list[str] = []
        free = self.limit_bytes - self.used_bytes
        for candidate, size in self._sizes.items():
            if free >= size_bytes:
                break
            if candidate not in keep:
                evicted.append(candidate)
                free += size
        if free < size_bytes:
            kept = sum(self._sizes[p] for p in keep if p in self._sizes)
            raise TooLarge(
                f"memory: {piece} needs {size_bytes} bytes beside {kept} in use, the limit is "
                f"{self.limit_bytes:.0f}: raise budget.memory_mb or leave apps out"
            )
        for gone in evicted:
            self.release(gone)
        self._sizes[piece] = size_bytes
        self.used_bytes += size_bytes
        self.peak_bytes = max(self.peak_bytes, self.used_bytes)
        self._frozen = None
        return evicted

    def set_limit(self, limit_bytes: float, keep: frozenset[str] = frozenset()) -> list[str]:
        """Take another limit; return what had to go for it, least recently used first.

        Args:
            keep: pieces that cannot go now, even if the limit is exceeded by them.
        """
        self.limit_bytes = limit_bytes
        gone = []
        for piece in [p for p in self._sizes if p not in keep]:
            if self.used_bytes <= limit_bytes:
                break
            self.release(piece)
            gone.append(piece)
        return gone

    def release(self, piece: str) -> None:
        """Give a piece's memory back."""
        self.used_bytes -= self._sizes.pop(piece)
        self._frozen = None
