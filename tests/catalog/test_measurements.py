from __future__ import annotations

import pytest

from catalog.measurements import DeviceMeasurements, PartMeasurement


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
