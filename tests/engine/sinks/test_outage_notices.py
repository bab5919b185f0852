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


def test_a_refusal_is_said_once_until_results_are_taken_again(caplog: pytest.LogCaptureFixture) -> None:
    notices = OutageNotices("hook")
    for reason in ("answered 404", "answered 404", "answered 403"):
        notices.refused(reason)
    notices.delivered(1.0)
    notices.refused("answered 404")
    assert [m.split(": ")[1] for m in caplog.messages] == ["answered 404", "answered 403", "answered 404"]
