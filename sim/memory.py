"""Memory in a simulation: the engine's own residency, with loads that take simulated time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import simpy

from engine.runtime.residency import Residency, TooLarge
from engine.scheduling.problem import PieceCost

Steps = Generator[Any, Any, None]


class SimulatedMemory:
    """Holds pieces under a limit, like engine.runtime.loading.PieceMemory.

    Bytes are taken when a load begins; a piece can be used when it has ended. Loads in the
    background follow one another, as the engine has one loader.

    Args:
        env: the simulated world.
        costs: time and bytes of each piece.
        limit_bytes: for all resident pieces.
        on_load: told each piece whose load has ended.
        on_evict: told each piece that went.
    """

    def __init__(
        self,
        env: simpy.Environment,
        costs: Mapping[str, PieceCost],
        limit_bytes: float,
        on_load: Callable[[str], None],
        on_evict: Callable[[str], None],
    ) -> None:
        self._env = env
        self._costs = costs
        self._residency = Residency(limit_bytes)
        self._ready: set[str] = set()
        self._arriving: dict[str, Any] = {}
        self._loader = simpy.Resource(env, 1)
        self._on_load = on_load
        self._on_evict = on_evict
        self.resident = frozenset[str]()

    @property
    def loading(self) -> frozenset[str]:
        """Pieces that are on their way."""
        return frozenset(self._arriving)

    @property
    def peak_bytes(self) -> int:
        """The most that was ever held."""
        return self._residency.peak_bytes

    def obtain(self, pieces: Iterable[str]) -> Steps:
        """Wait until pieces can be used, loading those that are missing; marks them as used.

        Raises:
            TooLarge: they do not fit under the limit together.
        """
        wanted = tuple(pieces)
        keep = frozenset(wanted)
        self._residency.touch(wanted)
        for piece in wanted:
            if piece in self._arriving:
                yield self._arriving[piece]
            if piece not in self._ready:
                yield from self._make_room(piece, keep)
                yield self._env.timeout(self._costs[piece].load_s)
                self._arrive(piece)

    def request(self, pieces: Iterable[str]) -> None:
        """Load pieces in the background, as far as they fit beside one another."""
        wanted = tuple(pieces)
        keep = frozenset(wanted)
        for piece in wanted:
            if piece in self._ready or piece in self._arriving:
                continue
            try:
                self._admit(piece, keep)
            except TooLarge:
                return
            self._arriving[piece] = self._env.process(self._load_in_background(piece))

    def _load_in_background(self, piece: str) -> Steps:
        with self._loader.request() as turn:
            yield turn
            yield self._env.timeout(self._costs[piece].load_s)
        del self._arriving[piece]
        self._arrive(piece)

    def _make_room(self, piece: str, keep: frozenset[str]) -> Steps:
        """Take the bytes of a piece; what is on its way cannot be stopped, but it can go once it is here."""
        try:
            self._admit(piece, keep)
        except TooLarge:
            if not self._arriving:
                raise
            yield self._env.all_of(list(self._arriving.values()))
            self._admit(piece, keep)

    def _admit(self, piece: str, keep: frozenset[str]) -> None:
        size_bytes = self._costs[piece].memory_bytes
        for gone in self._residency.admit(piece, size_bytes, keep | self._arriving.keys()):
            self._ready.discard(gone)
            self._on_evict(gone)
        self.resident = frozenset(self._ready)

    def _arrive(self, piece: str) -> None:
        self._ready.add(piece)
        self.resident = frozenset(self._ready)
        self._on_load(piece)
