"""The [[sink]] tables of a run: which sinks go, come and stay when they are others."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from engine.sinks.delivery import Delivery
from engine.sinks.fan_out import Leaving
from engine.sinks.late_sink import LateSink
from engine.sinks.protocol import Sink
from engine.sources.retrying import BackOff
from mcdnn.sink_wiring import Occasion, SinkSetup, open_sinks

OpenSink = Delivery | LateSink


@dataclass(frozen=True, slots=True)
class SinkChange:
    """Sinks that go and come; all others run on.

    Args:
        leaving: each begins, once it is closed, those that waited for it.
        further: opened, or to be opened when those before them are closed.
        then: what the run has once this is done.
    """

    leaving: tuple[Leaving, ...]
    further: tuple[Sink, ...]
    then: ConfiguredSinks


@dataclass(frozen=True, slots=True)
class ConfiguredSinks:
    """Sinks that [[sink]] tables brought into a run.

    Args:
        occasion: of the run.
        opened: each with its table.
    """

    occasion: Occasion
    opened: tuple[tuple[Any, OpenSink], ...]

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """All of them."""
        return tuple(sink for _, sink in self.opened)

    def change_to(self, setups: Sequence[SinkSetup]) -> SinkChange:
        """Open what is new, as far as nothing that goes holds it.

        Raises:
            BadInput: a sink cannot be opened; nothing has changed then.
        """
        going = list(self.opened)
        staying, coming = [], []
        for setup in setups:
            same = next((each for each in going if each[0] == setup.table), None)
            if same is None:
                coming.append(setup)
            else:
                going.remove(same)
                staying.append(same)
        held = {claim for table, _ in going for claim in _claims(table)}
        late = [s for s in coming if held & _claims(s.table)]
        at_once = [s for s in coming if s not in late]
        opened = zip((s.table for s in at_once), open_sinks(at_once, self.occasion), strict=True)
        waiting = [(s.table, self._late(s)) for s in late]
        come: tuple[tuple[Any, OpenSink], ...] = (*opened, *waiting)
        awaited = _Awaited([sink for _, sink in waiting], len(going))
        leaving = tuple(Leaving(sink, awaited.one_closed) for _, sink in going)
        then = ConfiguredSinks(self.occasion, (*staying, *come))
        return SinkChange(leaving, tuple(sink for _, sink in come), then)

    def _late(self, setup: SinkSetup) -> LateSink:
        opens = partial(setup.open, self.occasion)
        return LateSink(setup.name, opens, setup.table.queue, BackOff(setup.patience, Random()), time.time)


class _Awaited:
    """Begins sinks once all that go are closed."""

    def __init__(self, late: Sequence[LateSink], going: int) -> None:
        self._late = late
        self._left = going
        self._lock = threading.Lock()

    def one_closed(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
        for sink in self._late:
            sink.begin()


def _claims(table: Any) -> set[str]:
    """Return what two sinks cannot have at the same time: files, spools, a state at a broker."""
    claims = {f"{key} {v}" for key in ("path", "spool") if (v := getattr(table, key, None)) is not None}
    if table.kind == "mqtt":
        claims.add(f"broker {table.broker} {table.prefix}")
    return claims
