from __future__ import annotations

from benchmarks.specialization_training import training_rows


def test_a_quick_run_times_heads_with_inference_meanwhile() -> None:
    rows = training_rows(quick=True)
    assert [r["way"] for r in rows] == ["other priors", "trained"]
    for row in rows:
        assert row["heads"] == 3
        assert min(row[k] for k in row if k.endswith(("_s", "_ms"))) > 0.0
        assert row["accuracy_in_pct"] > 80.0
        assert row["accuracy_out_pct"] > 60.0
