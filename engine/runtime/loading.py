"""Brings parts and heads into memory, at once or in the background, and lets them go again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

from engine.clocks import REAL_CLOCKS, Clocks
from engine.runtime.residency import Residency, TooLarge

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PieceLoaded:
    """A piece came into memory.

    Args:
        busy_s: processor time that it took.
        wall_s: time until it could be used.
    """

    piece: str
    size_bytes: int
    busy_s: float
    wall_s: float
    background: bool


@dataclass(frozen=True, slots=True)
class PieceEvicted:
    """A piece left memory to make room for another."""

    piece: str
    size_bytes: int
    made_room_for: str


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """A piece could not be loaded.

    Args:
        busy_s: processor time that the attempt took.
        why: for the log and the results.
    """

    piece: str
    busy_s: float
    background: bool
    why: str


Event = PieceLoaded | PieceEvicted | LoadFailed


class PieceStorage(Protocol):
    """Where pieces come from."""

    def load(self, piece: str) -> Any:
        """Return the piece, ready to be called.

        Raises:
            BackendError: it cannot be loaded.
        """


class PieceMemory:
    """Pieces in memory under a limit; the one owner of what is resident. Used by one thread.

    Args:
        storage: where pieces come from.
        sizes: bytes that a piece holds, by id.
        residency: bookkeeping with the limit.
        clocks: what loads take is measured by them.
    """

    def __init__(
        self,
        storage: PieceStorage,
        sizes: Mapping[str, int],
        residency: Residency,
        clocks: Clocks = REAL_CLOCKS,
    ) -> None:
        self._storage = storage
        self._clocks = clocks
        self._sizes = dict(sizes)
        self._residency = residency
        self._ready: dict[str, Any] = {}
        self._loading: dict[str, Future[None]] = {}
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="mcdnn-loader")
        self._resident = frozenset[str]()

    @property
    def resident(self) -> frozenset[str]:
        """Pieces that can be used now."""
        return self._resident

    @property
    def loading(self) -> frozenset[str]:
        """Pieces that are on their way."""
        return frozenset(self._loading) if self._loading else frozenset()

    @property
    def used_bytes(self) -> int:
        """Bytes held now, those of pieces on their way included."""
        return self._residency.used_bytes

    @property
    def peak_bytes(self) -> int:
        """The most that was ever held."""
        return self._residency.peak_bytes

    def set_sizes(self, sizes: Mapping[str, int]) -> None:
        """Add the sizes of further pieces."""
        self._sizes.update(sizes)

    def events(self) -> list[Event]:
        """Return what was loaded, evicted or could not be loaded since the last call."""
        if not self._events:
            return []
        with self._lock:
            events, self._events = self._events, []
        return events

    def obtain(self, pieces: Iterable[str]) -> list[Any]:
        """Return pieces ready to be called, loading those that are missing; marks them as used.

        Raises:
            TooLarge: they do not fit under the limit together.
            BackendError: one cannot be loaded.
        """
        wanted = tuple(pieces)
        ready = self._ready
        with self._lock:
            self._residency.touch(wanted)
            if self._resident.issuperset(wanted):
                return [ready[p] for p in wanted]
        keep = frozenset(wanted)
        for piece in wanted:
            self._obtain_one(piece, keep)
        with self._lock:
            return [ready[p] for p in wanted]

    def _obtain_one(self, piece: str, keep: frozenset[str]) -> None:
        with self._lock:
            on_its_way = self._loading.get(piece)
        if on_its_way is not None:
            on_its_way.result()
        with self._lock:
            if piece in self._ready:
                return
            in_flight = list(self._loading.values())
            try:
                self._admit(piece, keep)
            except TooLarge:
                if not in_flight:
                    raise
                admitted = False
            else:
                admitted = True
        if not admitted:  # what is on its way cannot be stopped, but it can go again once it is here
            wait(in_flight)
            with self._lock:
                self._admit(piece, keep)
        self._load(piece, background=False)

    def request(self, pieces: Iterable[str], keep: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Load pieces in the background, as far as they fit beside those to keep; return what is begun."""
        wanted = tuple(pieces)
        keep = keep | frozenset(wanted)
        begun: list[str] = []
        for piece in wanted:
            with self._lock:
                if piece in self._ready or piece in self._loading:
                    continue
                try:
                    self._admit(piece, keep)
                except TooLarge as e:
                    _log.debug("not loaded in the background: %s", e)
                    break
                self._loading[piece] = self._loader.submit(self._load_in_background, piece)
                begun.append(piece)
        return tuple(begun)

    def drop(self, pieces: Iterable[str]) -> None:
        """Let go of pieces that no app can use any more."""
        with self._lock:
            for piece in pieces:
                if self._ready.pop(piece, None) is not None:
                    self._residency.release(piece)
            self._resident = frozenset(self._ready)

    def set_limit(self, limit_bytes: float) -> None:
        """Hold no more than this from now on; what was not used for longest goes where that is too much."""
        with self._lock:
            for gone in self._residency.set_limit(limit_bytes, frozenset(self._loading)):
                self._ready.pop(gone, None)
                self._events.append(PieceEvicted(gone, self._sizes[gone], "a lower limit"))
            self._resident = frozenset(self._ready)

    def _admit(self, piece: str, keep: frozenset[str]) -> None:
        size = self._sizes[piece]
        in_flight = frozenset(self._loading)
        for gone in self._residency.admit(piece, size, keep | in_flight):
            del self._ready[gone]
            self._events.append(PieceEvicted(gone, self._sizes[gone], piece))
            _log.info("evicted %s (%d bytes) to make room for %s", gone, self._sizes[gone], piece)
        self._resident = frozenset(self._ready)

    def _load_in_background(self, piece: str) -> None:
        try:
            self._load(piece, background=True)
        finally:
            with self._lock:
                self._loading.pop(piece, None)

    def _load(self, piece: str, *, background: bool) -> None:
        clocks = self._clocks
        busy_s, wall_s = clocks.busy_s(), clocks.wall_s()
        try:
            loaded = self._storage.load(piece)
        except BaseException as e:
            failed = LoadFailed(piece, clocks.busy_s() - busy_s, background, str(e))
            with self._lock:
                self._residency.release(piece)
                self._events.append(failed)
            raise
        event = PieceLoaded(
            piece, self._sizes[piece], clocks.busy_s() - busy_s, clocks.wall_s() - wall_s, background
        )
        with self._lock:
            self._ready[piece] = loaded
            self._resident = frozenset(self._ready)
            self._events.append(event)
        _log.info("loaded %s (%d bytes) in %.1f ms", piece, event.size_bytes, 1e3 * event.wall_s)

    def wait_for_loads(self) -> None:
        """Return when no load is under way any more, whether they succeeded or not."""
        with self._lock:
            under_way = list(self._loading.values())
        wait(under_way)

    def close(self) -> None:
        """Wait for loads under way and let go of everything."""
        self._loader.shutdown(wait=True, cancel_futures=True)
        self.drop(list(self._ready))
