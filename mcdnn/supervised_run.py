"""A run under a service manager: what it is told from the beginning to the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from engine.snapshot import Snapshot
from mcdnn.life_signs import LifeSigns
from mcdnn.quantities import energy, share
from mcdnn.service_manager import Supervision, begin_reload


class Followed(Protocol):
    """A run as it goes; engine.summary.Summary."""

    @property
    def latest(self) -> Snapshot:
        """How it stands; asked by any thread."""


class SupervisedRun:
    """Tells a manager that a run is ready, lives, reads its configuration again, and ends.

    Args:
        supervision: who is told.
        silent_s: how long ago the loop of the run came round.
    """

    def __init__(self, supervision: Supervision, silent_s: Callable[[], float | None]) -> None:
        self._manager = supervision.manager
        self._summary: Followed | None = None
        self._signs = LifeSigns(supervision, silent_s, self._status)

    def __enter__(self) -> SupervisedRun:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._signs.end()
        self.stopping()

    def begin(self, summary: Followed) -> None:
        """Tell that the run has begun."""
        self._summary = summary
        self._signs.begin()

    def reloading(self) -> None:
        """Tell that the configuration is being read again."""
        begin_reload(self._manager)

    def reloaded(self) -> None:
        """Tell that this is done, whether the new configuration was taken or not."""
        self._manager.tell("READY=1", f"STATUS={self._status()}")

    def stopping(self) -> None:
        """Tell that the run ends; from here on no signs of life are expected."""
        self._manager.tell("STOPPING=1")

    def _status(self) -> str:
        return "" if self._summary is None else status_line(self._summary.latest)


def status_line(snapshot: Snapshot) -> str:
    """Say in one line how a run stands: apps, sources that give nothing, what is left, until when."""
    if not snapshot.frames:
        return "no frame yet"
    standing = snapshot.standing
    words = [f"{len(snapshot.apps)} apps, {share(snapshot.served_share)} of {snapshot.requests} served"]
    silent = [s.source for s in standing.sources if s.report.trouble]
    if silent:
        words.append(f"nothing from {', '.join(silent)}")
    if math.isfinite(standing.budget.energy_j):
        words.append(f"{energy(standing.budget.energy_left_j)} left, renewed {standing.budget.renewal}")
    return "; ".join(words)
