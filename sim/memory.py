"""Memory in a simulation: the engine's own residency, with loads that take simulated time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import simpy

from engine.runtime.residency import Residency, TooLarge
from engine.scheduling.problem import PieceCost

Steps = Generator[Any, Any, None]

_NOTHING = frozenset[str]()


class SimulatedMemory:
    """Holds pieces under a limit, like engine.runtime.loading.PieceMemory.

    Bytes are taken when a load begins; a piece can be used when it has ended. Loads in the
    background follow one another, as the engine has one loader. A load that takes no time and waits
    for no other has ended at once.

    Args:
        env: the simulated world.
        costs: time and bytes of each piece.
        limit_bytes: for all resident pieces.
        on_load: told each piece whose load has ended, and whether it was loaded in the background.
        on_evict: told each piece that went.
    """

    def __init__(
        self,
        env: simpy.Environment,
        costs: Mapping[str, PieceCost],
        limit_bytes: float,
        on_load: Callable[[str, bool], None],
        on_evict: Callable[[str], None],
    ) -> None:
        self._env = env
        self._costs = costs
        self._residency = Residency(limit_bytes)
        self._ready: set[str] = set()
        self._arriving: dict[str, Any] = {}
        self._queue: deque[str] = deque()
        self._is_loading = False
        self._is_limited = limit_bytes < math.inf
        self._on_load = on_load
        self._on_evict = on_evict
        self.resident = _NOTHING

    @property
    def loading(self) -> frozenset[str]:
        """Pieces that are on their way."""
        return frozenset(self._arriving) if self._arriving else _NOTHING

    @property
    def peak_bytes(self) -> int:
        """The most that was ever held."""
        return self._residency.peak_bytes

    def use(self, pieces: tuple[str, ...], together: frozenset[str]) -> bool:
        """Mark pieces as used and tell whether all can be used now; obtain them where not.

        Args:
            pieces: in order.
            together: the same.
        """
        if not together <= self.resident:
            return False
        if self._is_limited:
            self._residency.touch(pieces)
        return True

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
                if self._costs[piece].load_s > 0.0:
                    yield self._env.timeout(self._costs[piece].load_s)
                self._arrive(piece, background=False)

    def request(self, pieces: Iterable[str], keep: frozenset[str] = _NOTHING) -> tuple[str, ...]:
        """Load pieces in the background, as far as they fit beside those to keep; return what is begun."""
        wanted = tuple(pieces)
        keep = keep.union(wanted)
        begun: list[str] = []
        for piece in wanted:
            if piece in self._ready or piece in self._arriving:
                continue
            try:
                self._admit(piece, keep)
            except TooLarge:
                break
            begun.append(piece)
            self._arriving[piece] = self._env.event()
        if begun:
            self._load_in_background(begun)
        return tuple(begun)

    def _load_in_background(self, pieces: list[str]) -> None:
        """Let the loader take pieces in order; what takes no time is there at once if it is idle."""
        self._queue.extend(pieces)
        if not self._is_loading:
            self._load_next()

    def _load_next(self) -> None:
        while self._queue:
            piece = self._queue.popleft()
            load_s = self._costs[piece].load_s
            if load_s > 0.0:
                self._is_loading = True
                self._env.timeout(load_s, piece).callbacks.append(self._loaded)
                return
            self._end_load(piece)
        self._is_loading = False

    def _loaded(self, event: simpy.Event) -> None:
        self._end_load(str(event.value))
        self._load_next()

    def _end_load(self, piece: str) -> None:
        arrived = self._arriving.pop(piece)
        self._arrive(piece, background=True)
        arrived.succeed()

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
        gone = self._residency.admit(piece, size_bytes, keep | self._arriving.keys())
        for evicted in gone:
            self._ready.discard(evicted)
            self._on_evict(evicted)
        if gone:
            self.resident = frozenset(self._ready)

    def _arrive(self, piece: str, *, background: bool) -> None:
        self._ready.add(piece)
        self.resident = frozenset(self._ready)
        self._on_load(piece, background)
