from __future__ import annotations

from pathlib import Path

from catalog.compiler.compile_log import CompileLog, CompilePlan
from catalog.store import open_catalog
from catalog.tasks import InputType
from tests.catalog.compiler.bright_windows import SIDE, SMALL, workplace


def test_what_failed_and_what_was_skipped_is_written_down(tmp_path: Path) -> None:
    place = workplace(tmp_path, {"train": (1, 1, 1), "validation": (1, 1, 1), "test": (1, 1, 1)})
    skipped = {"bf16": "no such processor"}
    plan = CompilePlan(place, (InputType("patch", SIDE),), (SMALL,), "", {}, skipped)
    CompileLog(plan, {}, lambda: "2026-01-01T00:00:00Z").fail("small", "too small")
    compiled = open_catalog(place.root).contents.compiled
    assert (compiled.failed, compiled.skipped) == ({"small": "too small"}, skipped)
    assert not compiled.complete
