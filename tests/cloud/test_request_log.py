from __future__ import annotations

import json

from cloud.refusals import BadRequest, Broken
from cloud.request_log import RequestLog


class Log:
    """A log with a clock of the test's."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.lines: list[str] = []
        self.log = RequestLog(self.lines.append, 10, lambda: self.now_s, lambda: 1.5e9 + self.now_s)

    def refuse(self, name: str = "r1") -> None:
        self.log.refused(name, lambda: "ipv4:127.0.0.1:5", ["wide/identity"], BadRequest("no\n'pictures'"))


def test_a_line_is_one_json_object_that_says_who_asked_what_and_why_not() -> None:
    log = Log()
    log.refuse()
    (line,) = log.lines
    assert "\n" not in line
    assert json.loads(line) == {
        "t_s": 1.5e9,
        "client": "ipv4:127.0.0.1:5",
        "request_id": "r1",
        "variants": ["wide/ident"],
        "status": "INVALID_ARGUMENT",
        "why": "no\n'pictures'",
    }


def test_names_are_cut_and_causes_are_told() -> None:
    log = Log()
    refusal = Broken("the server failed")
    refusal.__cause__ = OSError("disk /var/x is gone")
    log.log.refused("r" * 1000, lambda: "c", [], refusal)
    logged = json.loads(log.lines[0])
    assert logged["request_id"] == "r" * 10
    assert "OSError: disk /var/x is gone" in logged["error"]


def test_what_comes_faster_than_lines_may_be_written_is_counted() -> None:
    log = Log()
    for _ in range(1000):
        log.refuse()
    written = len(log.lines)
    assert written == 50
    log.now_s = 1.0
    log.refuse()
    assert json.loads(log.lines[-1])["suppressed"] == 950
    for _ in range(100):
        log.refuse()
    assert len(log.lines) == 60
