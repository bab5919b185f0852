"""Notices that a battery was charged, so that a budget "until charged" begins anew; off the hot path."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from catalog.errors import MeterFailed
from catalog.meters.battery import BatteryReading, BatteryStatus

_log = logging.getLogger(__name__)

_FULL = 0.95
_NOT_FULL = 0.90
_DOCKED_EVERY_S = 3600.0


class Gauge(Protocol):
    """Says how a battery stands; catalog.meters.battery.BatteryGauge."""

    def read(self) -> BatteryReading:
        """Return it.

        Raises:
            MeterFailed: it cannot be asked now.
        """


class ChargeLatch:
    """Tells when a battery counts as charged anew.

    It is full from 95 % on, or when it says so, on the mains; and no longer once it has fallen to 90 %,
    so that a gauge that wavers is not charged again and again. It counts as charged anew when it
    becomes full, when a full one is unplugged (what was spent in the dock came from the mains), and
    every hour that it stays full in the dock. Unplugged before it is full, it does not.
    """

    def __init__(self) -> None:
        self._full = False
        self._docked: bool | None = None  # not known before the first look
        self._renewed_s = 0.0

    def charged_anew(self, reading: BatteryReading, now_s: float) -> bool:
        """Follow a reading; the first one only tells how things stand, for a run begins with its budget."""
        before, was_full = self._docked, self._full
        self._docked = reading.status is not BatteryStatus.DISCHARGING
        self._full = self._is_full(reading)
        anew = before is not None and self._full and self._is_due(before, was_full, now_s)
        if anew or before is None:
            self._renewed_s = now_s
        return anew

    def _is_full(self, reading: BatteryReading) -> bool:
        if reading.status is BatteryStatus.FULL:
            return True
        if reading.charged is None:  # it says only when it is full: unplugged, it was until the next look
            return self._full and reading.status is not BatteryStatus.CHARGING
        if self._full:
            return reading.charged > _NOT_FULL
        return reading.status is not BatteryStatus.DISCHARGING and reading.charged >= _FULL

    def _is_due(self, was_docked: bool, was_full: bool, now_s: float) -> bool:
        unplugged = was_docked and not self._docked
        stays = bool(self._docked) and now_s - self._renewed_s >= _DOCKED_EVERY_S
        return not was_full or unplugged or stays


class BatteryWatch:
    """Asks a gauge now and then, on a thread of its own.

    Args:
        gauge: of the battery; used by one thread at a time.
        charged: called on that thread when the battery was charged.
        every_s: pause between two looks.
        clock: monotonic.
    """

    def __init__(
        self,
        gauge: Gauge,
        charged: Callable[[], None],
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gauge = gauge
        self._charged = charged
        self._every_s = every_s
        self._clock = clock
        self._latch = ChargeLatch()
        self._silent = False
        self._closed = threading.Event()
        self.look()
        threading.Thread(target=self._work, name="battery-watch", daemon=True).start()

    def look(self) -> None:
        """Ask once."""
        try:
            reading = self._gauge.read()
        except MeterFailed as e:
            if not self._silent:
                _log.warning("the battery cannot be asked, so that it renews no budget: %s", e)
            self._silent = True
            return
        self._silent = False
        if self._latch.charged_anew(reading, self._clock()):
            self._charged()
            _log.info("the battery is charged: the budget begins anew")

    def close(self) -> None:
        """End the thread; a look under way is not waited for."""
        self._closed.set()

    def _work(self) -> None:
        while not self._closed.wait(self._every_s):
            self.look()
