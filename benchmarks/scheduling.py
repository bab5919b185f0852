"""How close the scheduling policies come to the clairvoyant bound, on published and other days.

    python -m benchmarks.scheduling [--quick] [--data DIR] [--groups figure13,grid,...] [--processes N]

Every scenario is lived by every policy, beside the bound, in the same run. Writes
docs/results/scheduling.md for people and .json for programs; a quick run, of a few scenarios a
group, and a run of some groups only write to --out or nowhere.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import RESULTS, Row, write_report
from benchmarks.scheduling_cases import Case, of_group, run_cases
from benchmarks.scheduling_published import figure13, grid, memory
from benchmarks.scheduling_summary import GROUP_TARGETS, group_lines

_PACKAGES = ("mcdnn", "numpy", "scipy", "simpy")


@dataclass(frozen=True, slots=True)
class Group:
    """Scenarios that are shown together.

    Args:
        name: for --groups.
        title: of its section.
        about: what is run.
        cases: takes the data folder and whether the run is quick.
    """

    name: str
    title: str
    about: str
    cases: Callable[[Path, bool], list[Case]]


GROUPS: Sequence[Group] = (
    Group(
        "figure13",
        "Figure 13: a day of faces and scenes",
        "The authors' face requests and connectivity s3 and scene requests; 1800 J and $0.0667 for ten "
        "hours, 3.8 mJ to send, variants D0, D6 and D10 for faces and the four for scenes. The "
        "attributes of a face ride free on its prefix and are not counted. `as published`: fixed "
        "frequencies, a new choice applies at once, no admission.",
        lambda data, _: figure13(data / "mcdnn2016"),
    ),
    Group(
        "grid",
        "Grid: send cost, energy, variants, connectivity",
        "The same world with .0038, .1, .3, .5 and .9 J to send, 1800 and 6840 J, three and all thirteen "
        "face variants, and the connectivity and faces of s1, s2 and s3.",
        lambda data, quick: grid(data / "mcdnn2016", quick),
    ),
    Group(
        "memory",
        "Memory: the grid with 400 and 100 MB",
        "The scene variants have no published size: 218 MB for the largest, the others in proportion to "
        "their load time.",
        lambda data, quick: memory(data / "mcdnn2016", quick),
    ),
)


def run(
    data: Path, groups: Sequence[str], quick: bool, processes: int, folder: Path, quiet: bool = False
) -> str:
    """Run groups, write the report to a folder and return its text."""
    chosen = [g for g in GROUPS if g.name in groups]
    rows = run_cases([case for g in chosen for case in g.cases(data, quick)], processes, quiet)
    body = [line for g in chosen for line in _section(g, rows)]
    return write_report("scheduling", _TITLE, rows, _NOTES, _PACKAGES, folder, body)


def _section(group: Group, rows: Sequence[Row]) -> list[str]:
    own = of_group(rows, group.name)
    return group_lines(group.title, group.about, own, GROUP_TARGETS.get(group.name))


_TITLE = "Scheduling policies against the clairvoyant bound"
_NOTES = (
    "Accuracy is the expected share of right answers of all requests, an unserved or late one counting "
    "0. The bound knows the whole day. Gap closed = (policy - best-static) / (bound - best-static).",
    "All rows, with energy and money, are in scheduling.json beside this file.",
)


def main() -> None:
    """Read the arguments, run, print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ",".join(g.name for g in GROUPS)
    parser.add_argument("--quick", action="store_true", help="few scenarios a group")
    parser.add_argument("--data", type=Path, help="folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--groups", default=names, help=f"of {names}")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--out", type=Path, help="folder for the report (default: docs/results)")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "mcdnn2016").is_dir():
        parser.error("no published traces: name their folder with --data or MCDNN_DATA (docs/data.md)")
    groups = args.groups.split(",")
    unknown = set(groups) - set(names.split(","))
    if unknown:
        parser.error(f"--groups {sorted(unknown)[0]!r}: expected some of {names}")
    whole = not args.quick and args.groups == names
    folder = args.out or (RESULTS if whole else Path(tempfile.mkdtemp(prefix="scheduling-")))
    print(run(data, groups, args.quick, args.processes, folder))


if __name__ == "__main__":
    main()
