"""The systemd units of docs/deploy, read by systemd itself where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[1] / "docs" / "deploy").glob("*.service"))
PROGRAM = "/opt/mcdnn/bin/mcdnn"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_about_a_unit(unit: Path, tmp_path: Path) -> None:
    analyze, there = shutil.which("systemd-analyze"), shutil.which("true")
    if analyze is None or there is None:
        pytest.skip("systemd-analyze is not installed")
    text = unit.read_text()
    assert PROGRAM in text
    copy = tmp_path / unit.name
    copy.write_text(text.replace(PROGRAM, there))
    verified = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
