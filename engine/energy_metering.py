"""Keeps a ledger in what a meter counts: readings take the place of what the model charged meanwhile.

A meter counts the whole device, or the whole processor, and only in steps; requests take milliseconds.
So requests are charged by the model as they happen. At intervals of a second or more the charges are
replaced by what the meter counted in the same time, divided among them in proportion; what it counted
beyond them is base load. So the figures that are labelled measured add up to what the meter counted,
no more and no less, and how they are divided is the model's.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Protocol

from catalog.errors import MeterFailed
from catalog.meters.protocol import Sight
from engine.energy_model import Correction
from engine.ledger import Category, Ledger
from engine.meter_figures import NO_METER, MeterFigures
from engine.meter_readings import MeterReading, MeterReadings
from engine.power_fit import PowerFit

_log = logging.getLogger(__name__)

_INTERVAL_S = 1.0
_LONGEST_S = 60.0  # for which a counter may stand still while work is charged
_PRIOR_S = 30.0  # for which the expected base load counts as if it had been observed
_MEMORY_S = 600.0
_MOST_W = 20_000.0  # more is no power of a device, but a counter that began anew
_SAID_EVERY_S = 600.0
_RADIO = frozenset({Category.RADIO, Category.LINK})


class Metering(Protocol):
    """Books what a meter counts; used by the engine's thread."""

    @property
    def figures(self) -> MeterFigures:
        """What the meter has told so far."""

    def attend(self, now: float) -> None:
        """Book a reading if one is due; now is on the source's clock."""

    def finish(self, now: float) -> None:
        """Book what was counted up to the end."""

    def pay(self, own_share: bool) -> None:
        """Pay from now on only what this program took, or all that is counted."""


class NotMetered:
    """No meter: everything stays modelled."""

    figures = NO_METER

    def attend(self, now: float) -> None:
        """Nothing to book."""

    def finish(self, now: float) -> None:
        """Nothing to book."""

    def pay(self, own_share: bool) -> None:
        """Nothing to pay."""


NOT_METERED = NotMetered()


class EnergyMetering:
    """Stands behind one ledger with one meter.

    Args:
        name: of the meter.
        sight: what it sees.
        readings: of it.
        ledger: whose charges are replaced.
        fit: learns the power of a busy core.
        correction: told by how much the model is off.
        metered_w: base load that the meter is expected to see.
        beside_w: base load that it does not see.
        own_share: whether what other programs' processor time took is left out of the ledger.
    """

    def __init__(
        self,
        name: str,
        sight: Sight,
        readings: MeterReadings,
        ledger: Ledger,
        fit: PowerFit,
        correction: Correction,
        metered_w: float,
        beside_w: float,
        own_share: bool = False,
    ) -> None:
        self._readings = readings
        self._ledger = ledger
        self._fit = fit
        self._correction = correction
        self._beside_w = beside_w
        self._own_share = own_share
        self._seen = frozenset(Category) - {Category.BASE_LOAD} - (frozenset() if sight.radio else _RADIO)
        self._rest = _SmoothedPower(metered_w)
        self._last: MeterReading | None = None
        self._newest_s = -math.inf
        self._booked_s = 0.0
        self._next_s = -math.inf
        self._said_s = -math.inf
        self._begun = False
        self._figures = MeterFigures(name, sight.what)

    @property
    def figures(self) -> MeterFigures:
        """What the meter has told so far."""
        return self._figures

    def attend(self, now: float) -> None:
        """Book a reading if a second has passed; see Metering."""
        if now < self._next_s:
            return
        self._next_s = now + _INTERVAL_S
        self._book(self._readings.latest if self._begun else self._readings.fresh, now)
        self._begun = True

    def finish(self, now: float) -> None:
        """Book what was counted up to now; see Metering."""
        if self._begun:
            self._book(self._readings.fresh, now, at_once=True)

    def pay(self, own_share: bool) -> None:
        """Pay from the next reading on only what this program took, or all; see Metering."""
        self._own_share = own_share

    def _book(self, read: Callable[[], MeterReading | None], now: float, at_once: bool = False) -> None:
        try:
            reading = read()
            if reading is None:
                return
            is_new = reading.at_s > self._newest_s
            self._newest_s = reading.at_s
            if not is_new:
                self._wait(now)
            last = self._last
            if last is None and is_new:
                self._begin(reading, now)
            elif last is not None and reading.at_s > last.at_s:
                self._step(last, reading, now, at_once)
        except MeterFailed as e:
            self._give_up(str(e), now)

    def _wait(self, now: float) -> None:
        """Have patience with a meter that gives no new reading, but no more than a minute."""
        if self._last is not None and now - self._booked_s > _LONGEST_S:
            raise MeterFailed(f"no reading for {now - self._booked_s:.0f} s")

    def _begin(self, reading: MeterReading, now: float) -> None:
        """Count from a reading on: what came before stays modelled."""
        self._ledger.begin_readings(self._seen, now)
        self._last, self._booked_s = reading, now
        self._figures = self._figures.counting(now)

    def _step(self, last: MeterReading, reading: MeterReading, now: float, at_once: bool) -> None:
        span_s, counted_j = reading.at_s - last.at_s, reading.counted_j - last.counted_j
        if not 0.0 <= counted_j <= _MOST_W * span_s:
            raise MeterFailed(f"it counted {counted_j:.6g} J in {span_s:.3g} s")
        others_j = self._others_j(last, reading, counted_j)
        ours_j = counted_j - others_j if self._own_share else counted_j
        charged_j = self._ledger.unsettled_j()
        if ours_j < charged_j and span_s < _LONGEST_S and not at_once:
            return  # a counter that moves in large steps has not moved yet
        self._last, self._booked_s = reading, now
        self._fit.add(reading.use.machine_s - last.use.machine_s, counted_j, span_s)
        self._correction.learnt = self._fit.factor
        self._rest.add(max(0.0, ours_j - charged_j), span_s)
        self._ledger.book_reading(ours_j, now, self._beside_w, self._rest.power_w + self._beside_w)
        self._figures = self._figures.counted(counted_j, others_j, self._correction.learnt)

    def _others_j(self, last: MeterReading, reading: MeterReading, counted_j: float) -> float:
        """Return what other programs' processor time took, as far as the meter counted so much."""
        own_s = max(0.0, reading.use.own_s - last.use.own_s)
        others_s = max(0.0, reading.use.machine_s - last.use.machine_s - own_s)
        return min(counted_j, self._fit.core_w * others_s)

    def _give_up(self, why: str, now: float) -> None:
        """Leave it to the model until the meter can be read again."""
        if self._last is None and self._figures.trouble:
            return
        self._last = None
        self._ledger.end_readings(now)
        self._figures = self._figures.failed(why, now)
        if now - self._said_s >= _SAID_EVERY_S:
            self._said_s = now
            _log.warning("meter %s: from %.1f s on energy is modelled: %s", self._figures.meter, now, why)


class _SmoothedPower:
    """A mean power of about the last ten minutes, in which what was expected fades."""

    def __init__(self, expected_w: float) -> None:
        self._energy_j = expected_w * _PRIOR_S
        self._span_s = _PRIOR_S

    def add(self, energy_j: float, span_s: float) -> None:
        fading = math.exp(-span_s / _MEMORY_S)
        self._energy_j = self._energy_j * fading + energy_j
        self._span_s = self._span_s * fading + span_s

    @property
    def power_w(self) -> float:
        return self._energy_j / self._span_s
