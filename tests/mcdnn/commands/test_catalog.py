from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from catalog.store import open_catalog
from mcdnn.cli import main
from tests.catalog_builder import build_catalog


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_catalog(tmp_path / "built")


def test_every_variant_is_a_line_that_fits_a_terminal(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[1:4]] == ["wide", "narrow", "small"]
    assert lines[1].split()[1:3] == ["98.0%", "97.5%"]
    assert all(line.rstrip().endswith("*") for line in lines[1:4])


def test_programs_read_the_same_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"] is True
    first = told["tasks"]["identity"][0]
    assert first["trunk"] == "wide"
    assert first["latency_s"] == pytest.approx(1005e-6)
    assert first["on_front"] is True
    assert set(told["tasks"]) == {"identity", "parity"}


def test_profile_measures_this_device(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "profile", str(root), "--device", "here", "--seconds", "0.01"]) == 0
    assert "5 parts measured on" in capsys.readouterr().out
    catalog = open_catalog(root)
    assert catalog.devices() == ["here", "host"]
    measured = catalog.measurements("here")
    assert {m.part for m in measured.parts} == set(catalog.parts)
    assert {m.backend for m in measured.parts} == {"onnxruntime"}


def test_a_device_that_was_never_measured_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(root), "--device", "moon"]) == 2
    assert "moon.json" in capsys.readouterr().err


def test_no_catalog_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_unfinished_catalog_says_so(
    tiny_catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(tiny_catalog, tmp_path / "c"))
    contents = (root / "catalog.json").read_text()
    (root / "catalog.json").write_text(contents.replace('"complete": true', '"complete": false'))
    assert main(["catalog", "show", str(root)]) == 0
    assert "not complete" in capsys.readouterr().out
