"""mcdnn run in a process of its own, killed, stopped and started again: what its state folder makes of it."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.state.spending_record import SpendingRecord, record_from_bytes
from mcdnn.cli import main
from tests.catalog_builder import build_catalog
from tests.engine.sources.served import LONG_S, wait_until

BASE_J = 4.0 * 180.0  # of three minutes
GRANTED_J = BASE_J + 60.0
ENGINE = f"""
catalog = "catalog"
state = "state"
[budget]
energy_j = {GRANTED_J}
period = "3m"
[[source]]
uri = "digits:?seed=7&fps=60"
[[app]]
name = "who"
task = "identity"
[extractor]
digit = "whole-frame"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    build_catalog(root / "catalog")
    return root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    (tmp_path / "catalog").symlink_to(made / "catalog")
    (tmp_path / "e.toml").write_text(ENGINE)
    return tmp_path


def start(folder: Path, out: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mcdnn", "run", str(folder / "e.toml"), "--out", str(folder / out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kept(folder: Path) -> SpendingRecord:
    return record_from_bytes((folder / "state" / "spending.json").read_bytes())


def has_spent(folder: Path, more_than_j: float) -> bool:
    try:
        return kept(folder).standing.work_j > more_than_j
    except FileNotFoundError:
        return False


def of_requests_j(folder: Path, out: str) -> float:
    """What the results say that they took; a line that was cut off by the kill is left out."""
    lines = (folder / out).read_text().splitlines(keepends=True)
    return math.fsum(json.loads(line)["energy_j"] for line in lines if line.endswith("\n"))


def summary(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run for half a second more, in good order."""
    assert main(["run", str(folder / "e.toml"), "--duration", "0.5", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_kill_gives_nothing_of_the_budget_back(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before_j = spent_j = 0.0
    for out in ("first.jsonl", "second.jsonl"):
        process = start(folder, out)
        wait_until(lambda before_j=before_j: has_spent(folder, before_j), LONG_S)
        process.kill()
        process.communicate()
        spent_j += of_requests_j(folder, out)
        record = kept(folder)
        assert record.ahead_j > 0.0
        before_j = record.at_worst().work_j
        assert before_j >= spent_j > 0.0
    end = summary(folder, capsys)
    left_j = end["standing"]["budget"]["energy_left_j"]
    assert 0.0 < left_j < GRANTED_J - BASE_J - before_j
    assert end["standing"]["budget"]["period_left_s"] < 180.0
    assert "the last run did not end in good order" in caplog.text


def test_a_stop_in_good_order_costs_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    process = start(folder, "out.jsonl")
    wait_until(lambda: has_spent(folder, 0.0), LONG_S)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LONG_S)
    assert process.returncode == 0
    record = kept(folder)
    assert (record.ahead_j, record.ahead_usd) == (0.0, 0.0)
    of_requests = math.fsum(li.energy_j for li in record.standing.lines if li.category in ("execution",))
    assert record.standing.work_j >= of_requests > 0.0
    end = summary(folder, capsys)
    after = kept(folder)
    assert after.standing.work_j > record.standing.work_j
    assert after.standing.elapsed_s > record.standing.elapsed_s
    assert end["standing"]["budget"]["energy_j"] == GRANTED_J
    assert "good order" not in caplog.text


def test_a_damaged_file_is_set_aside_and_the_budget_counts_as_used_up(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "spending.json").write_text('{"format": "mcdnn spe')
    end = summary(folder, capsys)
    assert end["served_share"] == 0.0
    assert next(r.getMessage() for r in caplog.records if r.levelname == "ERROR").startswith(
        f"{folder / 'state' / 'spending.json'}: not a record of spending"
    )
    assert (folder / "state" / "spending.json.damaged-1").read_text() == '{"format": "mcdnn spe'
    assert summary(folder, capsys)["served_share"] == 0.0  # a restart is no way around it


def test_another_budget_is_said_and_takes_nothing_back(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    summary(folder, capsys)
    spent_j = kept(folder).standing.work_j
    (folder / "e.toml").write_text(ENGINE.replace(str(GRANTED_J), str(GRANTED_J + 100.0)))
    end = summary(folder, capsys)
    assert "budget energy_j changed: what was spent stays spent" in caplog.text
    assert end["standing"]["budget"]["energy_j"] == GRANTED_J + 100.0
    assert kept(folder).standing.work_j > spent_j > 0.0


def test_a_second_run_on_the_same_folder_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = start(folder, "out.jsonl")
    wait_until(lambda: has_spent(folder, -1.0), LONG_S)
    assert main(["run", str(folder / "e.toml")]) == 2
    told = capsys.readouterr().err
    assert f"state = {folder / 'state'}: another run keeps its state there: give each its own" in told
    process.kill()
    process.communicate()


def test_recordings_at_full_speed_keep_no_state(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    words = ["run", str(folder / "e.toml"), "--source", "digits:?seed=7&seconds=1&pace=max", "--json"]
    assert main(words) == 0
    assert "state: not kept: recordings at full speed have a time of their own" in caplog.text
    assert not (folder / "state").exists()
