"""What tests of Grafana dashboards share."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

DEPLOY = Path(__file__).parents[1] / "docs" / "deploy"


def read_board(name: str) -> dict[str, Any]:
    """Return a dashboard of docs/deploy."""
    loaded: dict[str, Any] = json.loads((DEPLOY / name).read_text(encoding="utf-8"))
    return loaded


def asked_names(board: dict[str, Any]) -> set[str]:
    """Return the metrics that its panels ask for."""
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return {name for expression in expressions for name in re.findall(r"mcdnn_\w+", expression)}


def exposed_names(registry: CollectorRegistry) -> set[str]:
    """Return the metrics that there are."""
    lines = generate_latest(registry).decode().splitlines()
    return {re.split(r"[ {]", line)[0] for line in lines if not line.startswith("#")}


def check_layout(board: dict[str, Any]) -> None:
    """Check that panels lie beside one another and have names of their own."""
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(x, y) for x in across for y in down}
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells
    for key in ("id", "title"):
        assert len({panel[key] for panel in board["panels"]}) == len(board["panels"])
