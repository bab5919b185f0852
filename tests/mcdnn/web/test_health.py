from __future__ import annotations

import math

import pytest

from engine.capture import SourceFigures
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import BudgetFigures, Snapshot, Standing
from engine.sources.protocol import SourceReport
from mcdnn.web.health import STALLED_S, Status, health_of

TROUBLED = Snapshot(
    standing=Standing(
        sources=(SourceFigures("rtsp://door", report=SourceReport(trouble="refused")),),
        budget=BudgetFigures(100.0, 0.0, 1.0, 0.0),
        sinks=(SinkFigures("webhook to example.org", trouble="500"),),
    )
)


@pytest.mark.parametrize(
    ("has_begun", "silent_s", "status"),
    [
        (False, None, Status.STARTING),
        (True, 0.2, Status.RUNNING),
        (True, STALLED_S, Status.RUNNING),
        (True, STALLED_S + 0.1, Status.STALLED),
        (True, math.inf, Status.STALLED),
        (True, None, Status.ENDED),
    ],
)
def test_a_run_is_well_while_its_loop_comes_round(
    has_begun: bool, silent_s: float | None, status: Status
) -> None:
    health = health_of(has_begun, silent_s, Snapshot())
    assert (health.status, health.is_well) == (status, status is Status.RUNNING)


def test_what_is_wrong_beside_the_loop_is_told_without_a_name() -> None:
    health = health_of(True, 0.0, TROUBLED)
    assert health.is_well
    assert health.wrong == (
        "a source gives no frames",
        "the energy budget is gone",
        "the cloud budget is gone",
        "a sink delivers nothing",
    )
