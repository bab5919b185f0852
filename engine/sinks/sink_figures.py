"""What became of the results that one sink was given: every one is in exactly one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TOO_SLOW = "the sink was too slow"
SINK_FAILED = "the sink had failed"


@dataclass(frozen=True, slots=True)
class SinkFigures:
    """One sink so far, in results: accepted + recovered = delivered + dropped + waiting + spooled.

    Args:
        sink: how it calls itself.
        accepted: given to it by this run.
        recovered: found in its spool, left there by an earlier run.
        delivered: written, or taken by the system that they were sent to.
        dropped: by reason.
        waiting: in memory.
        spooled: on disk, to be delivered.
        frames_dropped: frames that it never saw, because it was too slow.
        retries: attempts to deliver that failed and were or will be made again.
        trouble: why nothing is delivered just now; "" where all is well.
    """

    sink: str
    accepted: int = 0
    delivered: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    spooled: int = 0
    recovered: int = 0
    frames_dropped: int = 0
    retries: int = 0
    trouble: str = ""

    @property
    def all_dropped(self) -> int:
        """Results dropped for whatever reason."""
        return sum(self.dropped.values())
