"""mcdnn simulate: live a day under one or more policies, beside a clairvoyant bound."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.bound import Bound
    from sim.report import DayResult
    from sim.scenario import DeviceDay, Scenario
    from sim.timeline import Timeline, TimelineRecorder

_DEFAULT = "commuter"
_EXAMPLE = """examples:
  mcdnn simulate                                        a commuter's day, under every policy
  mcdnn simulate home-camera --policy paced --out report/
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
        "--out", type=Path, metavar="DIR", help="write simulation.csv, simulation.json and report.html"
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
    """Simulate once for each policy.

    Raises:
        BadInput: no such policy or scenario, or a file is missing or wrong.
        RunFailed: results cannot be written.
    """
    from engine.scheduling.policies.table import POLICIES, check_policy

    if args.list or args.print_schema:
        return _print_about(args)
    names = args.policy or sorted(POLICIES)
    for name in names:
        check_policy(name)
    scenario = _scenario(args.scenario)
    if args.explain is not None:
        return _explain(scenario, names, args.explain)
    return _simulate(scenario, names, args)


def _print_about(args: argparse.Namespace) -> int:
    from sim.ready import ready_names
    from sim.scenario_file import schema

    print(schema() if args.print_schema else "\n".join(ready_names()))
    return 0


def _scenario(named: str) -> Scenario:
    """Open what was named: a recording, a file, or a ready scenario."""
    from sim.day import recorded_scenario
    from sim.ready import ready_scenario
    from sim.recording import open_recording
    from sim.scenario_building import build_scenario
    from sim.scenario_file import parse_scenario_table, read_scenario_table

    path = Path(named)
    if path.is_dir():
        return recorded_scenario(open_recording(path))
    if path.suffix == ".toml" or path.is_file():
        return build_scenario(parse_scenario_table(read_scenario_table(path), named), path.parent, named)
    return ready_scenario(named)


def _explain(scenario: Scenario, names: Sequence[str], t_s: float) -> int:
    from functools import partial

    from engine.scheduling.policies.table import make_policy
    from sim.explaining import explain_moment, moment_to_lines

    for name in names:
        for moment in explain_moment(scenario, partial(make_policy, name), t_s):
            print("\n".join(moment_to_lines(moment)))
    return 0


def _simulate(scenario: Scenario, names: Sequence[str], args: argparse.Namespace) -> int:
    from functools import partial

    from catalog.durable_file import write_whole
    from engine.scheduling.policies.table import make_policy
    from sim.bound import clairvoyant_bound
    from sim.day import simulate_scenario
    from sim.html_report import write_report
    from sim.report import results_to_csv, results_to_json
    from sim.timeline import TimelineRecorder

    results: list[DayResult] = []
    timelines: dict[tuple[str, str], Timeline] = {}
    for name in names:
        recorders = {d.name: TimelineRecorder() for d in scenario.devices}
        watch = partial(_recorder_of, recorders)
        results += simulate_scenario(scenario, partial(make_policy, name), watch)
        timelines |= {(name, device): r.timeline() for device, r in recorders.items()}
    bounds = {d.name: clairvoyant_bound(d) for d in scenario.devices}
    written = json.dumps(_with_bounds(results_to_json(results), bounds), indent=2, allow_nan=False)
    if args.out is not None:
        write_whole(args.out / "simulation.csv", results_to_csv(results).encode())
        write_whole(args.out / "simulation.json", written.encode())
        write_report(args.out / "report.html", scenario, results, bounds, timelines)
    if args.json:
        print(written)
    else:
        _print_table(results, bounds)
    return 0


def _recorder_of(recorders: Mapping[str, TimelineRecorder], day: DeviceDay) -> TimelineRecorder:
    return recorders[day.name]


def _with_bounds(rows: list[dict[str, Any]], bounds: Mapping[str, Bound]) -> list[dict[str, Any]]:
    return [row | {"bound_accuracy": bounds[row["device"]].accuracy} for row in rows]


def _print_table(results: Sequence[DayResult], bounds: Mapping[str, Bound]) -> None:
    from rich.console import Console
    from rich.table import Table

    several = len(bounds) > 1
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    headings = ("policy", "requests", "served", "accuracy", "of bound", "energy", "cloud", "overdraft")
    for heading in ("device", *headings) if several else headings:
        table.add_column(heading, justify="left" if heading in ("policy", "device") else "right")
    for r in results:
        bound = bounds[r.device].accuracy
        cells = (
            r.policy,
            f"{r.requests}",
            f"{100 * r.served_share:.1f} %",
            f"{100 * r.accuracy:.1f} %",
            f"{100 * r.accuracy / bound:.1f} %" if bound > 0.0 else "-",
            f"{r.total_energy_j:.4g} J",
            f"${r.cost_usd:.3g}",
            f"{r.overdraft_j:.3g} J",
        )
        table.add_row(*((r.device, *cells) if several else cells))
    console = Console()
    console.print(table)
    for r in results:
        for app in r.apps:
            for reason, count in app.unserved.items():
                console.print(f"{r.policy}: {app.app}: {count} unserved: {reason}", highlight=False)
