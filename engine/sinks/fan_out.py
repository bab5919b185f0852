"""One sink that feeds several, each in a thread of its own, so that a slow one holds nobody up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from engine.errors import SinkError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.protocol import Sink
from engine.sinks.sink_figures import SinkFigures, joined
from engine.sinks.sink_thread import SinkThread

_CAPACITY_FRAMES = 32


@dataclass(frozen=True, slots=True)
class Leaving:
    """A sink that is to be fed no more.

    Args:
        sink: closed once it has finished what it was given.
        then: called after that, by a thread of its own.
    """

    sink: Sink
    then: Callable[[], None]


class FanOut:
    """Hands every frame to all sinks; each does its work in its own thread.

    Where the source is live, a frame that a sink has no room for is dropped for that sink and
    counted; otherwise the engine waits. A sink that fails is closed and the others go on; with the
    last one gone, accept() raises.

    Args:
        sinks: owned from here on; none at all is allowed.
        live: whether the source is live.
        capacity_frames: frames that may wait for a sink.
    """

    def __init__(
        self, sinks: Sequence[Sink], live: bool = False, capacity_frames: int = _CAPACITY_FRAMES
    ) -> None:
        self._capacity = capacity_frames
        self._live = live
        self._lock = threading.Lock()  # of who is there, held for an instant
        self._past: dict[str, SinkFigures] = {}
        self._departing: list[tuple[SinkThread, threading.Thread]] = []
        self._threads: tuple[SinkThread, ...] = ()
        self._reported = False
        self._join(sinks)

    @property
    def figures(self) -> tuple[SinkFigures, ...]:
        """What became of the results so far, a name each; any thread may ask, and never waits."""
        with self._lock:
            told = dict(self._past)
            threads = (*(t for t, _ in self._departing), *self._threads)
        for thread in threads:
            _add(told, thread.figures)
        return tuple(told.values())

    def change(self, leaving: Sequence[Leaving], further: Collection[Sink]) -> None:
        """Feed other sinks from the next frame on; called by who calls accept().

        Args:
            leaving: who go; figures of a later sink with the same name go on from theirs.
            further: who come; owned from here on.
        """
        with self._lock:
            self._forget_closed()
            for each in leaving:
                self._dismiss(each)
            self._join(further)

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Hand a frame over; `results` must not change afterwards.

        Raises:
            SinkError: not one sink is left that still works.
        """
        working = 0
        for thread in self._threads:
            working += thread.put(frame, results)
        if not working and self._threads:
            self._report()

    def close(self) -> None:
        """Finish every sink: what was accepted is now on disk.

        Raises:
            SinkError: naming every sink that failed, unless accept() did so already.
        """
        for _, closing in self._departing:
            closing.join()
        for thread in self._threads:
            thread.close()
        if not self._reported:
            self._report()

    def _report(self) -> None:
        errors = [t.error for t in self._threads if t.error is not None]
        if errors:
            self._reported = True
            raise SinkError("; ".join(str(e) for e in errors)) from errors[0]

    def _join(self, sinks: Iterable[Sink]) -> None:
        for sink in sinks:
            taken = [t.name for t in self._threads]
            name = _told_apart(str(sink), taken)
            self._threads = (*self._threads, SinkThread(sink, self._capacity, self._live, name))

    def _dismiss(self, leaving: Leaving) -> None:
        thread = next(t for t in self._threads if t.sink is leaving.sink)
        self._threads = tuple(t for t in self._threads if t is not thread)
        closing = threading.Thread(
            target=_close, args=(thread, leaving.then), name="mcdnn-leaving-sink", daemon=True
        )
        self._departing.append((thread, closing))
        closing.start()

    def _forget_closed(self) -> None:
        """Keep of sinks that have closed their figures alone."""
        closed = [t for t, closing in self._departing if not closing.is_alive()]
        for thread in closed:
            _add(self._past, thread.figures)
        self._departing = [(t, c) for t, c in self._departing if t not in closed]


def _add(told: dict[str, SinkFigures], now: SinkFigures) -> None:
    told[now.sink] = joined(told[now.sink], now) if now.sink in told else now


def _close(thread: SinkThread, then: Callable[[], None]) -> None:
    thread.close()
    then()


def _told_apart(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the second, third, ... that are alike get a number."""
    number, told = 1, name
    while told in taken:
        number += 1
        told = f"{name} ({number})"
    return told
