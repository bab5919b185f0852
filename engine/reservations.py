"""What is held of a budget for work that is about to run, until it is settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple


class Reservation(NamedTuple):
    """Energy and money held for something that is about to run.

    A named tuple, because one is made for every request.
    """

    number: int
    energy_j: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was reserved.

    Args:
        reason: which budget is too small, for a result line.
    """

    reason: str


# Half the time of Reservation().
_new_reservation: Callable[[tuple[int, float, float]], Reservation] = partial(tuple.__new__, Reservation)


class Reservations:
    """Knows what is held, one by one and in all; whether there is so much to hold is its owner's matter.

    Attributes:
        energy_j: held in all.
        cost_usd: likewise.
    """

    __slots__ = ("_held", "_next_number", "cost_usd", "energy_j")

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._next_number = 0
        self.energy_j = self.cost_usd = 0.0

    def hold(self, energy_j: float, cost_usd: float) -> Reservation:
        """Hold so much until it is let go of."""
        number = self._next_number
        self._next_number = number + 1
        self._held.add(number)
        self.energy_j += energy_j
        self.cost_usd += cost_usd
        return _new_reservation((number, energy_j, cost_usd))

    def let_go(self, reservation: Reservation) -> None:
        """Hold it no longer.

        Raises:
            KeyError: it is not held any more.
        """
        self._held.remove(reservation.number)
        if self._held:
            self.energy_j -= reservation.energy_j
            self.cost_usd -= reservation.cost_usd
        else:
            self.energy_j = self.cost_usd = 0.0  # no rounding error is left behind
