"""How many camera streams with four apps this machine carries, and how many the naive pipeline does.

    python -m benchmarks.streams --data DIR [--work DIR] [--catalog DIR] [--rounds N] [--quick]

A real server on loopback sends clips at 1280x720, five pictures a second each, and the engine and the naive
pipeline (each app runs its own largest model on every frame, in an OpenCV loop) are given more and more of
them. A number is carried when 95 % of all frames that were sent are answered for every app within 300 ms of
their sending, and accuracy is at most four points lower than that of the largest models. Catalog and clips
are kept in --work.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.catalog import run_mcdnn
from benchmarks.report import RESULTS, Row, markdown_table, write_report
from benchmarks.stream_clips import write_camera_clip
from benchmarks.stream_costs import cost_rows
from benchmarks.stream_load import FPS, LIMIT_S, EngineWay, Load, NaiveWay, Way, load_with
from benchmarks.stream_tasks import FULL, write_stream_tasks
from catalog.store import Catalog, open_catalog
from catalog.variants import Variant

ENGINE = "engine"
GATED = "engine, still frames passed over"

_CLIPS = ("shopping_street_13s.mp4", "bottle_table_40s.mp4", "faces_crowd_1080p_4s.mp4")
_SIZE, _CLIP_S = (1280, 720), 60
_RUN_S, _QUICK_RUN_S = 20.0, 4.0
_LONG_RUN_S, _QUICK_LONG_RUN_S = 180.0, 6.0
_SHARE_IN_TIME = 0.95
_MOST_POINTS = 4.0
_WIDTH = 320
_MOST_STREAMS, _QUICK_MOST_STREAMS = 128, 2
_STEP_SHARE = 0.06  # streams are found to within this share


class Bench:
    """Runs ways with numbers of streams and keeps every run as a row.

    Args:
        catalog: whose tasks are the apps.
        clips: that are streamed.
        seconds: of a run, after it has settled.
        folder: for what the processes write.
    """

    def __init__(self, catalog: Catalog, clips: Sequence[Path], seconds: float, folder: Path) -> None:
        self._catalog = catalog
        self._clips = clips
        self._seconds = seconds
        self._folder = folder
        self._variants = {v.id: v for v in catalog.contents.variants}
        self._largest = {t: largest(catalog, t) for t in catalog.tasks}
        self.rows: list[Row] = []

    def carries(self, way: Way, streams: int, round_: int) -> bool:
        """Run once; tell whether the way carries so many."""
        row = self.run(way, streams, self._seconds)
        self.rows.append({"way": way.name, "round": round_, **row})
        return bool(row["carried"])

    def run(self, way: Way, streams: int, seconds: float) -> Row:
        """Run once, for so long; return the figures."""
        load = load_with(way, streams, self._clips, seconds, self._folder)
        lost = self.points_lost(load)
        carried = load.in_time >= _SHARE_IN_TIME and lost <= _MOST_POINTS
        print(f"{way.name}, {streams} streams: {load.in_time:.1%} in time", file=sys.stderr, flush=True)
        return {
            "streams": streams,
            "carried": int(carried),
            "in_time_pct": 100.0 * load.in_time,
            "p50_ms": _finite(1e3 * load.quantile_s(0.5)),
            "p95_ms": _finite(1e3 * load.quantile_s(0.95)),
            "growth_ms_per_min": _finite(load.growth_ms_per_min),
            "points_lost": lost,
            "cores_busy": load.processor_s,
            "processor_ms_a_frame": 1e3 * load.processor_s / (FPS * streams),
            "memory_mb": load.memory_mb,
        }

    def points_lost(self, load: Load) -> float:
        """Return by how much what answered is less accurate than the largest models, on test images.

        In points, mean of the apps, each variant weighted by how often it answered.
        """
        lost = []
        for app, used in load.variants.items():
            answered = {v: n for v, n in used.items() if v in self._variants}
            total = sum(answered.values())
            if total:
                mean = sum(n * self._variants[v].test_accuracy for v, n in answered.items()) / total
                lost.append(100.0 * (self._largest[app].test_accuracy - mean))
        return sum(lost) / len(lost) if lost else 100.0


def largest(catalog: Catalog, task: str) -> Variant:
    """Return the variant of a task on the largest network that was trained and not changed since."""
    plain = [m for m in catalog.measured(task) if len(catalog.trunks[m.variant.trunk].lineage) <= 1]
    return max(plain, key=lambda m: m.memory_bytes).variant


def most_streams(carries: Callable[[int], bool], begin: int, most: int) -> int:
    """Return the largest number that is carried, found by doubling and halving; 0 for none.

    Args:
        carries: runs so many and tells.
        begin: the first number to try.
        most: the largest.
    """
    low, high = 0, most + 1
    number = min(begin, most)
    while high - low > max(1, round(_STEP_SHARE * low)):
        if carries(number):
            low = number
        else:
            high = number
        number = min(2 * low, most) if high > most and low else (low + high) // 2
        if number in (low, high):
            break
    return low


def ways_of(catalog: Catalog) -> list[Way]:
    """Return the engine, and the naive pipeline run in every way that might be its best."""
    tables = {
        "catalog": str(catalog.root),
        "extractor": dict.fromkeys(catalog.input_types, "whole-frame"),
        "app": [{"name": t, "task": t, "latency_limit_s": LIMIT_S} for t in catalog.tasks],
    }
    variants = {t: largest(catalog, t).id for t in catalog.tasks}
    size_px = max(catalog.trunks[largest(catalog, t).trunk].size_px for t in catalog.tasks)
    config = {"catalog": str(catalog.root), "variants": variants, "size_px": size_px}
    one, all_ = {**config, "threads": 1}, {**config, "threads": os.cpu_count() or 1}
    naive: list[Way] = [
        NaiveWay("naive, a process a stream", {**one, "readers": True}, split=True),
        NaiveWay("naive, a thread a stream", {**one, "readers": True}, split=False),
        NaiveWay("naive, one loop, all cores a call", {**all_, "readers": False}, split=False),
    ]
    looked_at = {"width": _WIDTH, "motion_gate": False}
    gated = {"width": _WIDTH, "motion_gate": True}
    return [EngineWay(ENGINE, tables, looked_at), EngineWay(GATED, tables, gated), *naive]


def searched(bench: Bench, ways: Sequence[Way], rounds: int, most: int) -> dict[str, list[int]]:
    """Return how many streams each way carried, a number a round.

    After the first round only the best naive way goes on.
    """
    found: dict[str, list[int]] = {w.name: [] for w in ways}
    going_on = list(ways)
    for round_ in range(rounds):
        for way in going_on:
            begin = found[way.name][-1] if found[way.name] else (1 if isinstance(way, NaiveWay) else 8)
            carried = most_streams(lambda n, w=way, r=round_: bench.carries(w, n, r), max(1, begin), most)  # type: ignore[misc]
            found[way.name].append(carried)
        best = best_naive(ways, found)
        going_on = [w for w in ways if not isinstance(w, NaiveWay) or w.name == best]
    return found


def best_naive(ways: Sequence[Way], found: dict[str, list[int]]) -> str:
    """Return the name of the naive way that carried most."""
    names = [w.name for w in ways if isinstance(w, NaiveWay)]
    return max(names, key=lambda n: median(found[n]))


def prepared_clips(data: Path, work: Path) -> list[Path]:
    """Return the clips as a camera sends them, made once."""
    paths = []
    for name in _CLIPS:
        path = work / f"{Path(name).stem}.flv"
        if not path.exists():
            write_camera_clip(data / "videos" / name, path, _SIZE, int(FPS), _CLIP_S)
        paths.append(path)
    return paths


def prepared_catalog(data: Path, work: Path) -> Catalog:
    """Return the catalog of the four apps, compiled once or continued where it was left."""
    tasks = write_stream_tasks(data, work, FULL)
    root = work / "catalog"
    if not (root / "profiles").is_dir():
        run_mcdnn("streams", "compile", str(tasks), "--out", str(root), "--resume")
    return open_catalog(root)


def main() -> None:
    """Search, measure what a frame costs, and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--work", type=Path, help="where catalog and clips are kept")
    parser.add_argument("--catalog", type=Path, help="another compiled catalog")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report goes")
    parser.add_argument("--rounds", type=int, default=3, help="searches a way (default: 3)")
    parser.add_argument("--quick", action="store_true", help="short runs of two streams at most")
    args = parser.parse_args()
    data = (args.data or Path(os.environ.get("MCDNN_DATA", ""))).resolve()
    if not (data / "videos").is_dir():
        parser.error("no data: give --data DIR or set MCDNN_DATA; docs/data.md says where it comes from")
    with tempfile.TemporaryDirectory() as temporary:
        work = (args.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        catalog = prepared_catalog(data, work) if args.catalog is None else open_catalog(args.catalog)
        clips = prepared_clips(data, work)
        bench = Bench(catalog, clips, _QUICK_RUN_S if args.quick else _RUN_S, Path(temporary) / "runs")
        ways = ways_of(catalog)
        most = _QUICK_MOST_STREAMS if args.quick else _MOST_STREAMS
        found = searched(bench, ways, 1 if args.quick else args.rounds, most)
        lasting = long_runs(bench, ways, found, _QUICK_LONG_RUN_S if args.quick else _LONG_RUN_S)
        costs = cost_rows(clips, catalog, _WIDTH, rounds=20 if args.quick else 100)
    print(write_streams(catalog, bench, found, best_naive(ways, found), lasting, costs, args.out))


def long_runs(bench: Bench, ways: Sequence[Way], found: dict[str, list[int]], seconds: float) -> list[Row]:
    """Run the engine at what it carried, and a tenth below, for long: whether it gets later and later."""
    carried = int(median(found[ENGINE]))
    engine = next(w for w in ways if w.name == ENGINE)
    numbers = dict.fromkeys(n for n in (carried, int(0.9 * carried)) if n)
    return [{"seconds": seconds, **bench.run(engine, number, seconds)} for number in numbers]


def write_streams(
    catalog: Catalog,
    bench: Bench,
    found: dict[str, list[int]],
    naive: str,
    lasting: list[Row],
    costs: list[Row],
    out: Path,
) -> str:
    """Write docs/results/streams and return its text."""
    summary = [_summary(bench, way, carried) for way, carried in found.items() if carried]
    ratios = [e / n for e, n in zip(found[ENGINE], found[naive], strict=True) if n]
    ratio = f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})" if ratios else "unknown"
    body = [
        f"**Streams of the engine for each of the best naive pipeline ({naive}): {ratio}, asked: 6.**",
        "",
        *markdown_table(summary),
        "",
        "## The engine for longer",
        "",
        *markdown_table(lasting),
        "",
        "## What a frame costs",
        "",
        *markdown_table(costs),
        "",
        "## Every run",
        "",
        *markdown_table(bench.rows),
    ]
    tables = {"runs": bench.rows, "long_runs": lasting, "costs": costs}
    packages = ("mcdnn", "numpy", "onnxruntime", "opencv-python-headless", "av")
    title = "Camera streams that one machine carries"
    return write_report("streams", title, summary, _notes(catalog), packages, out, body, tables)


