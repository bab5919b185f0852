"""What became of the results that one sink was given: every one is in exactly one place."""

from __future__ import annotations

from collections import Counter
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


def joined(past: SinkFigures, now: SinkFigures) -> SinkFigures:
    """Return the figures of a sink and of the one that took its place, as of one.

    What the first one left in a spool and the second one found there was never away.
    """
    handed_on = min(past.spooled, now.recovered)
    return SinkFigures(
        now.sink,
        past.accepted + now.accepted,
        past.delivered + now.delivered,
        Counter(past.dropped) + Counter(now.dropped),
        past.waiting + now.waiting,
        past.spooled + now.spooled - handed_on,
        past.recovered + now.recovered - handed_on,
        past.frames_dropped + now.frames_dropped,
        past.retries + now.retries,
        now.trouble,
    )
