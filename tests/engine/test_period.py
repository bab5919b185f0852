from __future__ import annotations

import math
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from engine.period import (
    ChargePeriod,
    DailyPeriod,
    FixedPeriod,
    MonthlyPeriod,
    format_duration,
    parse_duration_s,
    parse_period,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("15m", 900.0), ("10h", 36000.0), ("1d", 86400.0), (" 1.5 h ", 5400.0)],
)
def test_durations_are_read_in_their_unit(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "h", "-1h", "1w", "1h30m", "nan s", "infs", "1e3s"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadInput, match=r'period = ".*": expected a number with s, m, h or d'):
        parse_duration_s(text, "period")


def test_fixed_periods_follow_one_another() -> None:
    period = FixedPeriod(600.0)
    assert [period.end_s(0.0), period.end_s(600.0)] == [600.0, 1200.0]
    assert period.expected_s(600.0) == 600.0


@pytest.mark.parametrize("length_s", [0.0, 0.5, math.inf, math.nan])
def test_a_fixed_period_lasts_at_least_a_second_and_not_forever(length_s: float) -> None:
    with pytest.raises(BadInput, match="at least 1 s"):
        FixedPeriod(length_s)


def test_the_first_day_ends_at_the_next_reset() -> None:
    period = DailyPeriod(time(7), NOON)
    assert period.end_s(0.0) == 19 * HOUR_S
    assert period.expected_s(0.0) == 19 * HOUR_S


def test_a_day_that_starts_at_its_reset_is_a_whole_one() -> None:
    period = DailyPeriod(time(12), NOON)
    assert period.end_s(0.0) == 24 * HOUR_S


def test_days_on_which_the_clock_is_changed_are_shorter_or_longer() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = DailyPeriod(time(7), datetime(2026, 3, 28, 7, tzinfo=berlin))
    autumn = DailyPeriod(time(7), datetime(2026, 10, 24, 7, tzinfo=berlin))
    assert spring.end_s(0.0) == 23 * HOUR_S
    assert autumn.end_s(0.0) == 25 * HOUR_S


def test_a_naive_origin_has_days_of_24_hours() -> None:
    period = DailyPeriod(time(7), datetime(2026, 3, 28, 7))
    assert period.end_s(0.0) == 24 * HOUR_S


@given(
    start_s=st.floats(0.0, 1e8),
    reset=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_a_day_ends_within_25_hours_and_always_later_than_it_starts(
    start_s: float, reset: time, zone: str
) -> None:
    period = DailyPeriod(reset, NOON.astimezone(ZoneInfo(zone)))
    end_s = period.end_s(start_s)
    assert start_s < end_s <= start_s + 25 * HOUR_S + 1e-6
    assert period.end_s(end_s) > end_s + 22 * HOUR_S


def test_only_the_battery_ends_a_charge() -> None:
    period = ChargePeriod(7200.0)
    assert period.end_s(5.0) == math.inf
    assert period.expected_s(5.0) == 7200.0


def test_a_configuration_names_its_period() -> None:
    assert parse_period("10h", None, NOON) == FixedPeriod(36000.0)
    assert parse_period("day", "07:30", NOON) == DailyPeriod(time(7, 30), NOON)
    assert parse_period("day", None, NOON) == DailyPeriod(time(0), NOON)
    assert parse_period("charge", None, NOON) == ChargePeriod()


@pytest.mark.parametrize(
    ("text", "reset_at", "message"),
    [
        (
            "week",
            None,
            'budget.period = "week": expected a duration such as "10h", or "day", "month" or "charge"',
        ),
        ("day", "25:00", 'budget.reset_at = "25:00": expected a time of day'),
        ("day", "7", 'budget.reset_at = "7": expected a time of day'),
        ("10h", "07:00", 'budget.reset_at = "07:00": only with period = "day"'),
        ("0s", None, "expected at least 1 s"),
    ],
)
def test_a_wrong_period_is_refused_by_key_and_value(text: str, reset_at: str | None, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse_period(text, reset_at, NOON)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (45.4, "45 s"), (600.0, "10 min"), (12000.0, "3 h 20 min"), (187200.0, "2 d 4 h")],
)
def test_durations_are_written_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("origin", "reset_at", "end"),
    [
        (NOON, time(0), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), time(7), datetime(2027, 1, 1, 7, tzinfo=UTC)),
        (datetime(2026, 2, 1, 6, tzinfo=UTC), time(7), datetime(2026, 2, 1, 7, tzinfo=UTC)),
        (datetime(2026, 2, 1, 7, tzinfo=UTC), time(7), datetime(2026, 3, 1, 7, tzinfo=UTC)),
        (datetime(2028, 1, 31, 12, tzinfo=UTC), time(0), datetime(2028, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_month_ends_on_the_first_of_the_next(origin: datetime, reset_at: time, end: datetime) -> None:
    assert MonthlyPeriod(reset_at, origin).end_s(0.0) == (end - origin).total_seconds()


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.times())
def test_months_follow_one_another_without_gaps(origin: datetime, reset_at: time) -> None:
    period, at_s = MonthlyPeriod(reset_at.replace(second=0, microsecond=0), origin), 0.0
    for _ in range(14):
        end_s = period.end_s(at_s)
        assert 0.0 < end_s - at_s < 31 * 24 * HOUR_S + 1e-3
        at_s = end_s


def test_a_month_is_told_by_its_name() -> None:
    assert parse_period("month", "07:00", NOON) == MonthlyPeriod(time(7), NOON)
    assert parse_period("month", None, NOON) != parse_period("day", None, NOON)
