"""How a run stands: every figure comes from the owner of the state behind it."""

from __future__ import annotations

import pytest

from catalog.store import Catalog
from engine.capture import Capture, CaptureCounts
from engine.ledger import Category
from engine.scheduling.problem import Budget
from engine.sinks.sink_figures import SinkFigures
from engine.sources.frame_list import FrameList
from engine.standing import read_standing
from engine.truth import TruthCounts
from tests.engine.rig import Scripted, bytes_of, make_rig, on_trunks

LIMIT_BYTES = 50_000.0


def test_figures_come_from_their_owners(built_catalog: Catalog) -> None:
    options = on_trunks(built_catalog, who="wide")
    rig = make_rig(built_catalog, Scripted(options), energy_j=1.0, memory_bytes=LIMIT_BYTES)
    rig.ask(due=["who"])
    capture = Capture(FrameList([], "empty"))
    assert capture.get(10.0) is None
    truth, sinks = TruthCounts(5, 4, 1, 3), (SinkFigures("video a.mp4", 8, 2, {"too slow": 6}),)
    granted = Budget(1.0, memory_bytes=LIMIT_BYTES)
    standing = read_standing(capture, truth, rig.ledger, granted, rig.memory, rig.answerer, 15.0, sinks)
    assert (standing.captured, standing.truth, standing.sinks) == (CaptureCounts(), truth, sinks)
    assert {line.category for line in standing.spent if line.energy_j} == {
        Category.EXECUTION,
        Category.LOADING,
    }
    budget, memory = standing.budget, standing.memory
    assert budget.energy_left_j == pytest.approx(1.0 - standing.spent_j)
    assert (budget.energy_j, budget.period_left_s, budget.renewal) == (1.0, 45.0, "in 45 s")
    assert (budget.spent_j, budget.period_s, budget.renewals) == (
        pytest.approx(standing.spent_j),
        60.0,
        0,
    )
    assert memory.used_bytes == memory.peak_bytes == bytes_of(built_catalog, options["who"])
    assert (memory.limit_bytes, memory.loads, memory.evictions) == (LIMIT_BYTES, 3, 0)
    capture.close()
