"""mcdnn catalog: look into a catalog, or measure it on this device."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

_EXAMPLE = """examples:
  mcdnn catalog show out/digits
  mcdnn catalog show out/digits --json
  mcdnn catalog profile out/digits
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "catalog",
        help="show the variants of a catalog, or measure them on this device",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    show = verbs.add_parser("show", help="list every variant with accuracy, memory and latency")
    show.add_argument("catalog", type=Path, metavar="CATALOG")
    show.add_argument("--device", default="host", metavar="NAME", help="whose measurements (default: host)")
    show.add_argument("--json", action="store_true", help="print them as JSON")
    profile = verbs.add_parser("profile", help="measure every part on this device")
    profile.add_argument("catalog", type=Path, metavar="CATALOG")
    profile.add_argument(
        "--device", default="host", metavar="NAME", help="name of the result (default: host)"
    )
    profile.add_argument(
        "--threads", type=int, default=1, metavar="N", help="threads of one call (default: 1)"
    )
    profile.add_argument(
        "--seconds", type=float, default=4.0, metavar="S", help="about how long (default: 4)"
    )


def run(args: argparse.Namespace) -> int:
    """Show or measure a catalog.

    Raises:
        CatalogError: the catalog is missing, damaged, or was not measured on the device.
        BackendError: a part cannot be run.
    """
    return _profile(args) if args.verb == "profile" else _show(args)


def _show(args: argparse.Namespace) -> int:
    from rich.console import Console

    from catalog.store import open_catalog
    from mcdnn.catalog_tables import catalog_rows, variants_table

    catalog = open_catalog(args.catalog, verify=False)
    if args.json:
        print(json.dumps(catalog_rows(catalog, args.device), indent=2))
        return 0
    console = Console()
    for task in catalog.tasks:
        console.print(variants_table(catalog, task, args.device), "")
    console.print(f"* no other variant is at least as accurate, as small and as fast on {args.device}")
    compiled = catalog.contents.compiled
    if not compiled.complete:
        console.print("not complete: continue with mcdnn compile ... --resume")
    for name, reason in compiled.failed.items():
        console.print(f"failed: {name}: {reason}", markup=False)
    return 0


def _profile(args: argparse.Namespace) -> int:
    import time
    from datetime import UTC, datetime

    from catalog.errors import BadInput
    from catalog.measuring import MeasuringPlan, measure
    from catalog.store import CatalogWriter, open_catalog

    if args.threads < 1 or not args.seconds > 0.0:
        raise BadInput(f"--threads {args.threads} --seconds {args.seconds}: expected both above 0")
    catalog = open_catalog(args.catalog)
    plan = MeasuringPlan(args.device, threads=args.threads, budget_s=args.seconds)
    measured = measure(catalog, plan, time.perf_counter, datetime.now(UTC).isoformat(timespec="seconds"))
    CatalogWriter(args.catalog).write_measurements(measured)
    print(f"{len(catalog.parts)} parts measured on {measured.machine}")
    return _show(argparse.Namespace(catalog=args.catalog, device=args.device, json=False))
