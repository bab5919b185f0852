from __future__ import annotations

import re

from cloud.hosting import MemoryFigures
from cloud.metrics import ServerMetrics, ServerState
from tests.dashboards import asked_names, check_layout, exposed_names, read_board

BOARD = read_board("grafana-cloud.json")


def test_the_dashboard_asks_for_metrics_that_the_server_has_and_for_all_of_them() -> None:
    metrics = ServerMetrics(lambda: ServerState(0, 0, 0.0, MemoryFigures(0, 0, 0, 0)))
    metrics.ended("INTERNAL")
    metrics.training_ended("OK", 0.1)
    asked, names = asked_names(BOARD), exposed_names(metrics.registry)
    assert asked <= names
    kinds = {re.sub(r"_(bucket|sum|count|total|created)$", "", name) for name in names}
    assert kinds == {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in asked}


def test_panels_lie_beside_one_another() -> None:
    check_layout(BOARD)