def _summary(bench: Bench, way: str, carried: Sequence[int]) -> Row:
    """Return the figures of a way at the number that it carried in the median round."""
    number = int(median(carried))
    rows = [r for r in bench.rows if r["way"] == way and r["carried"]]
    shown = min(rows, key=lambda r: abs(int(r["streams"] or 0) - number)) if rows else {}
    kept = (
        "p50_ms",
        "p95_ms",
        "growth_ms_per_min",
        "points_lost",
        "cores_busy",
        "processor_ms_a_frame",
        "memory_mb",
    )
    spread = {"streams": number, "streams_least": min(carried), "streams_most": max(carried)}
    return {"way": way, **spread, **{k: shown.get(k) for k in kept}}


def _finite(value: float) -> float | None:
    return value if abs(value) != float("inf") else None


def _notes(catalog: Catalog) -> list[str]:
    models = ", ".join(
        f"{t}: {largest(catalog, t).id.partition('/')[0]}, {100 * largest(catalog, t).test_accuracy:.1f} %"
        for t in catalog.tasks
    )
    return [
        f"Clips of docs/data.md, scaled to {_SIZE[0]}x{_SIZE[1]} at {FPS:g} pictures a second (H.264 without "
        "delay, a whole picture every four seconds), sent in real time over HTTP by one process that both "
        "sides share the machine with. Latency counts from the moment that the server sends a picture to "
        "the moment that the last app's answer is written, by one clock; a picture without all answers "
        "counts as never answered.",
        f"Engine: policy `paced`, `width = {_WIDTH}`, no tracks, no budget, and in the row `engine`, which "
        "is the one that is compared, no motion gate; a process that decodes for each stream, everything "
        "else in one. Naive: OpenCV's VideoCapture with one thread a stream (more would hold pictures "
        "back), a window made once for all apps by the same function, the network of every app by "
        "onnxruntime; in every way listed, the best of which counts.",
        f"The largest models, on test images: {models}. `points_lost` is against them, the mean of the apps, "
        "each model weighted by how often it answered.",
        "`growth_ms_per_min` is the slope of a straight line through the latencies of a run. Streams are "
        f"found to within {_STEP_SHARE:.0%}. `cores_busy` leaves the server out. Memory: pages that "
        "processes share are divided among them.",
    ]


if __name__ == "__main__":
    main()
