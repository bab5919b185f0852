"""What specialization saves, and how right the answers stay: replays, and runs of the live engine.

    python -m benchmarks.specialization [--quick] [--data DIR] [--work DIR] [--groups NAME,...] [--resume]

Compiles two catalogs, that of objects in about half an hour on two cores; kept in --work, they are only
measured anew the next time. Then it takes about three quarters of an hour, on a machine with nothing else
to do. What each group gave is kept in --work, too: a run of some groups reports the others as they were
measured before, and --resume measures only those that were not. Writes docs/results/specialization.md for
people and .json for programs once all groups are there; otherwise, and quick runs, only to --out or to a
new temporary folder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import specialization_catalogs
from benchmarks.measured_groups import MeasuredGroups
from benchmarks.report import RESULTS, Row, markdown_table, write_report
from benchmarks.specialization_cases import (
    BY_THE_CLOCK,
    FACES,
    OBJECTS,
    QUICK,
    Case,
    Order,
    films_and_shows,
)
from benchmarks.specialization_catalogs import AS_A_CAMERA_CALLS, IN_A_LOOP, Shown, settle
from benchmarks.specialization_live_rows import live_rows
from benchmarks.specialization_measured import measured_rows
from benchmarks.specialization_replays import change_rows, skew_rows, tv_rows
from benchmarks.specialization_training import training_rows

_COMPILE = {"objects": specialization_catalogs.objects, "faces": specialization_catalogs.faces}
_COUNTS = {"objects": (2, 5), "faces": (2, 5, 10)}


@dataclass(slots=True)
class Stage:
    """What groups are measured with; catalogs are compiled when the first group asks.

    Args:
        data: folder of docs/data.md.
        work: where catalogs are kept.
    """

    data: Path
    work: Path
    quick: bool
    _shown: dict[str, Shown] = field(default_factory=dict)

    def shown(self, name: str, device: str) -> Shown:
        """Return a catalog, settled for a device's times, and the windows to show."""
        if name not in self._shown:
            self._shown[name] = _COMPILE[name](self.data, self.work, self.quick)
        settle(self._shown[name], device)
        return self._shown[name]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are shown together.

    Args:
        about: how they came about.
        rows: makes them.
    """

    title: str
    about: str
    rows: Callable[[Stage], list[Row]]


_TABLED = (
    "In the simulator, with the published figures of model F2 for faces in front of a generic model that is "
    "right on 95.8 % (CVPR 2017); what models answer is drawn, medians of 10 seeds with the least and the "
    "most. `gpu_times_less`: time on a K20c of the generic model for every window over what was run, checks "
    "included, training left out; `with_heads`: each head charged with the seconds that it takes as well, as "
    "if it were made there; `cpu_times_less`: on 24 cores. With every window in its classes F2 can "
    "give 6.3 (GPU) and 9.3 (CPU), since it passes 9 % on. `longest_below_s`: for how long the accuracy "
    "over 200 windows, mean of the seeds, was more than 5 points below the generic model's. WEG as "
    "published lets the accuracy fall 5 points below the generic model's and remembers no heads; "
    "expected-saving does not, and does. Heads take 4.3 s (MCDNN 2016) where nothing else is said."
)
_MEASURED = (
    "Replayed, not live: what a catalog's models answer to real windows, drawn in the order of generated "
    "skews at ten windows a second: {about} The policy is the engine's own code; the generic model is the "
    "most accurate variant; heads, and second ones behind them, are made by the code of the training "
    "process, on the trunks that the engine picks, from the stored features; costs are times measured on "
    "this machine, call after call, as the tables of models have them. A share is that of the classes that "
    "dominate; all others have the rest. 20 seeds, on none of which the policy's constants were chosen, "
    "though for objects on the same images: medians, of accuracies means. `times_less`: of windows, checks "
    "included; `with_heads`: with what making heads and the policy itself took, too; `operations_less`: "
    "multiply-adds of windows; `gained_error_pct`: standard error, over the seeds, of the difference of both "
    "accuracies; `policy_pct`: what the policy took, of the generic model's time; "
    "`longest_below_s` as above. Other classes take over after the time named. The last five are the "
    "orders of the films and shows above, each person there being one class that is drawn."
)
_COLD = (
    "Likewise, but every cost, also those that the policy goes by, is that of calls as a camera makes them: "
    "after 10 ms of idling and work on an image, so that what a model needs has left the processor's caches. "
    "That adds much the same to every call, which small models feel most. How much differs between machines."
)
_LIVE = (
    "Live: the same images in the same order through two engines, with and without specialising, side by "
    "side. `times_less`: processor time of models that the ledger booked without over that with it, checks "
    "included; `with_heads`: what the training process took included; `operations_less`: multiply-adds of "
    "windows; `gained_error_pct` as above. At the pace `real`, windows come ten "
    "a second by the clock; at `fast`, the next comes when the one before is answered, on the same ten a "
    "second of the engine's time, and by the clock while a head is under way; the engines take turns of 50 "
    "windows, as the machine's speed changes. Windows that come by the clock find cold caches, which costs "
    "small trunks more than large ones. No budget; policy paced. Medians over the seeds, of accuracies means."
)
_ABOUT = {
    "objects": "CIFAR-10 test images; in front of ResNet-56 in int8 stand ResNet-20, itself with blocks left "
    "out, and plain networks of seven layers, all in int8 and taught by ResNet-56.",
    "faces": "people of LFW; in front of the published MobileFaceNet stands itself at 56 and 40 px, whole "
    "and with blocks left out, in int8.",
}
_TRAINING = (
    "From the order to the head, 512 features and 10,000 stored windows, in the process of low priority, "
    "while a trunk runs window after window. `inference_p95_meanwhile_ms`: of windows from an order on, "
    "for at least a tenth of a second; `inference_p95_ratio`: each order's own to that of the half second "
    "before it, the median of the orders, since a shared machine may be slower for seconds at a time; "
    "`inference_p95_until_head_ms`: of those that ran before the head was there, of which an order of a "
    "head with other priors sees two or three. `in_full_s`: 12 passes of training a ResNet-20 over as "
    "many windows on one core, from the time of six batches; `times_faster`: that over the median."
)


def _measured(name: str, device: str, stage: Stage) -> list[Row]:
    group = name if device == IN_A_LOOP else f"{name}_camera"
    return measured_rows(group, stage.shown(name, device), device, _COUNTS[name], stage.data, stage.quick)


def _live(group: str, cases: Sequence[Case], films: bool, stage: Stage) -> list[Row]:
    name, _ = group.split("_")
    further = films_and_shows(stage.data) if films else []
    orders: Sequence[Order] = QUICK if stage.quick else (*cases, *further)
    return live_rows(group, stage.shown(name, AS_A_CAMERA_CALLS), orders)


GROUPS = {
    "training": Group("Time to a new head", _TRAINING, lambda s: training_rows(s.quick)),
    "tv": Group("Faces in five films and shows", _TABLED, lambda s: tv_rows(s.data, s.quick)),
    "skews": Group(
        "Generated skews, tabled models",
        "Likewise, ten windows a second for five minutes; other classes take over after the time named.",
        lambda s: skew_rows(s.data, s.quick),
    ),
    "changes": Group(
        "Changes of every kind, tabled models", "Likewise.", lambda s: change_rows(s.data, s.quick)
    ),
    "objects": Group(
        "Objects", _MEASURED.format(about=_ABOUT["objects"]), partial(_measured, "objects", IN_A_LOOP)
    ),
    "objects_camera": Group(
        "Objects, with cold caches", _COLD, partial(_measured, "objects", AS_A_CAMERA_CALLS)
    ),
    "objects_live": Group("Objects in the live engine", _LIVE, partial(_live, "objects_live", OBJECTS, True)),
    "objects_clock": Group(
        "Objects in the live engine, by the clock",
        "Likewise, all windows ten a second by the clock.",
        partial(_live, "objects_clock", BY_THE_CLOCK, False),
    ),
    "faces": Group("People", _MEASURED.format(about=_ABOUT["faces"]), partial(_measured, "faces", IN_A_LOOP)),
    "faces_camera": Group("People, with cold caches", _COLD, partial(_measured, "faces", AS_A_CAMERA_CALLS)),
    "faces_live": Group("People in the live engine", "Likewise.", partial(_live, "faces_live", FACES, False)),
}


def run(data: Path, names: Sequence[str], quick: bool, folder: Path, work: Path, resume: bool = False) -> str:
    """Run groups, write the report of all that are measured to a folder and return its text.

    Args:
        work: where catalogs and what groups gave are kept.
        resume: measure only groups that nothing is kept of.
    """
    stage, kept = Stage(data, work, quick), MeasuredGroups(work, quick)
    for name in names:
        if not (resume and kept.get(name)):
            kept.put(name, GROUPS[name].rows(stage))
    return _report(kept, folder)


def _report(kept: MeasuredGroups, folder: Path) -> str:
    measured = {name: found for name in GROUPS if (found := kept.get(name)) is not None}
    body: list[str] = []
    for name, of in measured.items():
        shown = [{k: v for k, v in r.items() if k != "group"} for r in of.rows]
        body += [f"## {GROUPS[name].title}", "", f"{GROUPS[name].about} Measured at {of.date}.", ""]
        body += [*markdown_table(shown), ""]
    every = [r for of in measured.values() for r in of.rows]
    packages = ("mcdnn", "numpy", "onnxruntime", "openvino", "torch")
    return write_report("specialization", "Specialization", every, (), packages, folder, body)


def main() -> None:
    """Read the arguments, run, print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few images, traces and seeds")
    parser.add_argument("--data", type=Path, help="folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument(
        "--work", type=Path, help="where catalogs and groups are kept (default: a temporary folder)"
    )
    parser.add_argument("--groups", default=",".join(GROUPS), help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--resume", action="store_true", help="measure only groups that --work lacks")
    parser.add_argument("--out", type=Path, help="folder for the report (default: docs/results)")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "traces" / "tv_faces").is_dir():
        parser.error("no label traces: name their folder with --data or MCDNN_DATA (docs/data.md)")
    groups = args.groups.split(",")
    unknown = [g for g in groups if g not in GROUPS]
    if unknown:
        parser.error(f"--groups {unknown[0]!r}: expected some of {','.join(GROUPS)}")
    with tempfile.TemporaryDirectory(prefix="specialization-work-") as temporary:
        work = args.work or Path(temporary)
        kept = MeasuredGroups(work, args.quick)
        whole = not args.quick and all(name in groups or kept.get(name) for name in GROUPS)
        folder = args.out or (RESULTS if whole else Path(tempfile.mkdtemp(prefix="specialization-")))
        print(run(data, groups, args.quick, folder, work, args.resume))
        print(f"written to {folder}", file=sys.stderr)


if __name__ == "__main__":
    main()
