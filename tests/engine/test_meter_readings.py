"""Readings made when asked and ahead: the same answers, and no failure is hidden."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from catalog.errors import MeterFailed
from engine.meter_readings import MeterReadings, ReadingsAhead, ReadingsOnDemand
from engine.processor_use import ProcessorUse

TIMEOUT_S = 60.0


class Counting:
    """A meter that counts a joule a reading, or cannot be read, and tells when it was."""

    origin = "measured"

    def __init__(self) -> None:
        self.count_j = 0.0
        self.broken = False
        self.was_read = threading.Event()

    def read_j(self) -> float:
        try:
            if self.broken:
                raise MeterFailed("the counter has gone")
            self.count_j += 1.0
            return self.count_j
        finally:
            self.was_read.set()


@pytest.fixture
def meter() -> Counting:
    return Counting()


@pytest.fixture(params=["on demand", "ahead"])
def readings(request: pytest.FixtureRequest, meter: Counting) -> Iterator[MeterReadings]:
    on_demand = ReadingsOnDemand(meter, lambda: ProcessorUse(2.0, 1.0), lambda: 7.0)
    made: MeterReadings = on_demand if request.param == "on demand" else ReadingsAhead(on_demand, 3600.0)
    yield made
    made.close()


def test_a_fresh_reading_holds_all_that_is_to_be_known_of_the_moment(readings: MeterReadings) -> None:
    reading = readings.fresh()
    assert (reading.at_s, reading.counted_j, reading.use) == (7.0, 1.0, ProcessorUse(2.0, 1.0))


def test_the_latest_reading_is_no_older_than_the_last_fresh_one(readings: MeterReadings) -> None:
    fresh = readings.fresh()
    latest = readings.latest()
    assert latest is not None and latest.counted_j >= fresh.counted_j


def test_a_failure_is_told_until_a_reading_works(readings: MeterReadings, meter: Counting) -> None:
    meter.broken = True
    with pytest.raises(MeterFailed, match="the counter has gone"):
        readings.fresh()
    with pytest.raises(MeterFailed, match="the counter has gone"):
        readings.latest()
    meter.broken = False
    readings.fresh()
    assert readings.latest() is not None


def test_ahead_somebody_else_reads_and_asking_does_not(meter: Counting) -> None:
    ahead = ReadingsAhead(ReadingsOnDemand(meter, lambda: ProcessorUse(0.0, 0.0)), 0.001)
    assert ahead.latest() is None
    ahead.fresh()
    meter.was_read.clear()
    assert meter.was_read.wait(TIMEOUT_S)
    ahead.close()
    for reader in (t for t in threading.enumerate() if t.name == "energy-meter"):
        reader.join(TIMEOUT_S)
    latest = ahead.latest()
    assert latest is not None and latest.counted_j == meter.count_j
