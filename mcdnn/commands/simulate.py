"""mcdnn simulate: replay a recorded run under one or more policies."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.report import DayResult

_EXAMPLE = """examples:
  mcdnn run ENGINE.toml --record recorded/
  mcdnn simulate recorded/ --policy original --policy mcdnn2016
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "simulate",
        help="replay a recorded run under one or more policies",
        description="Replays the requests of a recorded run with the engine's own policies and ledger, "
        "at the costs that were measured then. Accuracy is the expected one of what would answer.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recording", type=Path, metavar="DIR", help="folder written by mcdnn run --record")
    parser.add_argument(
        "--policy", action="append", metavar="NAME", help="may be given several times (default: every policy)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write simulation.csv and simulation.json")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(args: argparse.Namespace) -> int:
    """Replay the recording once for each policy.

    Raises:
        BadInput: no such policy, or the recording is missing or wrong.
        RunFailed: results cannot be written.
    """
    from catalog.durable_file import write_whole
    from engine.scheduling.policies.table import POLICIES
    from sim.day import simulate_recording
    from sim.recording import open_recording
    from sim.report import results_to_csv, results_to_json

    recording = open_recording(args.recording)
    results = [simulate_recording(recording, name) for name in args.policy or sorted(POLICIES)]
    written = json.dumps(results_to_json(results), indent=2, allow_nan=False)
    if args.out is not None:
        write_whole(args.out / "simulation.csv", results_to_csv(results).encode())
        write_whole(args.out / "simulation.json", written.encode())
    if args.json:
        print(written)
    else:
        _print_table(results)
    return 0


def _print_table(results: Sequence[DayResult]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for heading in ("policy", "requests", "served", "accuracy", "energy", "overdraft", "loads", "evictions"):
        table.add_column(heading, justify="left" if heading == "policy" else "right")
    for r in results:
        table.add_row(
            r.policy,
            f"{r.requests}",
            f"{100 * r.served_share:.1f} %",
            f"{100 * r.accuracy:.1f} %",
            f"{r.total_energy_j:.4g} J",
            f"{r.overdraft_j:.3g} J",
            f"{r.loads}",
            f"{r.evictions}",
        )
    console = Console()
    console.print(table)
    for r in results:
        for app in r.apps:
            for reason, count in app.unserved.items():
                console.print(f"{r.policy}: {app.app}: {count} unserved: {reason}", highlight=False)
