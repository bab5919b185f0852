"""The whole way on real data: photographs to a catalog, real clips to answers within budgets.

`python -m benchmarks.real_clips --data DIR` compiles heads for faces and places, runs `mcdnn run` on
every clip and keeps configurations, results, annotated videos and recordings in --out. A second call
takes the catalog that is there.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.real_runs import APPS, DEVICE, Clip, call_mcdnn, limits_from, row, run_clip
from benchmarks.real_tasks import AGES, FULL, QUICK, FaceMatch, TaskScale, match_of_faces, write_tasks
from benchmarks.report import RESULTS, Row, write_report
from catalog.store import Catalog, open_catalog
from catalog.variants import MeasuredVariant

_CLIPS = (
    Clip("faces_three_people_corridor_3s.mp4"),
    Clip("faces_crowd_1080p_4s.mp4"),
    Clip("faces_two_people_headpose_5s.mp4"),
    Clip("classroom_3s.mp4"),
    Clip("camvid_drive_firstperson_701f_1fps.avi", apps=("place",)),
)
_QUICK_CLIPS = (Clip("faces_three_people_corridor_3s.mp4", duration_s=1.0),)
_POLICIES = ("original", "mcdnn2016")
_ENERGY_SHARE = 0.5
_MEMORY_SHARE = 0.8
_PACKAGES = ("mcdnn", "numpy", "onnxruntime", "opencv-python-headless", "torch")


def main() -> None:
    """Compile, run and report."""
    arguments = _arguments()
    data, out = Path(arguments.data).resolve(), arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    scale, clips = (QUICK, _QUICK_CLIPS) if arguments.quick else (FULL, _CLIPS)
    tasks = write_tasks(data, out, scale)
    call_mcdnn("compile", str(tasks), "--out", str(out / "catalog"), "--jobs", "1", "--resume")
    catalog = open_catalog(out / "catalog")
    rows = [r for clip in clips for r in _run_policies(data / "videos", clip, catalog, out)]
    match = match_of_faces(data)
    folder = out if arguments.quick else RESULTS
    print(write_report("real_clips", "Real clips", rows, _run_notes(rows), _PACKAGES, folder))
    models = [_model_row(catalog, m) for task in APPS for m in catalog.measured(task, DEVICE)]
    notes = _model_notes(scale, match)
    title = "Models of the real clips"
    print(write_report("real_clips_models", title, models, notes, _PACKAGES, folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="real photographs to a catalog, real clips to answers")
    parser.add_argument("--data", default=os.environ.get("MCDNN_DATA"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("out/real_clips"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="tiny models, one second of one clip")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no data: give --data DIR or set MCDNN_DATA; docs/data.md says where it comes from")
    return arguments


def _run_policies(videos: Path, clip: Clip, catalog: Catalog, out: Path) -> list[Row]:
    """Run a clip with the largest models and no limits, then every policy within limits taken from it."""
    rehearsal = run_clip(videos, clip, catalog.root, "original", None, out / clip.name / "unlimited")
    limits = limits_from(rehearsal, _ENERGY_SHARE, _MEMORY_SHARE)
    rows = [row(clip, "original, no limits", rehearsal)]
    for policy in _POLICIES:
        finished = run_clip(videos, clip, catalog.root, policy, limits, out / clip.name / policy)
        rows.append(row(clip, policy, finished))
    return rows


def _model_row(catalog: Catalog, measured: MeasuredVariant) -> Row:
    task = measured.variant.task
    return {
        "task": task,
        "classes": len(catalog.tasks[task].classes),
        "trunk": measured.variant.trunk,
        "validation_pct": 100.0 * measured.variant.validation_accuracy,
        "test_pct": 100.0 * measured.variant.test_accuracy,
        "calibration_error": measured.variant.calibration_error,
        "memory_mb": measured.memory_bytes / 1e6,
        "latency_ms": 1e3 * measured.latency_s,
        "load_ms": 1e3 * measured.load_s,
    }


def _run_notes(rows: Sequence[Row]) -> list[str]:
    with_faces = [_extraction_pct(r) for r in rows if r["faces_a_frame"] is not None]
    without = [_extraction_pct(r) for r in rows if r["faces_a_frame"] is None]
    extraction = f"{min(with_faces):.0f} to {max(with_faces):.0f} % where faces are looked for"
    if without:
        extraction += f", {min(without):.0f} to {max(without):.0f} % where they are not"
    return [
        "Apps: `gender` and `age` ask about every face (extractor `distant-faces`), `place` about every "
        "whole frame. First the most accurate models without limits; that sets the limits of the other "
        f"runs: base load and extraction in full, {_ENERGY_SHARE:.0%} of what running and loading took, "
        f"and {_MEMORY_SHARE:.0%} of the memory. Energy is modelled: measured time by the power of the "
        f"profile `{DEVICE}`. Latencies include finding the windows; no app limits them.",
        f"Of the energy beyond the base load, extraction took {extraction}. It goes on when the budget is "
        "gone, so that requests are counted, and no choice of models makes it smaller: overdraft is what "
        "it took after that moment.",
        f"{_extraction_spread(rows)} So these rows show that budgets hold and what is said when they are "
        "gone; which policy serves more is a question for runs that are longer and dearer in models.",
        "Windows of a face and of the whole frame alternate: under `original` the most accurate models of "
        "both, which do not fit in memory beside each other, are loaded again on every frame (`evictions`).",
        "The clips carry no labels for these questions: `answers` counts what was said; a request without "
        "an answer was not served.",
    ]


def _extraction_pct(figures: Row) -> float:
    spent_j = [_joules(figures, c) for c in ("extraction", "execution", "loading")]
    return 100.0 * spent_j[0] / sum(spent_j)


def _extraction_spread(rows: Sequence[Row]) -> str:
    """Say on how many clips extraction varied by more than the models were granted."""
    clips = list(dict.fromkeys(str(r["clip"]) for r in rows))
    varied = 0
    for clip in clips:
        runs = [r for r in rows if r["clip"] == clip]
        extraction_j = [_joules(r, "extraction") for r in runs]
        granted_j = _ENERGY_SHARE * (_joules(runs[0], "execution") + _joules(runs[0], "loading"))
        varied += max(extraction_j) - min(extraction_j) > granted_j
    return (
        f"On {varied} of {len(clips)} clips the energy of extraction differed between the runs by more than "
        "the models were granted."
    )


def _joules(figures: Row, category: str) -> float:
    return float(figures[f"{category}_j"] or 0.0)


def _model_notes(scale: TaskScale, match: FaceMatch) -> list[str]:
    bands = ", ".join(f"{name} below {years}" for name, years in AGES.items())
    return [
        f"Windows of {scale.size_px} px, {scale.epochs} epochs, one process. Faces: UTKFace, split as "
        f"published, age in years: {bands}. Places: Intel's six scene classes. Test figures are of "
        "images that took no part in training or choosing.",
        f"On {match.faces} training faces the extractor's box has {match.side:.2f} of the image's side and "
        f"begins {match.left:+.2f} of it from the left and {match.top:+.2f} from the top (medians): windows "
        "of the clips are cut without margin to resemble them.",
    ]


if __name__ == "__main__":
    main()
