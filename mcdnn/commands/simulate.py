"""mcdnn simulate: live a day under one or more policies, beside a clairvoyant bound."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import BadInput

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.sweep import Done, Run
    from sim.sweep_results import Point, Sweep

_DEFAULT = "commuter"
_PIPE_WIDTH = 240  # characters; a terminal has its own
_EXAMPLE = """examples:
  mcdnn simulate                                        a commuter's day, under every policy
  mcdnn simulate home-camera --policy paced --out report/
  mcdnn simulate wearable --set budget.energy_lasts=.2,.4,.8 --set device.radio.exchange_j=.1,.5,.9
  mcdnn simulate SCENARIO.toml --policy paced --explain 3600
  mcdnn run ENGINE.toml --record recorded/ && mcdnn simulate recorded/
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "simulate",
        help="live a day under one or more policies",
        description="Simulates a scenario (a ready one, or SCENARIO.toml), or replays the requests of a "
        "recorded run, with the engine's own policies and ledger. Accuracy is the expected one of what "
        "would answer; the bound is what a planner who knew the whole day could not exceed.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "scenario",
        nargs="?",
        default=_DEFAULT,
        metavar="SCENARIO",
        help="name of a ready one, SCENARIO.toml, or a folder written by mcdnn run --record "
        f"(default: {_DEFAULT})",
    )
    parser.add_argument(
        "--policy", action="append", metavar="NAME", help="may be given several times (default: every policy)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=V1,V2,...",
        help="set a key of the scenario; with several values, simulate each; may be given several times, "
        "for every combination",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes to simulate in (default: one a processor)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write simulation.csv and simulation.json, and report.html unless several values are set",
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--explain",
        type=float,
        metavar="T",
        help="print what is chosen at T seconds, and why, and stop there",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the ready scenarios")
    parser.add_argument("--print-schema", action="store_true", help="print the JSON schema of SCENARIO.toml")


def run(args: argparse.Namespace) -> int:
    """Simulate every policy at every combination of what is set.

    Raises:
        BadInput: no such policy or scenario, or a file is missing or wrong.
        RunFailed: results cannot be written.
    """
    from engine.scheduling.policies.table import POLICIES, check_policy
    from sim.opening import open_scenario
    from sim.settings import grid, parse_setting

    if args.list or args.print_schema:
        return _print_about(args)
    names = list(dict.fromkeys(args.policy or sorted(POLICIES)))
    for name in names:
        check_policy(name)
    if args.jobs is not None and args.jobs < 1:
        raise BadInput(f"--jobs {args.jobs}: expected at least 1")
    points = list(grid(parse_setting(text) for text in args.settings))
    for values in points:  # so that nothing is simulated where a later point is wrong
        _check_demand(args.scenario, open_scenario(args.scenario, values))
    if args.explain is not None:
        return _explain(args, points, names)
    _make_folder(args.out)
    return _simulate(args, points, names)


def _check_demand(named: str, scenario: Scenario) -> None:
    """Refuse a day in which nothing is asked, and traces whose first lines are wrong."""
    if all(next(iter(day.arrivals()), None) is None for day in scenario.devices):
        raise BadInput(f"{named}: no app asks about anything: expected at least one request")


def _make_folder(folder: Path | None) -> None:
    """Make sure of the folder for results while there are none to lose."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as e:
        raise BadInput(f"--out {folder}: a file: expected a folder") from e
    except OSError as e:
        raise BadInput(f"--out {folder}: cannot be made: {e.strerror or e}") from e
    if not os.access(folder, os.W_OK):
        raise BadInput(f"--out {folder}: nothing may be written there")


def _print_about(args: argparse.Namespace) -> int:
    from sim.ready import ready_names
    from sim.scenario_file import schema

    print(schema() if args.print_schema else "\n".join(ready_names()))
    return 0


def _explain(args: argparse.Namespace, points: Sequence[Any], names: Sequence[str]) -> int:
    from functools import partial

    from engine.scheduling.policies.table import make_policy
    from sim.explaining import explain_moment, moment_to_lines
    from sim.native_output import native_output_dropped
    from sim.opening import open_scenario

    if len(points) > 1:
        raise BadInput("--explain: looks at one day: give one value for each --set")
    if args.json or args.out is not None:
        raise BadInput("--explain: prints for people and writes nothing: leave out --json and --out")
    for name in names:
        scenario = open_scenario(args.scenario, points[0])
        with native_output_dropped():
            moments = explain_moment(scenario, partial(make_policy, name), args.explain)
        if not any(moment.choices for moment in moments):
            last_s = max(arrival.t_s for day in scenario.devices for arrival in day.arrivals())
            raise BadInput(f"--explain {args.explain:g}: the last window comes at {last_s:g} s")
        for moment in moments:
            print("\n".join(moment_to_lines(moment)))
    return 0


def _simulate(args: argparse.Namespace, points: Sequence[Any], names: Sequence[str]) -> int:
    from sim.sweep import do_runs, plan_runs
    from sim.sweep_results import Sweep

    runs = plan_runs(args.scenario, points, names)
    sweep = Sweep(points, names)
    try:
        for done in _shown(do_runs(runs, args.jobs or os.cpu_count() or 1), runs):
            sweep.add(done)
    finally:  # an interrupt keeps what was done
        try:
            _write(args, sweep)
        finally:  # so does a full disk
            _print_results(args, sweep)
    return 0


def _shown(done: Iterable[Done], runs: Sequence[Run]) -> Iterable[Done]:
    """Show a bar on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(
        done,
        "simulating",
        len(runs),
        console=console,
        transient=True,
        disable=not (console.is_terminal and sys.stdout.isatty()),
    )


def _write(args: argparse.Namespace, sweep: Sweep) -> None:
    from catalog.durable_file import write_whole
    from sim.html_report import write_report
    from sim.opening import open_scenario
    from sim.sweep_results import sweep_to_csv

    if args.out is None or not any(p.results for p in sweep.points):
        return
    write_whole(args.out / "simulation.csv", sweep_to_csv(sweep.points, sweep.parameters).encode())
    write_whole(args.out / "simulation.json", _json(sweep.points).encode())
    if len(sweep.points) == 1:
        (point,) = sweep.points
        scenario = open_scenario(args.scenario, point.values)
        write_report(args.out / "report.html", scenario, point.results, point.bounds, point.timelines)


def _json(points: Sequence[Point]) -> str:
    from sim.sweep_results import sweep_to_json

    return json.dumps(sweep_to_json(points), indent=2, allow_nan=False)


def _print_results(args: argparse.Namespace, sweep: Sweep) -> None:
    from rich.console import Console

    from mcdnn.simulation_table import simulation_table, unserved_lines

    if not any(p.results for p in sweep.points):
        return
    if args.json:
        print(_json(sweep.points))
        return
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(simulation_table(sweep))
    if len(sweep.points) == 1:
        for line in unserved_lines(sweep.points[0].results):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
