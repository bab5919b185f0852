"""Days with up to fifteen apps: generated ones, and ones made of real traces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.real_days import REAL_DAYS, real_scenario
from benchmarks.scheduling_cases import EVERY_POLICY, SPECIALISING, Case
from sim.ready import random_day

SEEDS = range(12)


def generated_days(quick: bool) -> list[Case]:
    """Return twelve days drawn at random."""
    seeds: Sequence[int] = SEEDS[1:2] if quick else SEEDS
    return [
        Case("days", f"generated {seed}", partial(random_day, seed), (*EVERY_POLICY, SPECIALISING))
        for seed in seeds
    ]


def real_days(traces: Path, quick: bool) -> list[Case]:
    """Return six days made of published traces; nothing in a quick run.

    Args:
        traces: their folder.
    """
    return [
        Case("days", f"real {number}", partial(real_scenario, traces, number), (*EVERY_POLICY, SPECIALISING))
        for number in range(0 if quick else len(REAL_DAYS))
    ]
