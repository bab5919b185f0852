"""Pays for loads: what is loaded ahead is reserved before it begins, and all loads are charged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.energy_model import EnergyModel
from engine.ledger import Category, Ledger
from engine.reservations import Refusal, Reservation
from engine.runtime.loading import LoadFailed, PieceEvicted, PieceMemory
from engine.scheduling.problem import PieceCost


@dataclass(frozen=True, slots=True)
class Booked:
    """What happened in memory since the last look.

    Args:
        waited_j: energy of loads that somebody waited for.
        evicted: pieces that went.
        failures: loads that did not succeed.
    """

    waited_j: float = 0.0
    evicted: tuple[str, ...] = ()
    failures: tuple[LoadFailed, ...] = ()


NOTHING_BOOKED = Booked()


class LoadBooking:
    """Charges loads of one memory to one ledger, and counts them.

    Args:
        memory: loads and evicts.
        ledger: charged.
        profile: turns processor time into joules.
    """

    def __init__(self, memory: PieceMemory, ledger: Ledger, profile: EnergyModel) -> None:
        self._memory = memory
        self._ledger = ledger
        self._profile = profile
        self._held: dict[str, Reservation] = {}
        self.loads = 0
        self.evictions = 0

    def energy_j(self, pieces: frozenset[str], costs: Mapping[str, PieceCost]) -> float:
        """Return the expected energy to load what is missing of some pieces."""
        resident = self._memory.resident
        if pieces <= resident:
            return 0.0
        return math.fsum(costs[p].load_energy_j for p in pieces - resident)

    def ahead(self, pieces: Iterable[str], costs: Mapping[str, PieceCost], now: float) -> None:
        """Begin to load in the background, in order, as far as energy and memory go."""
        there = self._memory.resident | self._memory.loading
        reserved: dict[str, Reservation] = {}
        for piece in pieces:
            if piece in there or piece in reserved:
                continue
            reservation = self._ledger.reserve(costs[piece].load_energy_j, 0.0, now)
            if isinstance(reservation, Refusal):
                break
            reserved[piece] = reservation
        begun = self._memory.request(reserved) if reserved else ()
        for piece, reservation in reserved.items():
            if piece in begun:
                self._held[piece] = reservation
            else:
                self._ledger.settle(reservation, 0.0, now, category=Category.LOADING)

    def book(self, now: float) -> Booked:
        """Charge what was loaded since the last call, or what the attempt took where it failed.

        Returns:
            NOTHING_BOOKED itself where nothing happened.
        """
        events = self._memory.events()
        if not events:
            return NOTHING_BOOKED
        waited_j = 0.0
        evicted: list[str] = []
        failures: list[LoadFailed] = []
        for event in events:
            if isinstance(event, PieceEvicted):
                evicted.append(event.piece)
                continue
            energy_j = self._profile.processor_energy_j(event.busy_s)
            self._charge(event.piece, event.background, energy_j, now)
            if isinstance(event, LoadFailed):
                failures.append(event)
            else:
                self.loads += 1
                waited_j += 0.0 if event.background else energy_j
        self.evictions += len(evicted)
        return Booked(waited_j, tuple(evicted), tuple(failures))

    def finish(self, now: float) -> None:
        """Wait for loads under way and charge them."""
        self._memory.wait_for_loads()
        self.book(now)

    def _charge(self, piece: str, background: bool, energy_j: float, now: float) -> None:
        reservation = self._held.pop(piece, None) if background else None
        if reservation is None:
            self._ledger.charge(Category.LOADING, energy_j, now)
        else:
            self._ledger.settle(reservation, energy_j, now, category=Category.LOADING)
