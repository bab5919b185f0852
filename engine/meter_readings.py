"""Readings of a meter together with the processor's use, made when asked or on a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from catalog.errors import MeterFailed
from catalog.meters.protocol import Meter
from engine.processor_use import ProcessorUse, read_processor_use


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a meter and the kernel had counted at one moment.

    Args:
        at_s: on the wall clock, monotonic.
        counted_j: by the meter, from a start of its own.
        use: processor time.
    """

    at_s: float
    counted_j: float
    use: ProcessorUse


class MeterReadings(Protocol):
    """Gives readings of one meter."""

    def latest(self) -> MeterReading | None:
        """Return the newest reading, without waiting for one; None before the first.

        Raises:
            MeterFailed: the newest attempt failed.
        """

    def fresh(self) -> MeterReading:
        """Make a reading now; may take as long as the meter does.

        Raises:
            MeterFailed: the meter cannot tell.
        """

    def close(self) -> None:
        """Make no more readings."""


class ReadingsOnDemand:
    """Reads when it is asked.

    Args:
        meter: is read.
        use: tells the processor's use.
        clock: the wall clock, monotonic.
    """

    def __init__(
        self,
        meter: Meter,
        use: Callable[[], ProcessorUse] = read_processor_use,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter = meter
        self._use = use
        self._clock = clock

    def latest(self) -> MeterReading | None:
        """Make a reading; see MeterReadings."""
        return self.fresh()

    def fresh(self) -> MeterReading:
        """Make a reading; see MeterReadings."""
        counted_j = self._meter.read_j()
        return MeterReading(self._clock(), counted_j, self._use())

    def close(self) -> None:
        """Nothing is open."""


class ReadingsAhead:
    """Reads regularly on a thread of its own: asking a gauge or the firmware may take tens of milliseconds.

    The thread begins with the first fresh reading, so that a run that needs none has none.

    Args:
        readings: how to read; used by one thread at a time.
        every_s: pause between two.
    """

    def __init__(self, readings: ReadingsOnDemand, every_s: float) -> None:
        self._readings = readings
        self._every_s = every_s
        self._one = threading.Lock()
        self._latest: MeterReading | MeterFailed | None = None
        self._begun = False
        self._closed = threading.Event()

    def latest(self) -> MeterReading | None:
        """Return the newest reading; see MeterReadings."""
        latest = self._latest
        if isinstance(latest, MeterFailed):
            raise MeterFailed(str(latest)) from latest
        return latest

    def fresh(self) -> MeterReading:
        """Make a reading; see MeterReadings."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._work, name="energy-meter", daemon=True).start()
        return self._read()

    def _read(self) -> MeterReading:
        with self._one:
            try:
                reading = self._readings.fresh()
            except MeterFailed as e:
                self._latest = e
                raise
            self._latest = reading
        return reading

    def close(self) -> None:
        """End the thread; a reading under way is not waited for."""
        self._closed.set()

    def _work(self) -> None:
        while not self._closed.wait(self._every_s):
            try:
                self._read()
            except MeterFailed:
                continue  # told by latest()
