"""Token buckets: an app is asked as often as it wants, and may see several windows of one frame."""

from __future__ import annotations

import pytest

from engine.rates import RateGates
from engine.scheduling.problem import App


def app(name: str, wanted_hz: float) -> App:
    return App(name, "identity", "digit", wanted_hz=wanted_hz)


@pytest.mark.parametrize("rate_hz", [0.5, 2.0, 7.0])
def test_over_a_minute_an_app_is_due_at_its_rate(rate_hz: float) -> None:
    gates = RateGates([app("a", rate_hz)])
    count = sum(len(gates.due("digit", i / 30)) for i in range(60 * 30))
    assert count == pytest.approx(60 * rate_hz, abs=max(1.0, rate_hz) + 1)


def test_without_a_rate_every_window_is_due() -> None:
    gates = RateGates([app("a", float("inf"))])
    assert [gates.due("digit", 0.0) for _ in range(3)] == [["a"]] * 3


def test_a_burst_is_bounded_by_a_second_of_the_rate() -> None:
    gates = RateGates([app("a", 3.0)])
    gates.due("digit", 0.0)
    assert sum(len(gates.due("digit", 100.0)) for _ in range(10)) == 3


def test_other_input_types_are_not_asked() -> None:
    gates = RateGates([app("a", 3.0)])
    assert gates.due("face", 0.0) == []
    assert gates.tasks == {"digit": {"identity"}}


def test_a_plan_lowers_a_rate_and_the_next_one_restores_it() -> None:
    gates = RateGates([app("a", float("inf"))])
    gates.lower({"a": 1.0})
    assert sum(len(gates.due("digit", i / 10)) for i in range(100)) == pytest.approx(10, abs=1)
    gates.lower({})
    assert sum(len(gates.due("digit", 11.0)) for _ in range(5)) == 5


def test_an_app_that_comes_back_starts_anew() -> None:
    gates = RateGates([app("a", 3.0)])
    gates.due("digit", 0.0)
    gates.set_apps([])
    gates.set_apps([app("a", 3.0)])
    assert sum(len(gates.due("digit", 100.0)) for _ in range(10)) == 1


def test_sources_share_a_rate_equally_whoever_comes_first() -> None:
    gates = RateGates([app("a", 5.0)])
    asked = {"door": 0, "yard": 0}
    for tick in range(5 * 60):
        for source in asked:  # both at the same moment, the same one always first
            asked[source] += len(gates.due("digit", tick / 5, source))
    assert asked["door"] == pytest.approx(asked["yard"], abs=2)
    assert sum(asked.values()) == pytest.approx(5 * 60, abs=6)


def test_looking_whether_an_app_is_due_counts_nothing() -> None:
    gates = RateGates([app("who", 2.0)])
    for _ in range(3):
        assert gates.is_due("who", 0.0, "door")
    assert gates.due("digit", 0.0, "door") == ["who"]
    assert not gates.is_due("who", 0.25, "door")
    assert gates.is_due("who", 0.5, "door")
    assert not gates.is_due("nobody", 0.5, "door")


def test_expected_requests_are_bounded_by_windows_and_by_rates() -> None:
    gates = RateGates([app("who", float("inf")), app("slow", 2.0)])
    assert gates.expected("digit", 3, 0.1, 0.0) == pytest.approx(3.0 + 0.2)
    assert gates.expected("digit", 3, 10.0, 0.0) == pytest.approx(3.0 + 3.0)
    assert gates.expected("digit", 3, 0.0, 0.0) == gates.expected("face", 3, 0.1, 0.0) == 0.0


def test_a_source_that_shows_nothing_leaves_its_share_to_the_others() -> None:
    gates = RateGates([app("a", 5.0)])
    for tick in range(50):
        gates.due("digit", tick / 5, "door")
        gates.due("digit", tick / 5, "yard")
    alone = sum(len(gates.due("digit", 20.0 + tick / 30, "door")) for tick in range(30 * 60))
    assert alone == pytest.approx(5 * 60, abs=6)


def test_requests_that_lost_frames_would_have_brought_are_those_that_apps_would_have_made() -> None:
    gates = RateGates([app("every", float("inf")), app("often", 10.0), app("seldom", 0.5)])

    def missed(*due: str, windows: int = 2) -> int:
        return gates.missed(due, windows, frames=4, passed_s=1.0, now=7.0)

    assert missed("every") == 4
    assert missed("often") == 4  # ten requests a second are five a window: one was made
    assert missed("often", windows=5) == 1
    assert missed("every", "seldom") == 0


def test_frames_are_needed_as_often_as_the_app_that_asks_most_may_ask() -> None:
    gates = RateGates(
        [App("often", "identity", "digit", wanted_hz=5.0), App("seldom", "parity", "digit", wanted_hz=1.0)]
    )
    assert gates.needed(frames=30, passed_s=1.0, now=1.0) == 5.0
    assert gates.needed(frames=3, passed_s=1.0, now=1.0) == 3.0
    gates.lower({"often": 2.0})
    assert gates.needed(frames=30, passed_s=1.0, now=1.0) == 2.0
    for source in ("a", "b"):
        gates.due("digit", 1.0, source)
    assert gates.needed(frames=30, passed_s=1.0, now=1.0) == 1.0  # each source has its share
    gates.set_apps([App("every", "identity", "digit")])
    assert gates.needed(frames=30, passed_s=0.0, now=1.0) == 30
