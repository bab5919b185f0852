from __future__ import annotations

from engine.snapshot import Snapshot
from mcdnn.run_metrics import RunMetrics
from tests.dashboards import asked_names, check_layout, exposed_names, read_board
from tests.mcdnn.test_run_metrics import STANDING, WHO, Told

BOARD = read_board("grafana-device.json")


def test_the_dashboard_asks_only_for_metrics_that_a_run_has() -> None:
    metrics = RunMetrics()
    metrics.follow(Told(Snapshot(apps=(WHO,), standing=STANDING)))
    asked = asked_names(BOARD)
    assert len(asked) > 20
    assert asked <= exposed_names(metrics.registry)


def test_panels_lie_beside_one_another() -> None:
    check_layout(BOARD)
