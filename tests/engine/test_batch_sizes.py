"""How many windows run at once: what was measured to pay, and what there is room for."""

from __future__ import annotations

import pytest

from catalog.measurements import DeviceMeasurements, PartMeasurement
from engine.batch_sizes import ONE_BY_ONE, MeasuredBatchSizes

ROOMY = float("inf")


def measured(**latency_s: dict[int, float]) -> DeviceMeasurements:
    rows = tuple(
        PartMeasurement(part, "onnxruntime", "f32", batch, 1, took_s, took_s, 0.0)
        for part, took in latency_s.items()
        for batch, took_s in took.items()
    )
    return DeviceMeasurements("host", "", {}, "", rows, {})


PARTS = measured(
    gains={1: 1.0, 4: 2.0, 8: 6.0},
    loses={1: 1.0, 4: 4.4, 8: 8.8},
    even={1: 1.0, 4: 4.0, 8: 8.0},
    alone={1: 1.0},
)
BYTES = {"gains": 100, "loses": 100, "even": 100, "alone": 100}


@pytest.mark.parametrize(
    ("parts", "most"),
    [
        (["gains"], 4),
        (["loses"], 1),
        (["even"], 1),
        (["alone"], 1),
        (["gains", "loses"], 4),
        (["gains", "alone"], 1),
        (["unknown"], 1),
    ],
)
def test_the_size_that_takes_least_a_window_is_taken(parts: list[str], most: int) -> None:
    assert MeasuredBatchSizes(PARTS, BYTES | {"unknown": 1}).most(parts, ROOMY) == most


@pytest.mark.parametrize(("room_bytes", "most"), [(300.0, 4), (299.0, 3), (99.0, 1), (0.0, 1), (-5.0, 1)])
def test_as_many_as_there_is_room_for(room_bytes: float, most: int) -> None:
    assert MeasuredBatchSizes(PARTS, BYTES).most(["gains"], room_bytes) == most


def test_further_windows_hold_their_tensors_in_every_part() -> None:
    assert MeasuredBatchSizes(PARTS, BYTES).most(["gains", "loses"], 399.0) == 2


def test_the_null_object_runs_one_by_one() -> None:
    assert ONE_BY_ONE.most(["gains"], ROOMY) == 1
