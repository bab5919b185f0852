"""What a row says of live runs, against the same runs looked at one by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.specialization_cases import Case
from benchmarks.specialization_catalogs import Shown
from benchmarks.specialization_live import both_ways
from benchmarks.specialization_live_rows import live_rows
from catalog.store import open_catalog
from tests.catalog_builder import build_catalog

ORDER = Case(2, 0.9, 3.0, 6.0, seeds=2)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    monkeypatch.setattr("benchmarks.specialization_live._BEGINS_S", 0.0)
    colours = np.random.default_rng(0).integers(256, size=(200, 1, 1, 3)).astype(np.uint8)
    catalog = open_catalog(build_catalog(tmp_path))
    return Shown(catalog, "identity", colours.repeat(16, axis=1).repeat(16, axis=2), np.arange(200) % 10)


def test_a_row_is_told_from_all_seeds_of_its_order(shown: Shown) -> None:
    (row,) = live_rows("objects_live", shown, [ORDER])
    assert [row[key] for key in ("group", "order", "pace", "seeds", "windows")] == [
        "objects_live",
        "2 classes, 90%, 3 s",
        "fast",
        2,
        60,
    ]
    lives = [both_ways(shown, ORDER, seed) for seed in range(2)]
    right = [np.mean(without.right) for without, _ in lives]
    assert right[0] != right[1]
    assert row["generic_accuracy_pct"] == pytest.approx(100.0 * np.mean(right))
    assert row["accuracy_pct"] == pytest.approx(100.0 * np.mean([with_.right for _, with_ in lives]))
    gained = [100.0 * (np.mean(with_.right) - np.mean(without.right)) for without, with_ in lives]
    assert row["gained_error_pct"] == pytest.approx(abs(gained[0] - gained[1]) / 2)
    assert json.loads(json.dumps(row)) == row


def test_where_no_head_is_ever_made_a_row_says_so(shown: Shown) -> None:
    (row,) = live_rows("objects_live", shown, [ORDER])
    heads = ("answered_alone_pct", "passed_on_pct", "checked_pct", "heads", "entered")
    assert [row[key] for key in heads] == [0.0] * 5
    assert row["first_entered_s"] is None
    assert row["with_heads_least"] <= row["with_heads"] <= row["with_heads_most"]  # type: ignore[operator]
    assert row["with_heads"] == row["times_less"]  # nothing was trained
    assert row["operations_less"] == 1.0
    for key in ("times_less", "p95_ms", "generic_p95_ms"):
        assert row[key] > 0.0  # type: ignore[operator]
