from __future__ import annotations

import json
from pathlib import Path

from catalog.store import open_catalog
from mcdnn.demonstration import budget_from
from mcdnn.side_by_side import side_by_side

_SECONDS = 2.0
_CAMERA = f"digits:?seed=7&fps=10&seconds={_SECONDS:g}"
_BASE_W = 4.0


def test_engines_run_side_by_side_on_a_budget_that_their_rehearsal_gave(
    tiny_catalog: Path, tmp_path: Path
) -> None:
    catalog = open_catalog(tiny_catalog)
    task = catalog.contents.tasks[0].name
    unlimited = {"catalog": str(tiny_catalog), "policy": "original", "app": [{"name": "who", "task": task}]}
    with side_by_side(2) as engines:
        (scenes,) = engines.rehearse(unlimited, f"{_CAMERA}&pace=max", 1)
        rehearsals = engines.rehearse(unlimited, _CAMERA, 2)
        budget = budget_from(scenes, rehearsals, _BASE_W, _SECONDS, catalog)
        tight = {"energy_j": budget.energy_j, "period": f"{_SECONDS:g}s"}
        configs = {p: unlimited | {"policy": p, "budget": tight} for p in ("original", "paced")}
        ran = engines.run(configs, _CAMERA, tmp_path)
    spent_j = sum(r.standing.spent_j for r in rehearsals) / len(rehearsals)
    assert _BASE_W * _SECONDS < budget.energy_j < spent_j * 1.5
    for policy, (snapshot, drawn) in ran.items():
        lines = drawn.results.read_text(encoding="utf-8").splitlines()
        assert len(lines) == snapshot.requests > 0
        assert {json.loads(line)["app"] for line in lines} == {"who"}
        assert drawn.course
        kept = sorted(p.name for p in tmp_path.glob(f"{policy}.*"))
        assert kept == [f"{policy}.jsonl", f"{policy}.mp4", f"{policy}.summary.json"]
