from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.report import command_line, write_report


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--data", "/home/me/data", "--quick"], "--data DATA --quick"),
        (["--out=/tmp/report", "--processes", "2"], "--out=OUT --processes 2"),
        (["--catalog", "/tmp/digits", "--data", "/data"], "--catalog CATALOG --data DATA"),
        (["--groups", "grid,days"], "--groups grid,days"),
        ([], ""),
    ],
)
def test_a_command_names_no_folder_of_the_machine_it_ran_on(arguments: list[str], shown: str) -> None:
    command = command_line(["/home/me/benchmarks/scheduling.py", *arguments])
    assert command == f"python -m benchmarks.scheduling {shown}".strip()


def test_a_report_holds_the_command_without_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", ["/x/benchmarks/speed.py", "--data", str(tmp_path), "--out", str(tmp_path)]
    )
    text = write_report("speed", "Speed", [{"time_s": 1.5}], ["One run."], folder=tmp_path)
    assert "`python -m benchmarks.speed --data DATA --out OUT`" in text
    record = json.loads((tmp_path / "speed.json").read_text())
    assert record["command"] == "python -m benchmarks.speed --data DATA --out OUT"
    assert str(tmp_path) not in (tmp_path / "speed.md").read_text() + (tmp_path / "speed.json").read_text()
