"""mcdnn compile: train, shrink and measure models for a set of tasks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import BadInput, ModelError
from mcdnn.catalog_specialize import specialize_compiled

if TYPE_CHECKING:
    from rich.console import Console

    from catalog.compiler.request import CompileRequest
    from catalog.compiler.search_record import SearchLimits
    from catalog.store import Catalog

_EXAMPLE = """examples:
  mcdnn compile digits --out out/digits
  mcdnn compile TASKS.toml --out catalog/ --jobs 4
  mcdnn compile TASKS.toml --out catalog/ --resume
  mcdnn compile TASKS.toml --dry-run --budget-minutes 120
  mcdnn compile TASKS.toml --out catalog/ --budget-minutes 120
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "compile",
        help="train, shrink and measure models for a set of tasks",
        description="Trains a family of models for the tasks of a file, makes smaller ones of them, measures "
        "all and stores them as a catalog. What is finished is stored at once: after Ctrl-C or a crash, "
        "--resume continues. With a budget it searches: among all sizes of the models and all chains of "
        "their techniques it tries next what is expected to fill the widest gap between cost and accuracy. "
        "The full size of each model comes first, whatever the budget; when it is over, what is under way is "
        "finished, trunks with parts of a task's own are made where needed, and all are measured.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "tasks", nargs="?", metavar="TASKS.toml", help="task file, or digits for the embedded one"
    )
    parser.add_argument("--out", type=Path, metavar="CATALOG", help="a new or empty folder")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes that train (default: one a core)")
    parser.add_argument("--resume", action="store_true", help="complete the catalog in --out")
    parser.add_argument(
        "--max-candidates", type=int, metavar="N", help="search, and try at most so many combinations"
    )
    parser.add_argument(
        "--budget-minutes",
        type=float,
        metavar="M",
        help="search; after the full size of each model, begin nothing that is expected to end later than "
        "this, all runs together (measuring and the share_loss of tasks come on top)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print what would be tried and for about how long",
    )
    parser.add_argument("--print-schema", action="store_true", help="print the JSON schema of TASKS.toml")


def run(args: argparse.Namespace) -> int:
    """Compile, or print the schema.

    Raises:
        BadInput: the task file, its data or the folder is wrong.
        MissingExtra: torch is not installed.
        RunFailed: no model at all could be made.
    """
    from rich.console import Console

    from mcdnn.task_file import read_task_file, schema

    if args.print_schema:
        print(schema())
        return 0
    if args.tasks is None:
        raise BadInput(
            "no task file: give the path of a TASKS.toml, or digits (mcdnn compile --help shows examples)"
        )
    if args.out is None and not args.dry_run:
        raise BadInput("no folder to write to: give one with --out CATALOG")
    request = read_task_file(args.tasks)
    jobs = usable_cores() if args.jobs is None else args.jobs
    limits = _limits(args.max_candidates, args.budget_minutes)
    _check_models(request, jobs, args.tasks)
    try:
        if args.dry_run:
            _print_forecast(request, limits, jobs)
            return 0
        catalog = compile_shown(request, args.out, args.resume, jobs, Console(stderr=True), limits)
    except ModelError as e:
        raise ModelError(f"{args.tasks}: {e}") from e
    _print_summary(catalog)
    print(specialize_compiled(catalog))
    return 0


def _limits(max_candidates: int | None, budget_minutes: float | None) -> SearchLimits | None:
    """Return the limits of a search; None where none is asked for."""
    from catalog.compiler.search_record import SearchLimits

    if max_candidates is None and budget_minutes is None:
        return None
    return SearchLimits(max_candidates, None if budget_minutes is None else 60.0 * budget_minutes)


def _check_models(request: CompileRequest, jobs: int, where: str) -> None:
    """Refuse models that cannot be planned before anything is read, naming the file that asks for them."""
    from catalog.compiler.compiling import check_surroundings
    from catalog.compiler.planning import plan_candidates

    check_surroundings(jobs)
    try:
        plan_candidates(request)
    except BadInput as e:
        raise BadInput(f"{where}: {e}") from e


def _print_forecast(request: CompileRequest, limits: SearchLimits | None, jobs: int) -> None:
    """Print what a compile would try, and for about how long."""
    import time

    from rich.console import Console

    from catalog.compiler.forecast import forecast
    from catalog.compiler.planning import skipped_techniques
    from mcdnn.catalog_tables import forecast_table

    expected = forecast(request, limits, jobs, time.perf_counter)
    Console().print(forecast_table(expected))
    for technique, reason in skipped_techniques(request).items():
        print(f"skipped: {technique}: {reason}")
    chosen = f"{len(expected.expected)} of {expected.combinations} combinations"
    print(
        f"would try {chosen}, about {expected.seconds / 60:.1f} min with {jobs} processes, and measure them"
    )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compile_shown(
    request: CompileRequest,
    out: Path,
    resume: bool,
    jobs: int,
    console: Console,
    limits: SearchLimits | None = None,
) -> Catalog:
    """Compile into a folder and show on a console what is being made; see compile_catalog.

    Raises:
        KeyboardInterrupt: after saying how to continue; what is finished is kept.
    """
    import time
    from datetime import UTC, datetime

    from catalog.backends.table import installed_backends
    from catalog.compiler.compiling import Conditions, compile_catalog
    from catalog.measuring import MeasuringPlan
    from mcdnn.compile_display import open_display

    def today() -> str:
        return datetime.now(UTC).isoformat(timespec="seconds")

    measuring = MeasuringPlan(backends=installed_backends())
    conditions = Conditions(jobs, time.perf_counter, today, measuring)
    try:
        with open_display(console) as display:
            return compile_catalog(request, out, resume, conditions, display, limits)
    except KeyboardInterrupt:
        console.print(
            f"what is finished is kept in {out}: continue with --resume",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        raise


def _print_summary(catalog: Catalog) -> None:
    from rich.console import Console

    from mcdnn.catalog_tables import failures, kept_off, not_made, variants_table

    leading = catalog.contents.tasks[0].name
    Console().print(variants_table(catalog, leading, "host"))
    for line in not_made(catalog.contents.compiled):
        print(line)
    _print_search(catalog)
    for line in kept_off(catalog, "host") + failures(catalog, catalog.measurements("host")):
        print(line)
    print(f"{len(catalog.trunks)} trunks, {len(catalog.variants)} variants in {catalog.root}; all of them:")
    print(f"  mcdnn catalog show {catalog.root}")


def _print_search(catalog: Catalog) -> None:
    """Say what a search tried, and what it stopped."""
    from catalog.compiler.search_record import End, read_record

    record = read_record(catalog.root)
    if record is None:
        return
    stopped = [d for d in record.decisions if d.end is End.STOPPED]
    print(f"searched: {len(record.decisions)} combinations tried, {len(stopped)} stopped early")
    for decision in stopped:
        print(f"stopped: {decision.candidate}: {decision.reason}")
