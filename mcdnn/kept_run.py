"""A run of which everything is kept: results, annotated video, summary, and what a picture needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from engine.sinks.annotated_video import AnnotatedVideoSink
from engine.sinks.json_lines import JsonLinesSink
from engine.snapshot import Snapshot
from mcdnn.closing_summary import summary_to_json
from mcdnn.engine import Engine
from mcdnn.pictures import RunToDraw


def kept_run(engine: Engine, name: str, out: Path, run: Callable[[], Snapshot]) -> tuple[Snapshot, RunToDraw]:
    """Run an engine and leave NAME.jsonl, NAME.mp4 and NAME.summary.json in a folder.

    Raises:
        BadInput: a folder that cannot be written.
    """
    results = out / f"{name}.jsonl"
    engine.add_sink(JsonLinesSink(results))
    engine.add_sink(AnnotatedVideoSink(out / f"{name}.mp4", energy_left_j=engine.energy_left_j))
    snapshot = run()
    summary = json.dumps(summary_to_json(snapshot), indent=1, allow_nan=False)
    (out / f"{name}.summary.json").write_text(summary + "\n", encoding="utf-8")
    return snapshot, RunToDraw(name, results, engine.course)
