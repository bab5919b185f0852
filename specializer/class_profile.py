"""Which classes an app has been seeing lately: an exact profile over a sliding window."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable


class ClassProfile:
    """Counts the classes of the latest requests; constant time a request.

    The window holds the last most_requests requests, as far as they are at most window_s old. MCDNN
    (MobiSys 2016) takes five minutes; a stream is (n, p)-dominated when its n most frequent classes
    hold at least a share p.

    Args:
        most_requests: inf for a window of seconds alone.
        window_s: inf for a window of requests alone.

    Raises:
        ValueError: a window that is empty or that would grow without end.
    """

    def __init__(self, most_requests: float = math.inf, window_s: float = math.inf) -> None:
        if not (most_requests >= 1 and window_s > 0.0 and min(most_requests, window_s) < math.inf):
            raise ValueError(
                f"window of {most_requests} requests and {window_s} s: expected one of them limited"
            )
        self._most_requests = most_requests
        self._window_s = window_s
        self._latest: deque[tuple[float, int]] = deque()
        self._counts: Counter[int] = Counter()

    @property
    def requests(self) -> int:
        """How many requests the window holds."""
        return len(self._latest)

    def observe(self, class_id: int, now: float) -> None:
        """Note a request and let go of those that left the window; now must not run backwards."""
        self._latest.append((now, class_id))
        self._counts[class_id] += 1
        while len(self._latest) > self._most_requests:
            self._forget_oldest()
        self.advance(now)

    def advance(self, now: float) -> None:
        """Let go of requests that are more than window_s old."""
        while self._latest and now - self._latest[0][0] > self._window_s:
            self._forget_oldest()

    def share(self, classes: Iterable[int]) -> float:
        """Return the share of the window's requests that were of these classes; 0 of an empty one."""
        if not self._latest:
            return 0.0
        return sum(self._counts[c] for c in set(classes)) / len(self._latest)

    def dominant(self, share: float) -> tuple[int, ...]:
        """Return the fewest classes that hold at least a share, most frequent first.

        Of classes that are equally frequent the smaller id comes first. Empty where nothing was seen.
        """
        needed = share * len(self._latest)
        found: list[int] = []
        held = 0
        for class_id, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0])):
            if held >= needed:
                break
            found.append(class_id)
            held += count
        return tuple(found)

    def is_dominated(self, classes: int, share: float) -> bool:
        """Tell whether the stream is (classes, share)-dominated."""
        return 0 < len(self.dominant(share)) <= classes

    def _forget_oldest(self) -> None:
        _, class_id = self._latest.popleft()
        self._counts[class_id] -= 1
        if self._counts[class_id] == 0:
            del self._counts[class_id]
