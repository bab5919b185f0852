"""Whether live engine and simulator are the same code: a live run replayed, and the same day simulated.

A digit camera runs at its own pace under the default policy on a budget that does not last. Its
decision log is replayed to a fresh policy. Then the recorded requests are simulated freely from what
the catalog's profile expects (medians), with nothing of the run's own costs but what extraction took,
which no profile has.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.report import Row
from catalog.devices import load_device_profile
from catalog.store import Catalog, open_catalog
from engine.ledger import Category
from engine.results import Result
from engine.scheduling.decision_replay import DecisionLogReader, Replay, replay
from engine.scheduling.policies.table import make_policy
from engine.scheduling.problem import Problem
from engine.scheduling.problem_json import problem_to_json
from engine.sinks.recorder import Recorder
from engine.snapshot import Snapshot
from mcdnn.demonstration import (
    DemoBudget,
    budget_from,
    camera,
    catalog_folder,
    config,
    rehearsal_seconds,
    unlimited_config,
)
from mcdnn.engine import Engine
from sim.day import simulate_scenario
from sim.recording import open_recording
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario

_POLICY = "paced"
_FULL_S, _QUICK_S = 60.0, 10.0
ASKED_DIFFERENCE_PCT = 3.0


@dataclass(frozen=True, slots=True)
class Lived:
    """A live run.

    Args:
        snapshot: at its end.
        served: by app and variant.
    """

    snapshot: Snapshot
    served: Counter[tuple[str, str]]


def same_code(_: Path, quick: bool) -> list[Row]:
    """Return what was compared, live and simulated, and by how much it differs."""
    seconds = _QUICK_S if quick else _FULL_S
    catalog = _compiled_digits()
    budget = _budget(catalog, seconds)
    with tempfile.TemporaryDirectory() as name:
        recording, log = Path(name) / "recording", Path(name) / "decisions.jsonl"
        lived = _live(catalog, budget, recording, log)
        reader = DecisionLogReader(log)
        replayed = replay(reader, partial(make_policy, reader.policy))
        simulated = _simulate(recording, reader.problem)
    return [_replay_row(replayed), *_difference_rows(lived, simulated, reader.problem)]


def _compiled_digits() -> Catalog:
    """Return the demonstration's catalog, measured as the machine is now: it may have been another day."""
    folder = catalog_folder()
    there = (folder / "catalog.json").is_file()
    verb = ["catalog", "profile", str(folder)] if there else ["compile", "digits", "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "mcdnn", *verb], check=True, stdout=subprocess.DEVNULL)
    return open_catalog(folder)


def _budget(catalog: Catalog, seconds: float) -> DemoBudget:
    """Return the demonstration's budget: the most accurate models would use it up half way."""
    scenes = Engine(unlimited_config(catalog.root)).run(camera(seconds, "max"))
    rehearsal = Engine(unlimited_config(catalog.root)).run(camera(rehearsal_seconds(seconds)))
    return budget_from(scenes, rehearsal, load_device_profile("host").base_w, seconds, catalog)


def _live(catalog: Catalog, budget: DemoBudget, recording: Path, log: Path) -> Lived:
    served: Counter[tuple[str, str]] = Counter()

    def count(result: Result) -> None:
        if result.served and result.variant is not None:
            served[result.app, result.variant] += 1

    engine = Engine(config(catalog.root, _POLICY, budget))
    engine.on_result(count)
    engine.add_sink(Recorder(recording, engine.classes_of, lambda: problem_to_json(engine.problem)))
    engine.log_decisions(log)
    return Lived(engine.run(camera(budget.seconds)), served)


def _simulate(folder: Path, problem: Problem) -> DayResult:
    recording = open_recording(folder)
    measured = recording.problem
    expected = replace(problem, frame_energy_j=measured.frame_energy_j, frames_hz=measured.frames_hz)
    day = DeviceDay("recording", expected, recording.arrivals, recording.network)
    (result,) = simulate_scenario(Scenario("recording", (day,)), partial(make_policy, _POLICY))
    return result


def _replay_row(found: Replay) -> Row:
    return {
        "compared": f"(a) answers that differ, of {found.plans} plans and {found.choices} choices replayed",
        "live": 0.0,
        "simulated": float(found.differing),
        "difference_pct": None,
        "asked_below_pct": 0.0,
    }


def _difference_rows(lived: Lived, simulated: DayResult, problem: Problem) -> list[Row]:
    requests = sum(a.requests for a in lived.snapshot.apps)
    served = sum(a.served for a in lived.snapshot.apps)
    accuracy = {(o.app, o.variant): o.accuracy for own in problem.options.values() for o in own}
    right = sum(n * accuracy[key] for key, n in lived.served.items())
    spent = lived.snapshot.standing.spent
    spent_j = sum(line.energy_j for line in spent if line.category is not Category.BASE_LOAD)
    known = sum(a.known for a in lived.snapshot.apps)
    return [
        _row("requests", requests, simulated.requests, None),
        _row("(b) served share", served / requests, simulated.served_share, ASKED_DIFFERENCE_PCT),
        _row("(b) energy, base load apart, J", spent_j, simulated.total_energy_j, ASKED_DIFFERENCE_PCT),
        _row(
            "(b) accuracy expected of the answers", right / requests, simulated.accuracy, ASKED_DIFFERENCE_PCT
        ),
        {
            "compared": "accuracy of the answers where truth is known",
            "live": sum(a.correct for a in lived.snapshot.apps) / known if known else None,
            "simulated": simulated.accuracy,
            "difference_pct": None,
            "asked_below_pct": None,
        },
    ]


def _row(compared: str, live: float, simulated: float, asked: float | None) -> Row:
    return {
        "compared": compared,
        "live": live,
        "simulated": simulated,
        "difference_pct": 100.0 * abs(simulated - live) / live if live else None,
        "asked_below_pct": asked,
    }
