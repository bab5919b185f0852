"""Budget periods: how long a budget must last and when it is granted anew.

Times are seconds on the engine's clock. A period that follows the time of day is told the wall
clock's reading at second 0 when it is made, so nothing here reads a clock.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from catalog.errors import BadInput

CHARGE = "charge"
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_RESET_AT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SHORTEST_S = 1.0
_EXPECTED_CHARGE_S = 36_000.0  # ten hours: the day of MCDNN (MobiSys 2016), section 5


class Period(Protocol):
    """When a budget that was granted at one moment is granted anew."""

    def end_s(self, start_s: float) -> float:
        """Return when a period that starts at start_s ends; inf where only an event ends it."""

    def expected_s(self, start_s: float) -> float:
        """Return how long a period that starts at start_s must be expected to last; always finite."""


@dataclass(frozen=True, slots=True)
class FixedPeriod:
    """Periods of one length, one after the other.

    Raises:
        BadInput: a length below a second.
    """

    length_s: float

    def __post_init__(self) -> None:
        if not _SHORTEST_S <= self.length_s < math.inf:
            raise BadInput(f"budget.period = {self.length_s} s: expected at least {_SHORTEST_S:.0f} s")

    def end_s(self, start_s: float) -> float:
        """Return start_s and one length."""
        return start_s + self.length_s

    def expected_s(self, start_s: float) -> float:  # noqa: ARG002 - the same whenever it starts
        """Return the length."""
        return self.length_s


@dataclass(frozen=True, slots=True)
class CalendarPeriod(ABC):
    """From one reset by the calendar to the next; the first period may be shorter.

    Args:
        reset_at: time of day on the wall clock.
        origin: the wall clock at second 0 of the engine's clock. With a time zone, a day on which
            the clock is changed lasts 23 or 25 hours.
    """

    reset_at: time
    origin: datetime

    @abstractmethod
    def _next_date(self, day: date) -> date:
        """Return the date of the first reset after that day."""

    @abstractmethod
    def _resets_on(self, day: date) -> bool:
        """Tell whether there is a reset on that day."""

    def end_s(self, start_s: float) -> float:
        """Return the first moment of a reset after start_s."""
        moment = self._wall_clock(start_s)
        reset = self._at(moment.date(), moment)
        if not self._resets_on(moment.date()) or _absolute(reset) <= _absolute(moment):
            reset = self._at(self._next_date(moment.date()), moment)
        return (_absolute(reset) - _absolute(self.origin)).total_seconds()

    def expected_s(self, start_s: float) -> float:
        """Return what is left until the reset at start_s."""
        return self.end_s(start_s) - start_s

    def _at(self, day: date, moment: datetime) -> datetime:
        return datetime.combine(day, self.reset_at, tzinfo=moment.tzinfo)

    def _wall_clock(self, now_s: float) -> datetime:
        moment = _absolute(self.origin) + timedelta(seconds=now_s)
        return moment if self.origin.tzinfo is None else moment.astimezone(self.origin.tzinfo)


class DailyPeriod(CalendarPeriod):
    """From one time of day to the same time of the next day."""

    __slots__ = ()

    def _next_date(self, day: date) -> date:
        return day + timedelta(days=1)

    def _resets_on(self, day: date) -> bool:  # noqa: ARG002 - on every day
        return True


class MonthlyPeriod(CalendarPeriod):
    """From the first day of a month, at a time of day, to that of the next."""

    __slots__ = ()

    def _next_date(self, day: date) -> date:
        return (day.replace(day=1) + timedelta(days=31)).replace(day=1)

    def _resets_on(self, day: date) -> bool:
        return day.day == 1


@dataclass(frozen=True, slots=True)
class ChargePeriod:
    """From one charge of the battery to the next, whenever that is.

    Args:
        length_s: how long a charge is expected to last, for pacing and the base load.
    """

    length_s: float = _EXPECTED_CHARGE_S

    def end_s(self, start_s: float) -> float:  # noqa: ARG002 - no moment is known beforehand
        """Return inf: only the battery ends it."""
        return math.inf

    def expected_s(self, start_s: float) -> float:  # noqa: ARG002 - the same whenever it starts
        """Return the expected length."""
        return self.length_s


def _absolute(moment: datetime) -> datetime:
    """Return a moment on a scale without jumps: UTC, or as it is where no time zone is given."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


def parse_duration_s(text: str, where: str = "duration") -> float:
    """Return the seconds of "90s", "15m", "10h" or "1d".

    Raises:
        BadInput: anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise BadInput(
            f'{where} = "{text}": expected a number with s, m, h or d, such as "90s", "15m", "10h", "1d"'
        )
    return float(match[1]) * _UNIT_S[match[2]]


def parse_period(text: str, reset_at: str | None, origin: datetime, where: str = "budget") -> Period:
    """Make the period that a configuration asks for.

    Args:
        text: a duration, "day", "month" or "charge".
        reset_at: "HH:MM", for "day" and "month" alone; midnight where it is not given.
        origin: the wall clock at second 0 of the engine's clock.
        where: file and table, for the error.

    Raises:
        BadInput: neither of these, or a time of day that is none or that does not belong here.
    """
    if text not in ("day", "month") and reset_at is not None:
        raise BadInput(f'{where}.reset_at = "{reset_at}": only with period = "day" or "month", not "{text}"')
    if text == CHARGE:
        return ChargePeriod()
    if text == "month":
        return MonthlyPeriod(_time_of_day(reset_at or "00:00", where), origin)
    if text == "day":
        return DailyPeriod(_time_of_day(reset_at or "00:00", where), origin)
    if _DURATION.fullmatch(text.strip()) is None:
        raise BadInput(
            f'{where}.period = "{text}": expected a duration such as "10h", or "day", "month" or "charge"'
        )
    return FixedPeriod(parse_duration_s(text, f"{where}.period"))


def _time_of_day(text: str, where: str) -> time:
    match = _RESET_AT.fullmatch(text.strip())
    if match is None:
        raise BadInput(f'{where}.reset_at = "{text}": expected a time of day such as "07:00"')
    return time(int(match[1]), int(match[2]))


def format_duration(duration_s: float) -> str:
    """Return a duration for people, in its two largest units: "3 h 20 min", "2 d 4 h", "45 s"."""
    left = round(duration_s)
    words = []
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, unit_s)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "0 s"
