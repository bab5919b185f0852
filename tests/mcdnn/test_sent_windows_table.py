from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.jpeg_trials import JpegTrial
from catalog.store import CatalogWriter, open_catalog
from mcdnn.cli import main
from mcdnn.sent_windows_table import sent_windows_table
from tests.catalog_builder import build_catalog


def trial(quality: int, lost: int, window_bytes: float) -> JpegTrial:
    return JpegTrial(quality, 1000, lost, 0, window_bytes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A catalog on two of whose trunks JPEG was tried."""
    root = build_catalog(tmp_path / "built")
    contents = open_catalog(root).contents
    trials = {
        "wide/identity": (trial(50, 60, 300.0), trial(90, 3, 500.0)),
        "wide/parity": (trial(50, 4, 300.0), trial(90, 0, 500.0)),
        "narrow/identity": (trial(100, 70, 700.0),),
        "narrow/parity": (trial(100, 0, 700.0),),
    }
    variants = tuple(replace(v, jpeg=trials.get(v.id, ())) for v in contents.variants)
    CatalogWriter(root).write_contents(replace(contents, variants=variants))
    return root


def test_each_trunk_tells_what_all_its_tasks_bear_and_what_that_costs(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["catalog", "show", str(root)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    at = lines.index("a window to a cloud raw JPEG quality costs")
    assert lines[at + 1 : at + 4] == ["wide 0.768 kB 0.5 kB 90 0.4%", "narrow 0.768 kB - - -", ""]


def test_without_any_trial_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert sent_windows_table(open_catalog(build_catalog(tmp_path / "built"))) is None
