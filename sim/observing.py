"""What may be watched while a day is simulated, and the observer that watches nothing.

Times are those at which the window in question was captured, which may be earlier than the last
one told: an answer from the cloud comes after windows that were captured later.
"""

from __future__ import annotations

from typing import Protocol

from engine.ledger import Category, Left
from engine.scheduling.problem import Option, Place


class Observer(Protocol):
    """Is told what happens at one device."""

    def served(self, t_s: float, option: Option, place: Place, right: float, latency_s: float) -> None:
        """Note an answer in time.

        Args:
            t_s: when its window was captured.
            option: what answered.
            place: where the answer came from: an option may go on to the cloud only when unsure.
            right: expected share of right answers, in [0, 1].
            latency_s: from capture to answer.
        """

    def unserved(self, t_s: float, app: str, reason: str) -> None:
        """Note a request without an answer, or with one that came too late."""

    def spent(self, t_s: float, category: Category, energy_j: float, cost_usd: float) -> None:
        """Note what was charged."""

    def moved(self, t_s: float, piece: str, resident: bool) -> None:
        """Note a piece that came into memory at a moment, or left it."""

    def left(self, t_s: float, left: Left) -> None:
        """Note what is left of the budgets before a window is looked at."""


class Unobserved:
    """Watches nothing."""

    def served(self, t_s: float, option: Option, place: Place, right: float, latency_s: float) -> None:
        """Do nothing."""

    def unserved(self, t_s: float, app: str, reason: str) -> None:
        """Do nothing."""

    def spent(self, t_s: float, category: Category, energy_j: float, cost_usd: float) -> None:
        """Do nothing."""

    def moved(self, t_s: float, piece: str, resident: bool) -> None:
        """Do nothing."""

    def left(self, t_s: float, left: Left) -> None:
        """Do nothing."""
