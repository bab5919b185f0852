"""Follows a planned mix window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.scheduling.configurations import Configuration
from engine.scheduling.kinds import Kind
from engine.scheduling.policy import Choice

_LEAST_SHARE = 1e-6


class PreparedChoice:
    """A configuration made ready to be given as an answer again and again.

    Args:
        configuration: what runs.
        choice: the same as a policy's answer, with reasons for the apps that it does not serve.
    """

    __slots__ = (
        "_ready_with",
        "choice",
        "configuration",
        "needs_cloud",
        "patience_s",
        "pieces",
        "worst_energy_j",
        "worst_usd",
    )

    def __init__(self, configuration: Configuration, choice: Choice) -> None:
        self.configuration = configuration
        self.choice = choice
        self.pieces = configuration.pieces
        self.worst_energy_j = configuration.worst_energy_j
        self.worst_usd = configuration.worst_usd
        self.patience_s = configuration.patience_s
        self.needs_cloud = any(o.needs_cloud for o in configuration.options.values())
        self._ready_with: frozenset[str] | None = None

    def is_ready(self, resident: frozenset[str]) -> bool:
        """Tell whether all that it needs is resident; what was resident last time is not looked at again."""
        if resident is self._ready_with:
            return True
        if not self.pieces <= resident:
            return False
        self._ready_with = resident
        return True


class MixFollower:
    """Gives each window of a kind the configuration that lags furthest behind its share.

    Args:
        kind: of the windows.
        least_s: by app with a least rate, the longest time between two answers.
    """

    __slots__ = (
        "_choices",
        "_credits",
        "_shares",
        "_single",
        "instead",
        "is_stale",
        "kind",
        "least_s",
        "windows",
    )

    def __init__(self, kind: Kind, least_s: Mapping[str, float]) -> None:
        self.kind = kind
        self.least_s = least_s
        self.is_stale = False  # whether there is another plan than the one that it follows
        self.windows = 0  # that came since somebody last took the counts
        self.instead: dict[object, PreparedChoice] = {}
        self._choices: list[PreparedChoice] = []
        self._shares: list[float] = []
        self._credits: list[float] = []
        self._single: PreparedChoice | None = None

    def follow(self, choices: Sequence[PreparedChoice], shares: Sequence[float]) -> None:
        """Follow another mix; its shares add up to 1. What lags behind of the old one is forgiven."""
        kept = [(c, s) for c, s in zip(choices, shares, strict=True) if s > _LEAST_SHARE]
        before = dict(zip([id(c.configuration) for c in self._choices], self._credits, strict=True))
        self._choices = [c for c, _ in kept]
        self._shares = [s for _, s in kept]
        self._credits = [before.get(id(c.configuration), 0.0) for c in self._choices]
        self._single = self._choices[0] if len(kept) == 1 else None
        self.instead.clear()
        self.is_stale = False

    def next(self) -> PreparedChoice:
        """Return what the next window gets."""
        if self._single is not None:
            return self._single
        credits = self._credits
        top, most = 0, -1e300
        for i, share in enumerate(self._shares):
            credit = credits[i] + share
            credits[i] = credit
            if credit > most:
                top, most = i, credit
        credits[top] = most - 1.0
        return self._choices[top]

    def take_windows(self) -> int:
        """Return how many windows came since the last call, those that nobody took in time included."""
        count, self.windows = self.windows, 0
        return count
