"""What the log says of an outage: its beginning, every ten minutes, its end, and refusals once."""

from __future__ import annotations

import logging

import pytest

from engine.sinks.outage_notices import OutageNotices


def test_a_long_outage_is_said_seldom_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    notices = OutageNotices("hook")
    with caplog.at_level(logging.DEBUG):
        for second in range(1500):
            notices.failed("no answer", float(second))
        notices.delivered(1500.0)
        notices.delivered(1501.0)
    assert caplog.messages == [
        "sink hook: no answer; trying again until it takes results",
        "sink hook: takes nothing for 600 s, 601 attempts: no answer",
        "sink hook: takes nothing for 1200 s, 1201 attempts: no answer",
        "sink hook: takes results again after 1500 s, 1500 attempts",
    ]


def test_outages_that_follow_one_another_are_said_only_if_they_last(caplog: pytest.LogCaptureFixture) -> None:
    notices = OutageNotices("hook")
    notices.failed("first", 0.0)
    notices.delivered(1.0)
    for second in range(10, 400, 10):
        notices.failed("short", float(second))
        notices.delivered(second + 5.0)
    for second in range(400, 470):
        notices.failed("long", float(second))
    notices.delivered(470.0)
    notices.failed("later", 1070.0)
    assert [m.removeprefix("sink hook: ") for m in caplog.messages] == [
        "first; trying again until it takes results",
        "takes results again after 1 s, 1 attempts",
        "long; trying again until it takes results",
        "takes results again after 70 s, 70 attempts",
        "later; trying again until it takes results",
    ]


def test_a_refusal_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    notices = OutageNotices("hook")
    for reason in ("answered 404", "answered 404", "answered 403"):
        notices.refused(reason)
        notices.delivered(1.0)
    assert [m.split(": ")[1] for m in caplog.messages] == ["answered 404", "answered 403"]
