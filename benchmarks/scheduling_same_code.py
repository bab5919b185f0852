"""Whether live engine and simulator are the same code: a live run replayed, and the same day simulated.

A digit camera runs at its own pace under the default policy on a budget that does not last. Its
decision log is replayed to a fresh policy. Then the recorded requests are simulated freely from what
the catalog's profile expects (medians of calls made as a camera makes them), with nothing of the run's
own costs but what extraction took, which no profile has.

A shared machine's pace changes by a quarter within minutes, so the catalog is profiled just before the
run and again just after it, and the simulation expects the mean of both medians. Where the budget
binds, both spend it to the end, whatever a call costs: therefore what the live run's own calls would
have cost at the profile's medians is told as well. All of it is done several times over, and every run
is shown.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean, median

from benchmarks.report import Row
from catalog.devices import load_device_profile
from catalog.measurements import DeviceMeasurements
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
from sim.observing import Unobserved
from sim.recording import open_recording
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario

_POLICY = "paced"
_FULL_S, _QUICK_S = 60.0, 10.0
_FULL_RUNS, _QUICK_RUNS = 5, 1
ASKED_DIFFERENCE_PCT = 3.0


@dataclass(frozen=True, slots=True)
class Lived:
    """A live run.

    Args:
        snapshot: at its end.
        served: by app and variant.
        variants: that answered, by window.
    """

    snapshot: Snapshot
    served: Counter[tuple[str, str]]
    variants: dict[str, set[tuple[str, str]]]

    @property
    def spent_j(self) -> dict[Category, float]:
        """Energy by what it was spent on, base load apart."""
        lines = self.snapshot.standing.spent
        return {x.category: x.energy_j for x in lines if x.category is not Category.BASE_LOAD}


class Spent(Unobserved):
    """Adds up what a simulated device spends its energy on."""

    def __init__(self) -> None:
        self.energy_j: defaultdict[Category, float] = defaultdict(float)

    def spent(self, now: float, category: Category, energy_j: float, cost_usd: float) -> None:  # noqa: ARG002
        """Add energy; see Observer."""
        self.energy_j[category] += energy_j


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of the simulated day, and what its energy was spent on."""

    result: DayResult
    spent_j: Mapping[Category, float]


def same_code(_: Path, quick: bool) -> list[Row]:
    """Return what was compared, live and simulated, and by how much it differs: medians, then each run."""
    seconds, runs = (_QUICK_S, _QUICK_RUNS) if quick else (_FULL_S, _FULL_RUNS)
    compared = [_run(seconds) for _ in range(runs)]
    each = [{"run": str(number), **row} for number, rows in enumerate(compared, start=1) for row in rows]
    return [*_summed_up(each), *each]


def _summed_up(rows: Sequence[Row]) -> list[Row]:
    """Return the median over the runs of every difference that something is asked of, and the largest."""
    differences: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["asked_below_pct"] == ASKED_DIFFERENCE_PCT:
            differences[str(row["compared"])].append(float(row["difference_pct"] or 0.0))
    return [
        {
            "run": kind,
            "compared": compared,
            "live": None,
            "simulated": None,
            "difference_pct": of(found),
            "asked_below_pct": ASKED_DIFFERENCE_PCT,
        }
        for kind, of in (("median", median), ("largest", max))
        for compared, found in differences.items()
    ]


def _run(seconds: float) -> list[Row]:
    """Live once, replay and simulate that, and return what was compared."""
    catalog = _compiled_digits()
    budget = _budget(catalog, seconds)
    with tempfile.TemporaryDirectory() as name:
        recording, log = Path(name) / "recording", Path(name) / "decisions.jsonl"
        lived = _live(catalog, budget, recording, log)
        reader = DecisionLogReader(log)
        replayed = replay(reader, partial(make_policy, reader.policy))
        before, after = catalog.measurements(), _compiled_digits().measurements()
        expected = _expected(reader.problem, before, after)
        simulated = _simulate(recording, _with_extraction(expected, lived, seconds))
    return [_replay_row(replayed), *_difference_rows(lived, simulated, expected)]


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
    return budget_from(scenes, [rehearsal], load_device_profile("host").base_w, seconds, catalog)


def _live(catalog: Catalog, budget: DemoBudget, recording: Path, log: Path) -> Lived:
    served: Counter[tuple[str, str]] = Counter()
    variants: dict[str, set[tuple[str, str]]] = defaultdict(set)

    def count(result: Result) -> None:
        if result.served and result.variant is not None:
            served[result.app, result.variant] += 1
            variants[result.window].add((result.app, result.variant))

    engine = Engine(config(catalog.root, _POLICY, budget))
    engine.on_result(count)
    engine.add_sink(Recorder(recording, engine.classes_of, lambda: problem_to_json(engine.problem)))
    engine.log_decisions(log)
    return Lived(engine.run(camera(budget.seconds)), served, variants)


