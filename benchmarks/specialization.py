"""What specialization saves, and how right the answers stay.

    python -m benchmarks.specialization [--quick] [--data DIR] [--groups tv,skews,changes]

Writes docs/results/specialization.md for people and .json for programs; a quick run and a run of
some groups only write to --out or to a new temporary folder.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import RESULTS, Row, markdown_table, write_report
from benchmarks.specialization_replays import change_rows, skew_rows, tv_rows


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are shown together.

    Args:
        about: how they came about.
        rows: makes them from the data folder; quickly or in full.
    """

    title: str
    about: str
    rows: Callable[[Path, bool], list[Row]]


_TABLED = (
    "In the simulator, with the published figures of model F2 for faces in front of a generic model that is "
    "right on 95.8 % (CVPR 2017); what models answer is drawn, medians of 10 seeds with the least and the "
    "most. `gpu_times_less`: time on a K20c of the generic model for every window over what was run, checks "
    "included, training left out; `cpu_times_less`: on 24 cores. With every window in its classes F2 can "
    "give 6.3 (GPU) and 9.3 (CPU), since it passes 9 % on. `longest_below_s`: for how long the accuracy "
    "over 200 windows, mean of the seeds, was more than 5 points below the generic model's. WEG as "
    "published lets the accuracy fall 5 points below the generic model's and remembers no heads; "
    "expected-saving does not, and does. Heads take 4.3 s (MCDNN 2016) where nothing else is said."
)
GROUPS = {
    "tv": Group("Faces in five films and shows", _TABLED, tv_rows),
    "skews": Group(
        "Generated skews",
        "Likewise, ten windows a second for five minutes; other classes take over after the time named.",
        skew_rows,
    ),
    "changes": Group("Changes of every kind", "Likewise.", change_rows),
}


def run(data: Path, names: Sequence[str], quick: bool, folder: Path) -> str:
    """Run groups, write the report to a folder and return its text."""
    tables = {name: GROUPS[name].rows(data, quick) for name in names}
    body: list[str] = []
    for name, rows in tables.items():
        shown = [{k: v for k, v in r.items() if k != "group"} for r in rows]
        body += [f"## {GROUPS[name].title}", "", GROUPS[name].about, "", *markdown_table(shown), ""]
    every = [r for rows in tables.values() for r in rows]
    return write_report("specialization", "Specialization", every, (), folder=folder, body=body)


def main() -> None:
    """Read the arguments, run, print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few traces and seeds")
    parser.add_argument("--data", type=Path, help="folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--groups", default=",".join(GROUPS), help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--out", type=Path, help="folder for the report (default: docs/results)")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "traces" / "tv_faces").is_dir():
        parser.error("no label traces: name their folder with --data or MCDNN_DATA (docs/data.md)")
    groups = args.groups.split(",")
    unknown = [g for g in groups if g not in GROUPS]
    if unknown:
        parser.error(f"--groups {unknown[0]!r}: expected some of {','.join(GROUPS)}")
    whole = not args.quick and set(groups) == set(GROUPS)
    folder = args.out or (RESULTS if whole else Path(tempfile.mkdtemp(prefix="specialization-")))
    print(run(data, groups, args.quick, folder))


if __name__ == "__main__":
    main()
