"""mcdnn demo: the most accurate models and the scheduler on the same camera and budget, side by side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from catalog.store import Catalog
    from engine.snapshot import Snapshot
    from mcdnn.demonstration import DemoBudget
    from mcdnn.engine import Engine
    from mcdnn.pictures import RunToDraw
    from mcdnn.side_by_side import SideBySide

_EXAMPLE = """example:
  mcdnn demo --seconds 20 --out out/demo
  mcdnn demo --cloud --out out/demo-cloud
"""
_LEAST_S = 10.0


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="four apps share a digit camera on a budget",
        description="Compiles the embedded digits once (kept for the next time), then has four apps watch a "
        "digit camera three times at once, each time on the same budget, which the most accurate models "
        "exhaust long before the end: with these models, with the published scheduler, and with ours. With "
        "--cloud the device has memory for the smallest models only, a server in another process has them "
        "all, and the link between them is cut in the middle of the run. Leaves results, annotated videos "
        "and a picture in --out.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=18.0, metavar="N", help="of each run (default: 18)")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo")
    parser.add_argument("--cloud", action="store_true", help="with a server, and a link that is cut")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes that train (default: one a core)")


def run(args: argparse.Namespace) -> int:
    """Compile where needed, rehearse, run all policies side by side, compare.

    Raises:
        BadInput: too short a run, or a folder that cannot be written.
        MissingExtra: nothing is compiled yet and torch is not installed.
    """
    from mcdnn.closing_summary import print_closing_summary, print_comparison, text_console
    from mcdnn.pictures import Limits, draw_runs

    if not _LEAST_S <= args.seconds < float("inf"):
        raise BadInput(f"--seconds {args.seconds}: expected at least {_LEAST_S:g}")
    console = text_console(sys.stdout)
    catalog = _compiled(args.jobs, console)
    if args.cloud:
        return _with_cloud(catalog, args.seconds, args.out)
    budget, ran = _side_by_side(catalog, args.seconds, args.out, console)
    for policy, (snapshot, _) in ran.items():
        print_closing_summary(snapshot, console, _title(policy))
    print_comparison({policy: snapshot for policy, (snapshot, _) in ran.items()}, console)
    limits = Limits(budget.energy_j, budget.seconds, budget.memory_mb * 1e6, budget.base_w)
    draw_runs(
        [drawn for _, drawn in ran.values()],
        args.out / "demo.png",
        "Four apps on a digit camera, one budget",
        limits,
    )
    for left in sorted(args.out.iterdir()):
        print(left)
    return 0


def _with_cloud(catalog: Catalog, seconds: float, out: Path) -> int:
    """Run with a server behind a link that is cut for a while."""
    from cloud.shaper import shaped
    from mcdnn.cloud_demonstration import LINK, POLICY, cloud_config, cut_s, link_changes, served
    from mcdnn.engine import Engine
    from mcdnn.pictures import draw_runs

    begins_s, ends_s = cut_s(seconds)
    print(f"the link to the server is cut from {begins_s:.1f} s to {ends_s:.1f} s")
    with served(catalog.root) as server, shaped(server, LINK) as link:
        engine = Engine(cloud_config(catalog, link.endpoint))
        _begin_with_first_result(engine, lambda: link.replay(link_changes(seconds)))
        drawn = _watched(engine, f"{POLICY}-cloud", seconds, out)
    draw_runs([replace(drawn, cuts=((begins_s, ends_s),))], out / "demo.png", "Four apps, a server, a cut")
    for left in sorted(out.iterdir()):
        print(left)
    return 0


def _begin_with_first_result(engine: Engine, begin: Callable[[], object]) -> None:
    """Have something begin with the run, once models are loaded, so that its times are the source's."""
    begun: list[object] = []
    engine.on_result(lambda _: None if begun else begun.append(begin()))


def _compiled(jobs: int | None, console: Console) -> Catalog:
    """Return the catalog of the digits, compiled or completed where that was not done before."""
    from catalog.store import open_catalog
    from mcdnn.commands.compile import compile_shown, usable_cores
    from mcdnn.demonstration import catalog_folder
    from mcdnn.task_file import read_task_file

    folder = catalog_folder()
    begun = (folder / "catalog.json").is_file()
    if begun:
        catalog = open_catalog(folder)
        if catalog.contents.compiled.complete:
            print(f"catalog: {folder}")
            return catalog
    print(f"compiling the embedded digits into {folder}: about a minute, once")
    return compile_shown(read_task_file("digits"), folder, begun, jobs or usable_cores(), console)


def _side_by_side(
    catalog: Catalog, seconds: float, out: Path, console: Console
) -> tuple[DemoBudget, dict[str, tuple[Snapshot, RunToDraw]]]:
    """Rehearse with the most accurate models, then run every policy on the budget that follows from it."""
    from mcdnn.demonstration import POLICIES, camera, config
    from mcdnn.side_by_side import side_by_side

    with side_by_side(len(POLICIES)) as engines:
        budget = _rehearsed_budget(catalog, seconds, engines, console)
        configs = {policy: config(catalog.root, policy, budget) for policy in POLICIES}
        with console.status(f"{', '.join(POLICIES)} watch the camera side by side for {seconds:g} s"):
            return budget, engines.run(configs, camera(seconds), out)


def _rehearsed_budget(catalog: Catalog, seconds: float, engines: SideBySide, console: Console) -> DemoBudget:
    """Run the most accurate models for a while without a budget, to know what they take."""
    from catalog.devices import load_device_profile
    from mcdnn.demonstration import POLICIES, budget_from, camera, rehearsal_seconds, unlimited_config

    rehearsed_s = rehearsal_seconds(seconds)
    print(f"rehearsing with the most accurate models for {rehearsed_s:.0f} s, to size the budget")
    unlimited = unlimited_config(catalog.root)
    with console.status("rehearsing"):
        (scenes,) = engines.rehearse(unlimited, camera(seconds, "max"), 1)
        rehearsals = engines.rehearse(unlimited, camera(rehearsed_s), len(POLICIES))
    budget = budget_from(scenes, rehearsals, load_device_profile("host").base_w, seconds, catalog)
    print(
        f"budget: {budget.energy_j:.1f} J in {seconds:g} s, of which {budget.base_w * seconds:.1f} J are the "
        f"base load and the rest finds windows all the time and lasts for half of it with the most accurate "
        f"models; {budget.memory_mb:.2f} MB of memory; no money for a cloud"
    )
    return budget


def _watched(engine: Engine, name: str, seconds: float, out: Path) -> RunToDraw:
    """Run on the digit camera with a live table."""
    from mcdnn.commands.run import watch
    from mcdnn.demonstration import camera
    from mcdnn.kept_run import kept_run

    def run() -> Snapshot:
        return watch(engine, camera(seconds), float("inf"), _title(name))

    return kept_run(engine, name, out, run)[1]


def _title(name: str) -> str:
    return f"digit camera, {name}"
