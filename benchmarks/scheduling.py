"""How close the scheduling policies come to the clairvoyant bound, on published and other days.

    python -m benchmarks.scheduling [--quick] [--data DIR] [--groups figure13,grid,...] [--processes N]

Every scenario is lived by every policy, beside the bound, in the same run. Writes
docs/results/scheduling.md for people and .json for programs; a quick run, of a few scenarios a
group, and a run of some groups only write to --out or to a new temporary folder.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import RESULTS, Row, markdown_table, write_report
from benchmarks.scheduling_cases import of_group, run_cases
from benchmarks.scheduling_groups import FIGURE_TABLES, GROUPS, Group, Table
from benchmarks.scheduling_summary import GROUP_TARGETS, group_lines, table_lines

_PACKAGES = ("mcdnn", "numpy", "scipy", "simpy")
_TITLE = "Scheduling policies against the clairvoyant bound"
_NOTES = (
    "Accuracy is the expected share of right answers of all requests, weighted by the apps' weights, an "
    "unserved or late one counting 0. The bound knows the whole day. Gap closed = (policy - best-static) "
    "/ (bound - best-static); where best-static is all but at the bound it can be far below 0.",
    "All rows, with energy and money, are in scheduling.json beside this file.",
)


def run(
    data: Path, names: Sequence[str], quick: bool, processes: int, folder: Path, quiet: bool = False
) -> str:
    """Run groups, write the report to a folder and return its text."""
    groups = [g for g in GROUPS if g.name in names]
    rows = run_cases([case for g in groups for case in g.cases(data, quick)], processes, quiet)
    body = [line for g in groups for line in _section(g, of_group(rows, g.name), folder)]
    tables: dict[str, Sequence[Row]] = {}
    for table in FIGURE_TABLES:
        if table.name in names:
            tables[table.name] = table.make(data, quick)
            body += _table_section(table, tables[table.name], folder)
    shown = rows or [row for own in tables.values() for row in own]
    return write_report("scheduling", _TITLE, shown, _NOTES, _PACKAGES, folder, body, tables)


def _section(group: Group, rows: Sequence[Row], folder: Path) -> list[str]:
    picture = [] if group.draw is None else group.draw(rows, folder)
    if group.figure is not None:
        picture = [*picture, *markdown_table(group.figure(rows)), ""]
    return group_lines(group.title, group.about, rows, GROUP_TARGETS.get(group.name), picture)


def _table_section(table: Table, rows: Sequence[Row], folder: Path) -> list[str]:
    picture = [] if table.draw is None else table.draw(rows, folder)
    return table_lines(table.title, table.about, rows, picture)


def main() -> None:
    """Read the arguments, run, print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [g.name for g in GROUPS] + [t.name for t in FIGURE_TABLES]
    parser.add_argument("--quick", action="store_true", help="few scenarios a group")
    parser.add_argument("--data", type=Path, help="folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--groups", default=",".join(names), help=f"some of {','.join(names)}")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path, help="folder for the report (default: docs/results)")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "mcdnn2016").is_dir():
        parser.error("no published traces: name their folder with --data or MCDNN_DATA (docs/data.md)")
    groups = args.groups.split(",")
    unknown = [g for g in groups if g not in names]
    if unknown:
        parser.error(f"--groups {unknown[0]!r}: expected some of {','.join(names)}")
    whole = not args.quick and set(groups) == set(names)
    folder = args.out or (RESULTS if whole else Path(tempfile.mkdtemp(prefix="scheduling-")))
    print(run(data, groups, args.quick, args.processes, folder))


if __name__ == "__main__":
    main()
