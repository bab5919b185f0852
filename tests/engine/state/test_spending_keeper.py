"""Whatever moment a kill comes at, what lies on disk allows for all that was spent."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from catalog.errors import RunFailed
from engine.period_standing import PeriodStanding
from engine.state.moments import Moment
from engine.state.spending_keeper import SpendingKeeper
from engine.state.spending_record import SpendingRecord

TIMEOUT_S = 60.0
NOW = Moment("boot", 1.0, 2.0)


@dataclass
class Disk:
    """Takes records, and may fail or be waited for."""

    records: list[SpendingRecord] = field(default_factory=list)
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    full: bool = False

    def write(self, record: SpendingRecord) -> None:
        if self.full:
            self.came.release()
            raise RunFailed("spending.json: cannot be written: No space left on device")
        self.records.append(record)
        self.came.release()

    def wait(self) -> SpendingRecord:
        assert self.came.acquire(timeout=TIMEOUT_S)
        return self.records[-1]


def keeper_on(disk: Disk, granted_j: float = 1000.0) -> SpendingKeeper:
    return SpendingKeeper(disk.write, lambda: NOW, granted_j, float("inf"), {"energy_j": granted_j})


def test_each_record_allows_for_some_more_and_half_of_it_brings_the_next() -> None:
    disk = Disk()
    keeper = keeper_on(disk)
    keeper.begin(PeriodStanding(0.0))
    first = disk.wait()
    assert (first.ahead_j, first.ahead_usd, first.standing.work_j) == (2.0, 0.0, 0.0)
    keeper.note(PeriodStanding(1.0, work_j=1.0))
    keeper.note(PeriodStanding(2.0, work_j=1.5))
    second = disk.wait()
    assert (second.standing.work_j, second.ahead_j) == (1.5, 3.0)
    keeper.note(PeriodStanding(3.0, work_j=2.0))
    keeper.close(PeriodStanding(3.0, work_j=2.5))
    assert disk.records[-1] == SpendingRecord(NOW, PeriodStanding(3.0, work_j=2.5), 0.0, 0.0, second.terms)
    assert len(disk.records) == 3


def test_a_new_period_is_written_down_at_once() -> None:
    disk = Disk()
    keeper = keeper_on(disk)
    keeper.begin(PeriodStanding(50.0, work_j=900.0))
    disk.wait()
    keeper.note(PeriodStanding(0.5, work_j=0.25))
    assert disk.wait().standing.work_j == 0.25
    keeper.close(PeriodStanding(1.0))


def test_time_without_a_frame_is_time_that_passed() -> None:
    """The ledger's clock stands still meanwhile: what is kept is when it last moved."""
    disk, clock = Disk(), iter([Moment("boot", t, t) for t in (10.0, 20.0)])
    keeper = SpendingKeeper(disk.write, lambda: next(clock), 1000.0, 1.0, {})
    keeper.begin(PeriodStanding(0.0))
    keeper.note(PeriodStanding(5.0))
    keeper.note(PeriodStanding(5.0))
    keeper.close(PeriodStanding(5.0))
    assert disk.records[-1].written.since_boot_s == 20.0


def test_without_a_limit_spending_is_kept_all_the_same() -> None:
    disk = Disk()
    keeper = keeper_on(disk, float("inf"))
    keeper.begin(PeriodStanding(0.0))
    assert disk.wait().ahead_j == 0.0
    keeper.note(PeriodStanding(1.0, work_j=5.0))
    assert disk.wait().ahead_j == 10.0
    keeper.close(PeriodStanding(1.0, work_j=5.0))


def test_a_full_disk_is_said_and_the_run_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    released: list[bool] = []
    keeper = SpendingKeeper(disk.write, lambda: NOW, 10.0, 1.0, {}, lambda: released.append(True))
    keeper.begin(PeriodStanding(0.0))
    disk.wait()
    disk.full = True
    keeper.note(PeriodStanding(1.0, work_j=5.0))
    disk.wait()
    keeper.close(PeriodStanding(1.0, work_j=5.0))
    said = [r.getMessage() for r in caplog.records]
    assert ["No space left on device" in s for s in said] == [True, True]
    assert released == [True]
