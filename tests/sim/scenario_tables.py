"""Scenarios as tables, to be changed by tests."""

from __future__ import annotations

from typing import Any


def generated_table(**changes: Any) -> dict[str, Any]:
    """Ten minutes of faces, two apps, a small family of models."""
    table: dict[str, Any] = {
        "name": "walk",
        "about": "A short walk.",
        "seed": 3,
        "budget": {"energy_j": 200.0, "cloud_usd": 0.001},
        "cloud": {"round_trip_s": 0.05},
        "family": {"face": {"trunks": 4, "specialises": ["who"]}},
        "context": {"friends": {"skew": 0.95}},
        "app": [
            {"name": "who", "input": "face", "latency_limit_s": 1.0, "weight": 2.0},
            {"name": "age", "input": "face", "rate_hz": [0.0, 0.2]},
        ],
        "stretch": [
            {
                "name": "out",
                "lasts": "5m",
                "windows": {"face": {"hz": 1.0}},
                "link": {"up": "1m", "down": "20s"},
            },
            {
                "name": "met",
                "lasts": "5m",
                "windows": {"face": {"hz": 0.5, "contexts": {"friends": 1.0}}},
            },
        ],
    }
    return table | changes


def replayed_table(**changes: Any) -> dict[str, Any]:
    """A scenario whose models and traces are files."""
    table: dict[str, Any] = {
        "name": "replay",
        "budget": {"energy_j": 100.0, "period": "1h"},
        "cloud": {},
        "table": {"variants": "variants.csv"},
        "app": [{"name": "face"}],
        "trace": {"published": [{"file": "faces.csv", "app": "face"}]},
    }
    return table | changes
