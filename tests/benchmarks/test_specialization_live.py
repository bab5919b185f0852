"""Both ways of answering live side by side: whose turn it is, and that both are shown the same."""

from __future__ import annotations

import threading
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from benchmarks.specialization_cases import Case
from benchmarks.specialization_catalogs import Shown, UInt8
from benchmarks.specialization_live import AsSoonAsAnswered, Turns, both_ways
from catalog.store import open_catalog
from tests.catalog_builder import build_catalog
from tests.engine.media import result

_LONG_S = 30.0
_LATER_S = 100.0  # in the trace: when windows come as soon as those before are answered


@pytest.fixture(autouse=True)
def turns_of_fifty_windows_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.specialization_live._TURN", 50)
    monkeypatch.setattr("benchmarks.specialization_live._BEGINS_S", 0.0)


class Run:
    """Shows so many windows in a thread of its own, each once the one before is answered."""

    def __init__(self, turns: Turns, run: int, windows: int, shown: list[int]) -> None:
        self._pace = AsSoonAsAnswered(turns, run)
        self._run, self._windows, self._shown = run, windows, shown
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def _show(self) -> None:
        for i in range(self._windows):
            self._pace.wait(_LATER_S)
            self._shown.append(self._run)
            self._pace.answered(result(i))
        self._pace.close()

    def ends(self) -> bool:
        self._thread.join(_LONG_S)
        return not self._thread.is_alive()


def turns_of(*windows: int) -> list[tuple[int, int]]:
    """Return which run showed how many windows at a stretch, where they have so many to show."""
    shown: list[int] = []
    turns = Turns(len(windows))
    runs = [Run(turns, run, count, shown) for run, count in enumerate(windows)]
    assert all(run.ends() for run in runs)
    return [(run, len(list(own))) for run, own in groupby(shown)]


def test_runs_show_as_many_windows_each_in_turn() -> None:
    assert turns_of(150, 150, 150) == [(0, 50), (1, 50), (2, 50)] * 3


def test_a_run_that_waits_goes_on_when_the_other_has_come_to_its_end() -> None:
    assert turns_of(60, 200) == [(0, 50), (1, 50), (0, 10), (1, 150)]
    assert turns_of(200, 60) == [(0, 50), (1, 50), (0, 50), (1, 10), (0, 100)]


def test_a_run_may_leave_twice_or_in_the_turn_of_another_and_waits_for_nobody_then() -> None:
    turns = Turns(3)
    for _ in range(2):
        turns.leave(1)
        turns.take(1)
        turns.take(0)  # it is still the turn of the first
    turns.pass_on(1)  # and one that has left does not come back by that
    turns.pass_on(0)
    turns.take(2)
    turns.pass_on(2)
    turns.take(0)


class Noted:
    """Images that note who looked at which."""

    def __init__(self, images: UInt8) -> None:
        self._images = images
        self.seen: list[tuple[threading.Thread, int]] = []

    def __getitem__(self, index: int) -> UInt8:
        self.seen.append((threading.current_thread(), int(index)))
        image: UInt8 = self._images[index]
        return image


def test_both_ways_are_shown_the_same_windows_in_turn(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(256, size=(200, 16, 16, 3)).astype(np.uint8)
    windows, truth = Noted(images), np.arange(200) % 10
    catalog = open_catalog(build_catalog(tmp_path))
    shown = Shown(catalog, "identity", windows, truth)  # type: ignore[arg-type]
    lived = both_ways(shown, Case(2, 0.9, 4.0, 12.0), seed=3)
    by_run: dict[threading.Thread, list[int]] = {}
    for thread, index in windows.seen:
        by_run.setdefault(thread, []).append(index)
    without, with_heads = by_run.values()
    assert without == with_heads
    changes = [run for run, _ in groupby(thread for thread, _ in windows.seen)]
    assert len(changes) <= 8  # three turns each, and both look at their first window before any
    assert [len(each.right) for each in lived] == [120, 120]
    assert lived[0].right == lived[1].right
