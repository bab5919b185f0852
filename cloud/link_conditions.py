"""What a link does to what is sent over it: pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from catalog.errors import BadInput

SEGMENT_BYTES = 1460  # Ethernet's 1500, less the headers of IP and TCP
_LEAST_TIMEOUT_S = 0.2  # Linux: TCP_RTO_MIN
_LONGEST_TIMEOUT_S = 120.0  # Linux: TCP_RTO_MAX
_FOLLOWERS = 3  # duplicate acknowledgements that make a sender repeat a segment at once (RFC 5681)


class Cut(StrEnum):
    """Whether and how a link is interrupted.

    NONE: it is not. STALL: nothing gets through and nobody is told, as when a radio loses its cell;
    what was under way arrives afterwards. RESET: connections break and new ones are refused, as when
    a machine goes down.
    """

    NONE = "none"
    STALL = "stall"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class LinkConditions:
    """How a link is now.

    Args:
        delay_s: from one end to the other; half of a round trip.
        up_bytes_per_s: towards the server; 0 is as good as a stall.
        down_bytes_per_s: from it.
        loss: share of segments that are lost on their way, in [0, 1).
        cut: whether it is interrupted.

    Raises:
        BadInput: a figure that is none.
    """

    delay_s: float = 0.0
    up_bytes_per_s: float = math.inf
    down_bytes_per_s: float = math.inf
    loss: float = 0.0
    cut: Cut = Cut.NONE

    def __post_init__(self) -> None:
        if not 0.0 <= self.delay_s < math.inf:
            raise BadInput(f"link: delay_s = {self.delay_s}: expected a number of at least 0")
        if not (self.up_bytes_per_s >= 0.0 and self.down_bytes_per_s >= 0.0):
            speeds = f"{self.up_bytes_per_s} and {self.down_bytes_per_s} bytes/s"
            raise BadInput(f"link: {speeds}: expected numbers of at least 0")
        if not 0.0 <= self.loss < 1.0:
            raise BadInput(f"link: loss = {self.loss}: expected a share from 0 to below 1")


@dataclass(frozen=True, slots=True)
class Losses:
    """What losses do to some bytes that are sent together.

    Args:
        again_bytes: that are sent once more.
        late_s: by which they arrive later, and all that was sent behind them.
    """

    again_bytes: int = 0
    late_s: float = 0.0


def losses(size_bytes: int, conditions: LinkConditions, draw: Callable[[], float]) -> Losses:
    """Draw which segments are lost, and what that costs where TCP hides it.

    TCP repeats what is lost, so an application sees no loss but a delay of all that comes behind. A
    segment that is followed by three others is repeated after a round trip (RFC 5681, section 3.2); one
    at the end, as of a small request, only after a timeout, which doubles each time (RFC 6298 with
    Linux's least timeout). Not modelled: that TCP sends more slowly after a loss, so large transfers
    fare better here than outside.

    Args:
        size_bytes: of what is sent together.
        conditions: of the link.
        draw: a number in [0, 1), evenly spread.
    """
    if not conditions.loss:
        return Losses()
    round_trip_s = 2.0 * conditions.delay_s
    segments = math.ceil(size_bytes / SEGMENT_BYTES)
    again, late_s = 0, 0.0
    for segment in range(segments):
        times = 0
        while draw() < conditions.loss:
            times += 1
        again += times
        repeated_at_once = segments - segment > _FOLLOWERS
        late_s = max(late_s, _late_s(times, round_trip_s, repeated_at_once))
    return Losses(again * min(SEGMENT_BYTES, size_bytes), late_s)


def _late_s(times: int, round_trip_s: float, repeated_at_once: bool) -> float:
    late_s, timeout_s = 0.0, _LEAST_TIMEOUT_S + round_trip_s
    for i in range(times):
        if i == 0 and repeated_at_once:
            late_s += round_trip_s
            continue
        late_s += timeout_s
        timeout_s = min(2.0 * timeout_s, _LONGEST_TIMEOUT_S)
    return late_s
