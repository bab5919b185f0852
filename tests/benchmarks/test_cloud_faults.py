from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cloud_faults import Scale, figures
from benchmarks.killable_server import KillableServer
from engine.results import Result
from tests.catalog_builder import build_catalog

SCALE = Scale(10.0, 20.0, 30.0)


def result(window: str, place: str | None, answer: str | None = "3", served: bool = True) -> Result:
    latency_s = None if answer is None else 0.1
    return Result(
        0.0, "s", window, (0, 0, 1, 1), "who", answer, 0.9, "v", place, latency_s, 0.0, "given", 0.0, served,
        "" if served else "late", "3",
    )  # fmt: skip


def test_requests_are_counted_by_when_they_came_and_who_answered() -> None:
    results = [
        (1.0, result("a", "cloud")),
        (2.0, result("b", "device")),
        (12.0, result("c", "device", "4")),
        (13.0, result("d", None, None, served=False)),
        (14.0, result("c", "cloud")),
        (22.5, result("e", "device", served=False)),
        (23.0, result("f", "split")),
    ]
    found = figures("cut", results, SCALE)
    assert (found["requests"], found["unserved"], found["late"], found["answered_twice"]) == (7, 2, 1, 1)
    assert (found["away_before_pct"], found["away_after_pct"]) == (50.0, 50.0)
    assert found["away_meanwhile_pct"] == pytest.approx(100 / 3)
    assert (found["accuracy_before_pct"], found["accuracy_meanwhile_pct"]) == (100.0, pytest.approx(100 / 3))
    assert found["why_unserved"] == "late: 2"
    assert found["again_s"] == 3.0


def test_a_server_is_killed_and_started_again_at_its_address(tmp_path: Path) -> None:
    with KillableServer(build_catalog(tmp_path)) as server:
        assert server.is_healthy()
        server.kill()
        server.start()
        assert server.is_healthy()
