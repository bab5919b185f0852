"""mcdnn catalog: look into a catalog, measure it on this device, draw it, or fetch it from a server."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcdnn.catalog_fetch import add_fetch, run_fetch
from mcdnn.catalog_specialize import add_specialize, run_specialize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from catalog.measurements import DeviceMeasurements
    from catalog.measuring import MeasuringPlan
    from catalog.store import Catalog

_EXAMPLE = """examples:
  mcdnn catalog show out/digits
  mcdnn catalog show out/digits --json
  mcdnn catalog profile out/digits
  mcdnn catalog profile out/digits --backends onnxruntime openvino torch --budget-minutes 5
  mcdnn catalog plot out/digits --out out/pictures
  mcdnn catalog specialize out/digits
  mcdnn catalog fetch cloud.example.org:50051 --token-file token --out catalog
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "catalog",
        help="show or draw the variants of a catalog, measure them on this device, or fetch a catalog",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    show = verbs.add_parser("show", help="list every variant with accuracy, costs and what made it")
    show.add_argument("catalog", type=Path, metavar="CATALOG")
    show.add_argument("--device", default="host", metavar="NAME", help="whose measurements (default: host)")
    show.add_argument("--json", action="store_true", help="print them as JSON")
    _add_profile(verbs)
    plot = verbs.add_parser("plot", help="draw accuracy against memory, latency and energy")
    plot.add_argument("catalog", type=Path, metavar="CATALOG")
    plot.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a PNG and an HTML a task go there"
    )
    plot.add_argument("--device", default="host", metavar="NAME", help="whose measurements (default: host)")
    add_specialize(verbs)
    add_fetch(verbs)


def _add_profile(verbs: Any) -> None:
    profile = verbs.add_parser("profile", help="measure every part on this device and pick what runs it")
    profile.add_argument("catalog", type=Path, metavar="CATALOG")
    profile.add_argument(
        "--backends",
        nargs="+",
        metavar="NAME",
        help="what runs each part: onnxruntime, openvino, torch (default: all installed but torch)",
    )
    profile.add_argument(
        "--device", default="host", metavar="NAME", help="name of the result (default: host)"
    )
    profile.add_argument(
        "--threads", type=int, default=1, metavar="N", help="threads of one call (default: 1)"
    )
    profile.add_argument(
        "--budget-minutes", type=float, default=1.0, metavar="M", help="about how long (default: 1)"
    )


def run(args: argparse.Namespace) -> int:
    """Show, measure, draw or fetch a catalog, or see what specialised heads can do on it.

    Raises:
        CatalogError: the catalog is missing, damaged, or was not measured on the device.
        BadInput: a flag is wrong.
        MissingExtra: none of the backends asked for is installed.
    """
    verbs = {
        "show": _show,
        "profile": _profile,
        "plot": _plot,
        "fetch": run_fetch,
        "specialize": run_specialize,
    }
    return verbs[args.verb](args)


def _show(args: argparse.Namespace) -> int:
    from rich.console import Console

    from catalog.store import open_catalog
    from mcdnn.catalog_tables import (
        catalog_rows,
        failures,
        further_apps_table,
        kept_off,
        not_made,
        trunks_table,
        variants_table,
    )
    from mcdnn.sent_windows_table import sent_windows_table

    catalog = open_catalog(args.catalog, verify=False)
    if args.json:
        print(json.dumps(catalog_rows(catalog, args.device), indent=2))
        return 0
    console = Console()
    for task in catalog.tasks:
        console.print(variants_table(catalog, task, args.device), "")
    console.print(trunks_table(catalog, args.device), "")
    console.print(further_apps_table(catalog, args.device), "")
    if (sent := sent_windows_table(catalog)) is not None:
        console.print(sent, "")
    console.print(f"* no other variant is at least as accurate, as small and as fast on {args.device}")
    console.print("< 3: number 3 of the same task is; slow: slower than in float")
    compiled = catalog.contents.compiled
    if not compiled.complete:
        console.print("not complete: continue with mcdnn compile ... --resume")
    told = not_made(compiled) + kept_off(catalog, args.device)
    told += failures(catalog, catalog.measurements(args.device))
    for line in told:
        console.print(line, markup=False)
    return 0


def _profile(args: argparse.Namespace) -> int:
    from rich.console import Console

    from catalog.backends.table import installed_backends
    from catalog.devices import shipped_profiles
    from catalog.errors import BadInput
    from catalog.measuring import MeasuringPlan
    from catalog.store import CatalogWriter, open_catalog
    from mcdnn.catalog_tables import parts_table

    minutes = args.budget_minutes
    if args.threads < 1 or not (minutes > 0.0 and math.isfinite(minutes)):
        raise BadInput(f"--threads {args.threads} --budget-minutes {minutes}: expected both above 0")
    if Path(args.device).name != args.device or args.device.startswith("."):
        raise BadInput(f"--device {args.device!r}: expected a name that can be that of a file")
    backends = installed_backends() if args.backends is None else _installed(args.backends)
    power = args.device if args.device in shipped_profiles() else "host"
    catalog = open_catalog(args.catalog, verify=False)
    plan = MeasuringPlan(args.device, backends, args.threads, 60.0 * minutes, power, memory=True)
    measured = _measured_shown(catalog, plan)
    CatalogWriter(args.catalog).write_measurements(measured)
    Console().print(parts_table(catalog, measured), "")
    print(f"{len({m.part for m in measured.parts})} parts measured on {measured.machine}")
    print("* runs the part, picked by whole models as a camera calls them, now and then; times here are")
    print("of calls in a loop with 1 and 8 windows, energy of one window\n")
    return _show(argparse.Namespace(catalog=args.catalog, device=args.device, json=False))


def _installed(asked: Sequence[str]) -> tuple[str, ...]:
    """Return the backends that are there, saying which are not: one that is missing costs only itself.

    Raises:
        BadInput: no such backend.
        MissingExtra: none is installed.
    """
    from catalog.backends.table import check_installed
    from catalog.errors import MissingExtra

    found: list[str] = []
    missing: list[MissingExtra] = []
    for name in dict.fromkeys(asked):
        try:
            check_installed(name)
            found.append(name)
        except MissingExtra as e:
            missing.append(e)
    if not found:
        raise missing[0]
    for one in missing:
        print(f"mcdnn catalog: left out: {one}", file=sys.stderr)
    return tuple(found)


def _measured_shown(catalog: Catalog, plan: MeasuringPlan) -> DeviceMeasurements:
    """Measure, with a bar where standard error is a terminal."""
    import time
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.progress import Progress

    from catalog.measuring import measure

    console = Console(stderr=True)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("measuring", total=None)

        def report(done: int, of: int) -> None:
            progress.update(bar, completed=done, total=of)

        return measure(catalog, plan, time.perf_counter, date, report=report)


def _plot(args: argparse.Namespace) -> int:
    from catalog.store import open_catalog
    from mcdnn.catalog_page import write_pages

    catalog = open_catalog(args.catalog, verify=False)
    for path in write_pages(catalog, args.device, args.out):
        print(path)
    return 0
