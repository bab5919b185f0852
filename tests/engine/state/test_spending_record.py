"""Records on disk: whole, damaged, of another version, and locked folders."""

from __future__ import annotations

import math
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from engine.period_standing import PeriodStanding, SpentLine
from engine.state.moments import Moment
from engine.state.spending_record import (
    FORMAT,
    DamagedRecord,
    SpendingRecord,
    record_from_bytes,
    record_to_bytes,
)
from engine.state.state_folder import StateFolder

LINES = (SpentLine("execution", "modelled", 3.0, 0.0), SpentLine("radio", "measured", 1.0, 0.25))
STANDING = PeriodStanding(12.5, 1.0, 0.0, 50.0, 4.0, 0.25, LINES)
RECORD = SpendingRecord(Moment("boot", 77.0, 1e9), STANDING, 0.5, 0.125, {"energy_j": 10.0, "period": "1h"})


def test_a_record_comes_back_as_it_was() -> None:
    assert record_from_bytes(record_to_bytes(RECORD)) == RECORD


def test_at_worst_all_that_was_allowed_for_is_spent() -> None:
    worst = RECORD.at_worst()
    assert (worst.work_j, worst.spent_usd) == (4.5, 0.375)
    assert worst.lines == (*LINES, SpentLine("assumed", "modelled", 0.5, 0.125))
    again = SpendingRecord(RECORD.written, worst, 0.5, 0.0, {}).at_worst()
    assert again.lines[-1] == SpentLine("assumed", "modelled", 1.0, 0.125)
    assert math.fsum(line.energy_j for line in again.lines) == again.work_j


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_is_believed(where: int, change: int) -> None:
    data = bytearray(record_to_bytes(RECORD))
    data[where % len(data)] ^= change
    try:
        read = record_from_bytes(bytes(data))
    except DamagedRecord:
        return
    assert read == RECORD  # white space was changed


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format": "mcdnn spending 9"}'])
def test_what_is_no_record_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(DamagedRecord):
        record_from_bytes(data)


def test_a_truncated_file_is_set_aside_under_a_name_of_its_own(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert folder.spending() is None
    for name in ("spending.json.damaged-1", "spending.json.damaged-2"):
        folder.write_spending(RECORD)
        assert folder.spending() == RECORD
        whole = folder.spending_path.read_bytes()
        folder.spending_path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedRecord, match=f"kept as {name}"):
            folder.spending()
        assert (tmp_path / name).read_bytes() == whole[: len(whole) // 2]
        assert folder.spending() is None
    folder.close()


def test_one_run_at_a_time_keeps_its_state_in_a_folder(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    with pytest.raises(BadInput, match=f"state = {tmp_path}: another run keeps its state there"):
        StateFolder(tmp_path)
    folder.close()
    StateFolder(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"file/state: cannot be written: Not a directory"):
        StateFolder(tmp_path / "file" / "state")


def test_the_file_says_which_format_it_has(tmp_path: Path) -> None:
    assert orjson.loads(record_to_bytes(RECORD))["format"] == FORMAT