def _expected(problem: Problem, before: DeviceMeasurements, after: DeviceMeasurements) -> Problem:
    """Return the problem with the mean of what two profiles say of each piece."""
    parts = {p for own in problem.options.values() for o in own for s in o.stages for p in s.parts}
    pieces = {}
    for piece, cost in problem.pieces.items():
        m = (before, after)
        live = [x.live_part(piece) if piece in parts else x.live_head(piece) for x in m]
        run = fmean(x.p50_s for x in live) / live[0].p50_s
        worst = fmean(x.p95_s for x in live) / live[0].p95_s
        load = fmean(x.best(piece).load_s for x in m) / before.best(piece).load_s if piece in parts else 1.0
        pieces[piece] = replace(
            cost,
            run_s=run * cost.run_s,
            run_energy_j=run * cost.run_energy_j,
            run_worst_s=worst * cost.run_worst_s,
            run_worst_energy_j=worst * cost.run_worst_energy_j,
            load_s=load * cost.load_s,
            load_energy_j=load * cost.load_energy_j,
        )
    return replace(problem, pieces=pieces)


def _with_extraction(problem: Problem, lived: Lived, seconds: float) -> Problem:
    frames = lived.snapshot.frames
    frame_j = lived.spent_j.get(Category.EXTRACTION, 0.0) / frames
    return replace(problem, frame_energy_j=frame_j, frames_hz=frames / seconds)


def _simulate(folder: Path, expected: Problem) -> Simulated:
    recording = open_recording(folder)
    day = DeviceDay("recording", expected, recording.arrivals, recording.network)
    spent = Spent()
    scenario = Scenario("recording", (day,))
    (result,) = simulate_scenario(scenario, partial(make_policy, _POLICY), lambda _: spent)
    return Simulated(result, spent.energy_j)


def _replay_row(found: Replay) -> Row:
    return {
        "compared": f"(a) answers that differ, of {found.plans} plans and {found.choices} choices replayed",
        "live": 0.0,
        "simulated": float(found.differing),
        "difference_pct": None,
        "asked_below_pct": 0.0,
    }


def _difference_rows(lived: Lived, simulated: Simulated, expected: Problem) -> list[Row]:
    result = simulated.result
    requests = sum(a.requests for a in lived.snapshot.apps)
    served = sum(a.served for a in lived.snapshot.apps)
    accuracy = {(o.app, o.variant): o.accuracy for own in expected.options.values() for o in own}
    right = sum(n * accuracy[key] for key, n in lived.served.items())
    spent_j = lived.spent_j
    known = sum(a.known for a in lived.snapshot.apps)
    asked = ASKED_DIFFERENCE_PCT
    return [
        _row("requests", requests, result.requests, None),
        _row("(b) served share", served / requests, result.served_share, asked),
        _row("(b) energy, base load apart, J", sum(spent_j.values()), result.total_energy_j, asked),
        _row("(b) accuracy expected of the answers", right / requests, result.accuracy, asked),
        *(_row(f"energy of {c}, J", spent_j[c], simulated.spent_j[c], None) for c in spent_j),
        _row(
            "energy of the live run's own calls, as measured and at the profile's medians, J",
            spent_j[Category.EXECUTION],
            _calls_j(lived, expected),
            None,
        ),
        {
            "compared": "accuracy of the answers where truth is known",
            "live": sum(a.correct for a in lived.snapshot.apps) / known if known else None,
            "simulated": result.accuracy,
            "difference_pct": None,
            "asked_below_pct": None,
        },
    ]


def _calls_j(lived: Lived, expected: Problem) -> float:
    """Return what the pieces that answered live are expected to take, shared ones once a window."""
    pieces = {(o.app, o.variant): o.device_pieces for own in expected.options.values() for o in own}
    return sum(
        expected.pieces[p].run_energy_j
        for variants in lived.variants.values()
        for p in {p for key in variants for p in pieces[key]}
    )


def _row(compared: str, live: float, simulated: float, asked: float | None) -> Row:
    return {
        "compared": compared,
        "live": live,
        "simulated": simulated,
        "difference_pct": 100.0 * abs(simulated - live) / live if live else None,
        "asked_below_pct": asked,
    }
