from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest

from cloud.hosting import MemoryFigures
from cloud.metrics import ServerMetrics, ServerState

DASHBOARD = Path("docs/deploy/grafana-cloud.json")


def board() -> dict[str, Any]:
    text = (Path(__file__).parents[2] / DASHBOARD).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def exposed_names() -> set[str]:
    metrics = ServerMetrics(lambda: ServerState(0, 0, 0.0, MemoryFigures(0, 0, 0, 0)))
    metrics.ended("INTERNAL")
    metrics.training_ended("OK", 0.1)
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {re.split(r"[ {]", line)[0] for line in lines if not line.startswith("#")}


def test_the_dashboard_asks_for_metrics_that_the_server_has_and_for_all_of_them() -> None:
    asked = {
        name
        for panel in board()["panels"]
        for target in panel["targets"]
        for name in re.findall(r"mcdnn_\w+", target["expr"])
    }
    names = exposed_names()
    assert asked <= names
    kinds = {re.sub(r"_(bucket|sum|count|total|created)$", "", name) for name in names}
    assert kinds == {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in asked}


def test_panels_lie_beside_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells
