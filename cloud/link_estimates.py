"""What is known of the way to a server, from the messages that went there and back.

The time of an exchange, less the time in the server, is taken to be

    round trip + up bytes / up bandwidth + down bytes / down bandwidth

A message that was sent while an earlier one was still on its way up had to wait behind it: of such a
one only the time since the earlier one had arrived is its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cloud.forgetting_fit import ForgettingFit, Memory

_KB = 1000.0
# Sizes that differ by less than some thirty bytes tell nothing of the bandwidth.
_PULL = (1e-6, 1e-3, 1e-3)
_LEAST_SURPRISE_S = 0.002
_SURE_SAMPLES = 10.0
_LOSS_HALF_LIFE_S = 60.0
_LOSS_MEMORY = 20.0
_QUEUE_HALF_LIFE_S = 5.0
_QUEUE_WEIGHT = 0.3
_FASTEST_BYTES_PER_S = 1e10


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message that went to the server, and the one that came back.

    Args:
        sent_s: on the device's clock; likewise received_s.
        up_bytes: of the first.
        down_bytes: of the second.
        server_s: in the server, as it says.
    """

    sent_s: float
    received_s: float
    up_bytes: int
    down_bytes: int
    server_s: float = 0.0


class LinkEstimates:
    """Learns; pure, and without a lock. Times are monotonic seconds of one clock."""

    def __init__(self) -> None:
        self._times = ForgettingFit((0.0, 0.0, 0.0), _PULL, Memory(least_surprise=_LEAST_SURPRISE_S))
        self._uploaded_s = -math.inf
        self._lost = _Share(_LOSS_HALF_LIFE_S, _LOSS_MEMORY)
        self._queue_s = 0.0
        self._queue_told_s = 0.0
        self._busy_until_s = 0.0

    @property
    def round_trip_s(self) -> float:
        """Seconds of a message of no size."""
        return self._times.coefficients[0]

    @property
    def up_bytes_per_s(self) -> float:
        """Bandwidth to the server; infinite where it is not felt or not known."""
        return _bandwidth(self._times.coefficients[1])

    @property
    def down_bytes_per_s(self) -> float:
        """Bandwidth from the server; likewise."""
        return _bandwidth(self._times.coefficients[2])

    @property
    def unsure(self) -> bool:
        """Whether little is known, as after a change."""
        return self._times.samples < _SURE_SAMPLES

    def expected_s(self, up_bytes: float, now_s: float) -> float:
        """Return the seconds from sending to receiving a small answer, without the work itself."""
        return self._times.expected((1.0, up_bytes / _KB, 0.0)) + self.queue_s(now_s)

    def exchanged(self, exchange: Exchange) -> None:
        """Learn from an exchange."""
        # When its answer would have been here from a server that takes no time.
        back_s = exchange.received_s - exchange.server_s
        up, down = exchange.up_bytes / _KB, exchange.down_bytes / _KB
        if self._uploaded_s - self.round_trip_s > exchange.sent_s:
            if back_s > self._uploaded_s:
                self._times.learn((0.0, up, 0.0), back_s - self._uploaded_s, exchange.received_s)
        else:
            self._times.learn((1.0, up, down), back_s - exchange.sent_s, exchange.received_s)
        self._uploaded_s = max(self._uploaded_s, back_s)

    def reconnected(self) -> None:
        """Begin anew on another connection: what is known still holds, but not against new evidence."""
        self._uploaded_s = -math.inf
        self._times.doubt()

    def answered(self, queue_s: float, now_s: float) -> None:
        """Note that a request was answered, and how long it had waited in the server."""
        self._lost.note(0.0, now_s)
        smoothed_s = self._smoothed_queue_s(now_s)
        self._queue_s = smoothed_s + _QUEUE_WEIGHT * (queue_s - smoothed_s)
        self._queue_told_s = now_s
        self._busy_until_s = min(self._busy_until_s, now_s)

    def lost(self, now_s: float) -> None:
        """Note that a request got no answer in time."""
        self._lost.note(1.0, now_s)

    def busy(self, retry_after_s: float, now_s: float) -> None:
        """Note that the server has no room before then."""
        self._busy_until_s = now_s + retry_after_s

    def lost_share(self, now_s: float) -> float:
        """Return the share of requests that got no answer in time, in [0, 1]."""
        return self._lost.at(now_s)

    def queue_s(self, now_s: float) -> float:
        """Return how long a request is expected to wait in the server."""
        return max(self._smoothed_queue_s(now_s), self._busy_until_s - now_s)

    def _smoothed_queue_s(self, now_s: float) -> float:
        return self._queue_s * _halved(now_s - self._queue_told_s, _QUEUE_HALF_LIFE_S)


class _Share:
    """A mean of zeros and ones that forgets; one zero counts as seen beforehand."""

    def __init__(self, half_life_s: float, samples: float) -> None:
        self._half_life_s = half_life_s
        self._keep = 1.0 - 1.0 / samples
        self._ones = self._weight = 0.0
        self._last_s = 0.0

    def note(self, value: float, now_s: float) -> None:
        keep = self._keep * _halved(now_s - self._last_s, self._half_life_s)
        self._ones = value + keep * self._ones
        self._weight = 1.0 + keep * self._weight
        self._last_s = max(now_s, self._last_s)

    def at(self, now_s: float) -> float:
        aged = _halved(now_s - self._last_s, self._half_life_s)
        return aged * self._ones / (aged * self._weight + 1.0)


def _halved(aged_s: float, half_life_s: float) -> float:
    return float(0.5 ** (max(0.0, aged_s) / half_life_s))


def _bandwidth(s_per_kb: float) -> float:
    bytes_per_s = _KB / s_per_kb if s_per_kb > 0.0 else math.inf
    return bytes_per_s if bytes_per_s < _FASTEST_BYTES_PER_S else math.inf
