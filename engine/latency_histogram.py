"""Latencies counted in a fixed number of buckets: any percentile to within 1 %, memory flat."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate

_RATIO = 1.02  # between two bucket edges: a bucket's middle is within 1 % of all that is in it
_LEAST_S = 1e-6
_MOST_S = 1e4
_PER_E = 1.0 / math.log(_RATIO)
_BUCKETS = math.ceil(math.log(_MOST_S / _LEAST_S) * _PER_E) + 1
_MIDDLE = math.sqrt(_RATIO)


class LatencyHistogram:
    """Counts latencies between a microsecond and about three hours; what lies outside is put at the end."""

    __slots__ = ("_counts", "_sum_s", "count", "most_s")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._sum_s = 0.0
        self.count = 0
        self.most_s = 0.0

    def add(self, latency_s: float) -> None:
        """Count one latency."""
        bucket = int(math.log(latency_s / _LEAST_S) * _PER_E) if latency_s > _LEAST_S else 0
        self._counts[bucket if bucket < _BUCKETS else _BUCKETS - 1] += 1
        self._sum_s += latency_s
        self.count += 1
        if latency_s > self.most_s:
            self.most_s = latency_s

    @property
    def mean_s(self) -> float | None:
        """Exact mean, or None without any."""
        return self._sum_s / self.count if self.count else None

    def percentile_s(self, share: float) -> float | None:
        """Return a latency that a share in (0, 1] of all does not exceed, or None without any."""
        if not self.count:
            return None
        bucket = bisect_left(list(accumulate(self._counts)), share * self.count)
        return min(_LEAST_S * _RATIO**bucket * _MIDDLE, self.most_s)
