"""Whether a run is well, for supervisors and balancers: told to anybody, so it names nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.snapshot import Snapshot

STALLED_S = 10.0


class Status(StrEnum):
    """How a run is doing."""

    STARTING = "starting"
    RUNNING = "running"
    STALLED = "stalled"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Health:
    """What /healthz tells.

    Args:
        status: of the loop.
        wrong: what does not work while it runs.
    """

    status: Status
    wrong: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether the loop makes progress, whatever else is wrong."""
        return self.status is Status.RUNNING


def health_of(has_begun: bool, silent_s: float | None, snapshot: Snapshot) -> Health:
    """Judge a run.

    Args:
        has_begun: whether there was one yet.
        silent_s: how long ago its loop came round; None if it is over.
        snapshot: its latest.
    """
    if not has_begun:
        return Health(Status.STARTING)
    if silent_s is None:
        return Health(Status.ENDED)
    if silent_s > STALLED_S:
        return Health(Status.STALLED, ("the loop stands still",))
    return Health(Status.RUNNING, _wrong(snapshot))


def _wrong(snapshot: Snapshot) -> tuple[str, ...]:
    standing = snapshot.standing
    found = {
        "a source gives no frames": any(s.report.trouble for s in standing.sources),
        "the energy budget is gone": standing.budget.energy_left_j <= 0.0,
        "the cloud budget is gone": standing.budget.cost_left_usd <= 0.0 < standing.budget.cost_usd,
        "a sink delivers nothing": any(s.trouble for s in standing.sinks),
    }
    return tuple(what for what, holds in found.items() if holds)
