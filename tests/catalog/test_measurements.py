from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.measurements import (
    ChainMeasurement,
    DeviceMeasurements,
    LiveTime,
    PartFailure,
    PartMeasurement,
)


def row(part: str, backend: str, batch: int, latency_s: float) -> PartMeasurement:
    return PartMeasurement(part, backend, "f32", batch, 1, latency_s, 2 * latency_s, 0.1)


MEASURED = DeviceMeasurements(
    "host",
    "a machine",
    {},
    "2026-01-01T00:00:00Z",
    (row("p", "slow", 1, 0.3), row("p", "fast", 1, 0.1), row("p", "fast", 4, 0.01), row("q", "slow", 1, 0.2)),
    {},
)


def test_the_fastest_backend_at_the_batch_size_is_best() -> None:
    assert MEASURED.best("p").backend == "fast"
    assert MEASURED.best("p", batch=4).latency_p50_s == 0.01
    assert MEASURED.best("q").backend == "slow"


@pytest.mark.parametrize(("part", "batch"), [("r", 1), ("q", 4)])
def test_what_was_not_measured_is_a_key_error_that_names_it(part: str, batch: int) -> None:
    with pytest.raises(KeyError, match=part):
        MEASURED.best(part, batch)


def picked(*rows: PartMeasurement) -> str:
    return DeviceMeasurements("host", "a machine", {}, "2026-01-01T00:00:00Z", rows, {}).best("p").backend


def test_the_default_backend_stays_where_another_is_hardly_faster() -> None:
    assert picked(row("p", "onnxruntime", 1, 0.100), row("p", "openvino", 1, 0.095)) == "onnxruntime"
    assert picked(row("p", "onnxruntime", 1, 0.100), row("p", "openvino", 1, 0.080)) == "openvino"


def test_the_reference_is_picked_only_where_nothing_else_was_measured() -> None:
    assert picked(row("p", "openvino", 1, 0.1), row("p", "torch", 1, 0.01)) == "openvino"
    assert picked(row("p", "torch", 1, 0.01)) == "torch"


def test_batches_are_run_by_what_was_picked_for_one_window() -> None:
    rows = (row("p", "a", 1, 0.1), row("p", "b", 1, 0.2), row("p", "a", 4, 0.9), row("p", "b", 4, 0.5))
    assert DeviceMeasurements("host", "a machine", {}, "", rows, {}).best("p", 4).backend == "a"


def test_a_part_has_failed_where_no_backend_can_run_it() -> None:
    failures = (
        PartFailure("p", "fast", "f32", "no such operator"),
        PartFailure("q", "fast", "f32", "damaged"),
    )
    measured = replace(MEASURED, failures=failures)
    assert measured.failed("p") is None
    assert replace(measured, parts=()).failed("q") == "part q: fast: damaged"


def test_what_was_not_measured_live_is_read_as_in_a_loop() -> None:
    measured = replace(MEASURED, head_s={"h": 5e-6})
    assert measured.live_part("p") == LiveTime(0.1, 0.2)
    assert measured.live_head("h") == LiveTime(5e-6, 5e-6)
    live = replace(measured, live={"p": LiveTime(0.3, 0.4), "h": LiveTime(9e-6, 1e-5)})
    assert live.live_part("p") == LiveTime(0.3, 0.4)
    assert live.live_head("h") == LiveTime(9e-6, 1e-5)
    assert live.best("p").latency_p50_s == 0.1
    with pytest.raises(KeyError, match="r"):
        live.live_part("r")


def test_parts_of_a_chain_run_as_it_was_picked() -> None:
    rows = tuple(row(p, b, n, 0.1 if b == "a" else 0.2) for p in "pq" for b in "ab" for n in (1, 4))
    chains = (
        ChainMeasurement(("p", "q"), ("a", "a"), 0.5, picked=False),
        ChainMeasurement(("p", "q"), ("b", "b"), 0.3, picked=True),
    )
    measured = DeviceMeasurements("host", "a machine", {}, "", (*rows, row("r", "a", 1, 0.1)), {})
    together = replace(measured, chains=chains)
    assert [measured.best(p).backend for p in "pqr"] == ["a", "a", "a"]
    assert [together.best(p).backend for p in "pqr"] == ["b", "b", "a"]
    assert together.best("p", batch=4) == row("p", "b", 4, 0.2)


def test_a_chain_whose_backend_was_not_measured_for_a_part_changes_nothing() -> None:
    lost = (ChainMeasurement(("p",), ("gone",), 0.1, picked=True),)
    assert replace(MEASURED, chains=lost).best("p") == MEASURED.best("p")
