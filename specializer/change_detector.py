"""Notices that something happens more often than before, and when that began."""

from __future__ import annotations

import math

_LEAST, _MOST = 1e-3, 1.0 - 1e-3


class ChangeDetector:
    """Cumulative sums (Page, Continuous Inspection Schemes, Biometrika 1954) of yes and no.

    Args:
        before: probability of yes as long as nothing has changed.
        after: what would matter, above before.
        evidence: log likelihood ratio at which it is usually believed.
    """

    __slots__ = ("_evidence", "_no", "_since", "_sum", "_yes")

    def __init__(self, before: float, after: float, evidence: float) -> None:
        low, high = (min(max(p, _LEAST), _MOST) for p in (before, after))
        self._yes = math.log(high / low)
        self._no = math.log((1.0 - high) / (1.0 - low))
        self._evidence = evidence
        self._sum = 0.0
        self._since = 0

    @property
    def since(self) -> int:
        """How many observations ago the change began, if there was one; 0 where nothing hints at it."""
        return self._since

    @property
    def evidence(self) -> float:
        """Log likelihood ratio that speaks for a change, at least 0."""
        return self._sum

    def observe(self, yes: bool, further: float = 0.0) -> bool:
        """Take note, and tell whether a change is believed.

        Args:
            further: evidence that this takes at the moment beyond what it usually does.
        """
        self._sum = max(0.0, self._sum + (self._yes if yes else self._no))
        self._since = self._since + 1 if self._sum > 0.0 else 0
        return self._sum >= self._evidence + further
