"""What passing still frames over and tracking save on real clips, and what they cost in answers.

`python -m benchmarks.gating --data DIR` compiles small models for faces, places and digits, runs every
clip four times (nothing spared, with the motion gate, with tracking, with both), always with the same
largest models and every window asked about, and compares processor time and the answers that stand.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.real_runs import call_mcdnn
from benchmarks.real_tasks import TaskScale, write_tasks
from benchmarks.report import RESULTS, Row, write_report
from benchmarks.standing_answers import Agreement, Seen, Shown, agreement
from engine.ledger import Category
from engine.snapshot import Snapshot
from mcdnn.engine import Engine

_SCALE = TaskScale(size_px=48, epochs=2, every=4)
_QUICK_SCALE = TaskScale(size_px=32, epochs=1, every=16)
_FACES, _PLACE, _DIGITS = ("gender", "age"), ("place",), ("identity", "parity")
_RUNS, _QUICK_RUNS = 3, 1
_MODES: Mapping[str, Mapping[str, Any]] = {
    "nothing spared": {},
    "motion gate": {"motion_gate": {"on": True}},
    "tracking": {"tracking": {}},
    "both": {"motion_gate": {"on": True}, "tracking": {}},
}
_PACKAGES = ("mcdnn", "numpy", "onnxruntime", "opencv-python-headless", "scipy")


@dataclass(frozen=True, slots=True)
class Clip:
    """A source and what is asked about it.

    Args:
        name: in the report.
        uri: a file below the data's folder of videos, or digits:.
        tasks: one app each.
    """

    name: str
    uri: str
    tasks: tuple[str, ...]

    @property
    def catalog(self) -> str:
        """Name of the catalog that answers."""
        return "digits" if self.uri.startswith("digits:") else "photos"


_CLIPS = (
    Clip("table with bottles, places", "bottle_table_40s.mp4", _PLACE),
    Clip("classroom, places", "classroom_3s.mp4", _PLACE),
    Clip("classroom, faces", "classroom_3s.mp4", _FACES),
    Clip("three people, faces", "faces_three_people_corridor_3s.mp4", _FACES),
    Clip("two people, faces", "faces_two_people_headpose_5s.mp4", _FACES),
    Clip("crowd 1080p, faces", "faces_crowd_1080p_4s.mp4", _FACES),
    Clip("shop, places", "store_aisle_4s.mp4", _PLACE),
    Clip("conveyor, places", "fruit_conveyor_7s.mp4", _PLACE),
    Clip("digit camera", "digits:?seed=11&seconds=40&pace=max", _DIGITS),
)
_QUICK_CLIPS = (
    Clip("three people, faces", "faces_three_people_corridor_3s.mp4", _FACES),
    Clip("digit camera", "digits:?seed=11&seconds=5&pace=max", _DIGITS),
)


@dataclass(frozen=True, slots=True)
class Finished:
    """One run."""

    snapshot: Snapshot
    shown: Sequence[Seen]

    @property
    def processor_j(self) -> float:
        """Energy of finding and answering: processor time at one power."""
        spent = self.snapshot.standing.spent
        return sum(
            line.energy_j for line in spent if line.category in (Category.EXTRACTION, Category.EXECUTION)
        )


def main() -> None:
    """Compile, run and report."""
    arguments = _arguments()
    data, out = Path(arguments.data).resolve(), arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    _compile(data, out, _QUICK_SCALE if arguments.quick else _SCALE)
    clips, runs = (_QUICK_CLIPS, _QUICK_RUNS) if arguments.quick else (_CLIPS, _RUNS)
    rows = [row for clip in clips for row in _rows_of(clip, data, out, runs)]
    folder = out if arguments.quick else RESULTS
    print(write_report("gating", "Still scenes and tracked things", rows, _notes(runs), _PACKAGES, folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="what a motion gate and tracking save and cost")
    parser.add_argument("--data", default=os.environ.get("MCDNN_DATA"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("out/gating"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="smaller models, two clips, one run each")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no data: give --data DIR or set MCDNN_DATA; docs/data.md says where it comes from")
    return arguments


def _compile(data: Path, out: Path, scale: TaskScale) -> None:
    tasks = write_tasks(data, out, scale)
    call_mcdnn("compile", str(tasks), "--out", str(out / "photos"), "--jobs", "1", "--resume")
    call_mcdnn("compile", "digits", "--out", str(out / "digits"), "--jobs", "1", "--resume")


def _rows_of(clip: Clip, data: Path, out: Path, runs: int) -> list[Row]:
    """Return a row a mode; modes take turns, so that what else the machine does meets all alike."""
    finished: dict[str, list[Finished]] = {mode: [] for mode in _MODES}
    for _ in range(runs):
        for mode, tables in _MODES.items():
            finished[mode].append(_run(clip, data, out, tables))
    full = finished["nothing spared"]
    return [_row(clip, mode, of_mode, full) for mode, of_mode in finished.items()]


def _run(clip: Clip, data: Path, out: Path, tables: Mapping[str, Any]) -> Finished:
    shown = Shown()
    uri = clip.uri if clip.catalog == "digits" else str(data / "videos" / clip.uri)
    apps = [{"name": task, "task": task} for task in clip.tasks]
    config = {"catalog": str(out / clip.catalog), "policy": "original", "app": apps, **tables}
    snapshot = Engine({**config, "source": [{"uri": uri}]}).add_sink(shown).run()
    return Finished(snapshot, shown.frames)


def _row(clip: Clip, mode: str, finished: Sequence[Finished], full: Sequence[Finished]) -> Row:
    shares = [100.0 * f.processor_j / o.processor_j for f, o in zip(finished, full, strict=True)]
    last = finished[-1].snapshot
    compared = agreement(full[-1].shown, finished[-1].shown)
    return {
        "clip": clip.name,
        "spared by": mode,
        "frames": last.frames,
        "passed_over_pct": 100.0 * last.standing.gated.total_frames / last.frames,
        "requests": last.requests,
        "reused": last.reused,
        "tracks": last.standing.tracks,
        "processor_pct": median(shares),
        "processor_least_pct": min(shares),
        "processor_most_pct": max(shares),
        **_quality(compared),
    }


def _quality(compared: Agreement) -> Row:
    of_all, of_known = max(1, compared.answers), compared.known
    return {
        "missing_pct": 100.0 * compared.missing / of_all,
        "different_pct": 100.0 * compared.different / of_all,
        "right_pct": 100.0 * compared.right / of_known if of_known else None,
        "right_asked_pct": 100.0 * compared.right_asked / of_known if of_known else None,
    }


def _notes(runs: int) -> list[str]:
    return [
        "Every window is asked about (no rate limits), always with the largest models (`original`), at full "
        "speed. processor_pct: processor time of decoding, comparing, finding, tracking and answering, as a "
        f"share of the run on the same clip in which nothing is spared; median, least and most of {runs} "
        "runs in turns.",
        "For every answer of that run it is looked up what stands at the same moment in the same place "
        "(intersection over union at least 0.3) when requests are spared. missing_pct: nothing. "
        "different_pct: another answer; where the models waver from frame to frame, so does this figure. "
        "right_pct: the right answer, where truth is known (the digit camera), beside right_asked_pct, the "
        "same with nothing spared.",
        "The models are small and trained for minutes: what is compared is the same model asked always and "
        "asked less.",
    ]


if __name__ == "__main__":
    main()
