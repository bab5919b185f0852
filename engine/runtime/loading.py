"""Brings parts and heads into memory, at once or in the background, and lets them go again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

from catalog.errors import McdnnError
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


Event = PieceLoaded | PieceEvicted


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
    """

    def __init__(self, storage: PieceStorage, sizes: Mapping[str, int], residency: Residency) -> None:
        self._storage = storage
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
        """Return what was loaded and evicted since the last call."""
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
        keep = frozenset(wanted)
        ready = self._ready
        with self._lock:
            self._residency.touch(wanted)
            if keep <= self._resident:
                return [ready[p] for p in wanted]
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

    def request(self, pieces: Iterable[str], keep: frozenset[str] = frozenset()) -> None:
        """Load pieces in the background, as far as they fit beside those to keep."""
        wanted = tuple(pieces)
        keep = keep | frozenset(wanted)
        for piece in wanted:
            with self._lock:
                if piece in self._ready or piece in self._loading:
                    continue
                try:
                    self._admit(piece, keep)
                except TooLarge as e:
                    _log.debug("not loaded in the background: %s", e)
                    return
                self._loading[piece] = self._loader.submit(self._load_in_background, piece)

    def drop(self, pieces: Iterable[str]) -> None:
        """Let go of pieces that no app can use any more."""
        with self._lock:
            for piece in pieces:
                if self._ready.pop(piece, None) is not None:
                    self._residency.release(piece)
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
        except McdnnError:
            _log.exception("%s could not be loaded in the background", piece)
            raise
        finally:
            with self._lock:
                self._loading.pop(piece, None)

    def _load(self, piece: str, *, background: bool) -> None:
        busy, wall = time.thread_time(), time.perf_counter()
        try:
            loaded = self._storage.load(piece)
        except BaseException:
            with self._lock:
                self._residency.release(piece)
            raise
        event = PieceLoaded(
            piece, self._sizes[piece], time.thread_time() - busy, time.perf_counter() - wall, background
        )
        with self._lock:
            self._ready[piece] = loaded
            self._resident = frozenset(self._ready)
            self._events.append(event)
        _log.info("loaded %s (%d bytes) in %.1f ms", piece, event.size_bytes, 1e3 * event.wall_s)

    def close(self) -> None:
        """Wait for loads under way and let go of everything."""
        self._loader.shutdown(wait=True, cancel_futures=True)
        self.drop(list(self._ready))
