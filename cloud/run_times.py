"""How long parts take, learnt by the number of windows in a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_WEIGHT_OF_LATEST = 0.1
_MOST_MARGIN = 2.0


class RunTimes:
    """Expected seconds of a node at a number of windows.

    What was never run is expected to take nothing: a first request is let in and teaches the rest.
    """

    def __init__(self) -> None:
        self._mean_s: dict[int, dict[int, float]] = {}
        self._seen: dict[tuple[int, int], int] = {}
        self._deviation = 0.0

    @property
    def margin(self) -> float:
        """How much longer than expected a batch should be taken to last: one and twice the deviation.

        The mean deviation stands for the spread as in Jacobson, Congestion Avoidance and Control,
        SIGCOMM 1988, appendix A.
        """
        return min(1.0 + 2.0 * self._deviation, _MOST_MARGIN)

    def expected_s(self, node: int, windows: int) -> float:
        """Return the seconds for a batch; of a size not seen yet, no less than what it should take.

        The next larger size bounds it from above, and so does the largest one, scaled.
        """
        known = self._mean_s.get(node)
        if not known or windows <= 0:
            return 0.0
        mean_s = known.get(windows)
        if mean_s is not None:
            return mean_s
        larger = [n for n in known if n > windows]
        if larger:
            return known[min(larger)]
        most = max(known)
        return known[most] * windows / most

    def batch_s(self, windows: Mapping[int, int]) -> float:
        """Return the expected seconds of a batch, given the number of windows at each node."""
        return sum(self.expected_s(node, n) for node, n in windows.items())

    def learn(self, ran: Iterable[tuple[int, int, float]]) -> None:
        """Note a batch that ran.

        Args:
            ran: node, windows and seconds of each.
        """
        expected_s = actual_s = 0.0
        for node, windows, seconds in ran:
            known = self._mean_s.setdefault(node, {})
            seen = self._seen[node, windows] = self._seen.get((node, windows), 0) + 1
            before_s = known.get(windows, seconds)
            known[windows] = before_s + max(_WEIGHT_OF_LATEST, 1.0 / seen) * (seconds - before_s)
            if seen > 1:
                expected_s += before_s
                actual_s += seconds
        if expected_s > 0.0:
            off = abs(actual_s / expected_s - 1.0)
            self._deviation += _WEIGHT_OF_LATEST * (off - self._deviation)
