"""A long run at the highest rate with a fault every minute: what it holds, loses, and counts.

    python -m benchmarks.soak --data DIR [--minutes M] [--fault-every-s S] [--work DIR] [--out DIR]

`mcdnn run` answers two apps on four streams of real clips that come faster than they can be answered, and
posts results to a receiver. The server of "door" is killed and frozen in turn, the receiver falls asleep,
and the configuration is read again; "gate" sends garbage and "lane" breaks off in the middle of a picture
all the time; nothing happens to "yard".
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.process_family import Holdings, catches, family, holdings, is_there, resident_mb
from benchmarks.report import RESULTS, Row, markdown_table, write_report
from benchmarks.soak_faults import FaultPlan, ResultTail, Struck, faults, receiving
from benchmarks.stream_clips import write_camera_clip
from benchmarks.stream_server import StreamServer
from benchmarks.synthetic_catalog import build_synthetic_catalog
from catalog.errors import RunFailed

_CLIP, _SIZE, _FPS, _CLIP_S = "shopping_street_13s.mp4", (480, 270), 30, 20
_TASKS, _LAYERS, _CHANNELS = 2, 4, 16
_SAMPLE_EVERY_S = 2.0
_START_LIMIT_S, _STOP_LIMIT_S, _QUIET_S = 120.0, 60.0, 20.0
_BACK_WITHIN_S = 10.0
_MOST_GROWTH = 0.05


class Sample(NamedTuple):
    """What the run held at one moment.

    Args:
        at_s: since the soak began.
        memory_mb: of all its processes.
        held: processes, threads, open files.
    """

    at_s: float
    memory_mb: float
    held: Holdings


@dataclass(slots=True)
class Soaked:
    """What came of it.

    Args:
        minutes: with faults.
        samples: while it ran.
        struck: faults.
        lines: of the results file.
        status: that the run ended with.
        summary: what it said at its end.
        left: processes that were there after its end.
    """

    minutes: float
    samples: list[Sample] = field(default_factory=list)
    struck: Sequence[Struck] = ()
    lines: int = 0
    status: int = -1
    summary: Mapping[str, Any] = field(default_factory=dict)
    left: int = 0

    @property
    def memory_mb(self) -> tuple[float, float]:
        """Medians of the second and of the last quarter: the first is for warming up."""
        quarters = [
            median(s.memory_mb for s in self.samples[begin : begin + len(self.samples) // 4])
            for begin in (len(self.samples) // 4, 3 * len(self.samples) // 4)
        ]
        return quarters[0], quarters[1]

    @property
    def held(self) -> tuple[Holdings, Holdings]:
        """Least of each in the second and in the last quarter: what no fault was adding to."""
        quarter = len(self.samples) // 4
        first, last = (
            [s.held for s in self.samples[begin : begin + quarter]] for begin in (quarter, 3 * quarter)
        )
        return Holdings(*map(min, zip(*first, strict=True))), Holdings(*map(min, zip(*last, strict=True)))

    def miscounted(self) -> list[str]:
        """Return in words which counts do not add up."""
        sources = self.summary["standing"]["sources"]
        wrong = [
            f"{s['source']}: read {s['read']}, taken {s['taken']}, dropped {s['dropped']}, left {s['left']}"
            for s in sources
            if s["read"] != s["taken"] + sum(s["dropped"].values()) + s["left"]
        ]
        taken = sum(s["taken"] for s in sources)
        if taken != self.summary["frames"]:
            wrong.append(f"taken {taken}, processed {self.summary['frames']}")
        requests = sum(a["requests"] for a in self.summary["apps"])
        if requests != self.lines:
            wrong.append(f"{requests} requests, {self.lines} lines of results")
        return wrong + [_sink_in_words(s) for s in self.summary["standing"]["sinks"] if not _adds_up(s)]


def _adds_up(sink: Mapping[str, Any]) -> bool:
    came = sink["accepted"] + sink["recovered"]
    went: int = sink["delivered"] + sum(sink["dropped"].values()) + sink["waiting"] + sink["spooled"]
    return bool(came == went)


def _sink_in_words(sink: Mapping[str, Any]) -> str:
    return f"{sink['sink']}: " + ", ".join(f"{k} {v}" for k, v in sink.items() if k != "sink")


def soak(data: Path, work: Path, minutes: float, every_s: float) -> Soaked:
    """Run and strike for so many minutes.

    Raises:
        RunFailed: the run did not start, or ended early; what it said stands above.
    """
    clip = work / "street.flv"
    if not clip.exists():
        write_camera_clip(data / "videos" / _CLIP, clip, _SIZE, _FPS, _CLIP_S)
    results = work / "results.jsonl"
    results.unlink(missing_ok=True)
    soaked = Soaked(minutes)
    with ExitStack() as stack:
        door, other = (stack.enter_context(StreamServer([clip], _FPS)) for _ in range(2))
        receiver = stack.enter_context(receiving())
        config = _write_config(work, door, other, receiver)
        tail = ResultTail(results)
        run = _started(config, results, tail)
        stack.callback(run.kill)
        hang_up = (lambda: run.send_signal(signal.SIGHUP)) if catches(run.pid, signal.SIGHUP) else None
        began_s = time.monotonic()
        watch = _Watch(run.pid, tail, soaked.samples, began_s)
        plan = FaultPlan(faults(door, hang_up), every_s, "door", tail)
        while time.monotonic() - began_s < 60.0 * minutes:
            plan.strike(began_s, watch)
            if run.poll() is not None:
                raise RunFailed(f"mcdnn run ended with {run.returncode}: what it said stands above")
        soaked.struck = plan.struck
        _end(run, soaked)
        tail.look()
        soaked.lines = tail.lines
    return soaked


class _Watch:
    """Looks at the run every two seconds, and at its results whenever it is called."""

    def __init__(self, pid: int, tail: ResultTail, samples: list[Sample], began_s: float) -> None:
        self._pid = pid
        self._tail = tail
        self._samples = samples
        self._began_s = began_s
        self._next_s = began_s

    def __call__(self) -> None:
        self._tail.look()
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _SAMPLE_EVERY_S
            pids = family([self._pid])
            self._samples.append(Sample(now_s - self._began_s, resident_mb(pids), holdings(pids)))


def _write_config(work: Path, door: StreamServer, other: StreamServer, receiver: str) -> Path:
    catalog = work / "catalog"
    if not (catalog / "catalog.json").exists():
        build_synthetic_catalog(catalog, _TASKS, _LAYERS, _CHANNELS)
    urls = {
        "door": door.url("street?viewer=0"),
        "yard": other.url("street?viewer=1"),
        "gate": other.url("street?viewer=2&fault=garbage"),
        "lane": other.url("street?viewer=3&fault=cut"),
    }
    sources = "".join(
        f'[[source]]\nname = "{name}"\nuri = "{url}"\nmotion_gate = false\n' for name, url in urls.items()
    )
    apps = "".join(f'[[app]]\nname = "app{i}"\ntask = "task{i}"\n' for i in range(_TASKS))
    sink = f'[[sink]]\nkind = "webhook"\nurl = "{receiver}"\n'
    extractor = '[extractor]\nsynthetic = "whole-frame"\n'
    path = work / "ENGINE.toml"
    path.write_text(f'catalog = "{catalog}"\n{extractor}{sources}{apps}{sink}', encoding="utf-8")
    return path


def _started(config: Path, results: Path, tail: ResultTail) -> subprocess.Popen[str]:
    """Return the run once every source has been answered."""
    command = [sys.executable, "-m", "mcdnn", "run", str(config), "--out", str(results), "--json"]
    log = config.with_name("run.log").open("w")
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    log.close()
    until_s = time.monotonic() + _START_LIMIT_S
    while not all(tail.latest_s(s) for s in ("door", "yard", "gate", "lane")):
        tail.look()
        if run.poll() is not None or time.monotonic() > until_s:
            run.kill()
            run.communicate()
            said = config.with_name("run.log").read_text()[-2000:]
            raise RunFailed(f"mcdnn run did not answer all sources: {said}")
        time.sleep(0.1)
    return run


def _end(run: subprocess.Popen[str], soaked: Soaked) -> None:
    pids = family([run.pid])
    run.send_signal(signal.SIGTERM)
    printed, _ = run.communicate(timeout=_STOP_LIMIT_S)
    soaked.status = run.returncode
    soaked.summary = json.loads(printed)
    until_s = time.monotonic() + _QUIET_S
    while any(map(is_there, pids)) and time.monotonic() < until_s:
        time.sleep(0.05)
    soaked.left = sum(map(is_there, pids))


def summary_row(soaked: Soaked) -> Row:
    """Return the figures that the soak is for."""
    before_mb, after_mb = soaked.memory_mb
    before, after = soaked.held
    awaited = [s for s in soaked.struck if s.awaited]
    back_s = [s.back_after_s for s in awaited if s.back_after_s is not None]
    return {
        "minutes": soaked.minutes,
        "faults": len(soaked.struck),
        "frames_read": sum(s["read"] for s in soaked.summary["standing"]["sources"]),
        "frames_processed": soaked.summary["frames"],
        "counts_wrong": len(soaked.miscounted()),
        "memory_before_mb": before_mb,
        "memory_after_mb": after_mb,
        "memory_growth_pct": 100.0 * (after_mb / before_mb - 1.0),
        "processes_more": after.processes - before.processes,
        "threads_more": after.threads - before.threads,
        "open_files_more": after.descriptors - before.descriptors,
        "processes_left_after_the_end": soaked.left,
        "returns_awaited": len(awaited),
        "returns_within_10_s": sum(s <= _BACK_WITHIN_S for s in back_s),
        "back_after_median_s": median(back_s) if back_s else None,
        "back_after_most_s": max(back_s) if back_s else None,
        "exit_status": soaked.status,
    }


def source_rows(soaked: Soaked) -> list[Row]:
    """Return what became of each source's frames."""
    rows: list[Row] = []
    for s in soaked.summary["standing"]["sources"]:
        counts = {k: s[k] for k in ("read", "taken", "left")}
        report = {k: s["report"][k] for k in ("connects", "failures", "restarts")}
        drops = "; ".join(f"{n} {reason}" for reason, n in s["dropped"].items())
        rows.append({"source": s["source"], **counts, "dropped": drops, **report})
    return rows


def sink_rows(soaked: Soaked) -> list[Row]:
    """Return what became of each sink's results."""
    return [
        {
            "sink": s["sink"].partition(" ")[0],
            **{k: s[k] for k in ("accepted", "delivered", "waiting", "retries")},
            "dropped": sum(s["dropped"].values()),
        }
        for s in soaked.summary["standing"]["sinks"]
    ]


def fault_rows(soaked: Soaked) -> list[Row]:
    """Return what was done, and how soon the source was back."""
    return [
        {"fault": s.fault, "at_s": s.at_s, "back_after_s": s.back_after_s if s.awaited else None}
        for s in soaked.struck
    ]


def verdict(row: Row, miscounted: Sequence[str]) -> str:
    """Return in words what was asked and what came of it."""
    wrong = list(miscounted)
    if abs(float(row["memory_growth_pct"] or 0.0)) > 100.0 * _MOST_GROWTH:
        wrong.append(f"memory changed by {row['memory_growth_pct']:.1f} %, asked: 5")
    wrong += [
        f"{n.replace('_', ' ')}: {row[n]}"
        for n in ("processes_more", "threads_more", "open_files_more", "processes_left_after_the_end")
        if int(row[n] or 0) > 0
    ]
    if row["returns_within_10_s"] != row["returns_awaited"]:
        wrong.append(f"back within 10 s {row['returns_within_10_s']} times of {row['returns_awaited']}")
    return "**Missed: " + "; ".join(wrong) + ".**" if wrong else "**Nothing of what is asked was missed.**"


def main() -> None:
    """Soak and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--work", type=Path, help="where the run writes (default: a temporary folder)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report goes")
    parser.add_argument("--minutes", type=float, default=30.0, help="with faults (default: 30)")
    parser.add_argument("--fault-every-s", type=float, default=60.0, help="default: 60")
    args = parser.parse_args()
    data = (args.data or Path(os.environ.get("MCDNN_DATA", ""))).resolve()
    if not (data / "videos").is_dir():
        parser.error("no data: give --data DIR or set MCDNN_DATA; docs/data.md says where it comes from")
    with tempfile.TemporaryDirectory() as temporary:
        work = (args.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        soaked = soak(data, work, args.minutes, args.fault_every_s)
    print(write_soak(soaked, args.out))


def write_soak(soaked: Soaked, out: Path) -> str:
    """Write docs/results/soak and return its text."""
    row = summary_row(soaked)
    asked = [
        "Asked: memory of engine and decoders within 5 % after warming up; frames read = taken + dropped by "
        "reason + left, of every source; taken = processed; requests = lines of results; no process, thread "
        "or open file more; door back within 10 s of its server's return."
    ]
    figures = [{"figure": name, "value": value} for name, value in row.items()]
    body = [verdict(row, soaked.miscounted()), "", *asked, "", *markdown_table(figures), "", "## Sources", ""]
    body += [*markdown_table(source_rows(soaked)), "", "## Results", "", *markdown_table(sink_rows(soaked))]
    body += ["", "## Faults", "", *markdown_table(fault_rows(soaked))]
    tables = {
        "sources": source_rows(soaked),
        "sinks": sink_rows(soaked),
        "faults": fault_rows(soaked),
        "memory": _memory_rows(soaked),
    }
    packages = ("mcdnn", "numpy", "onnxruntime", "av")
    return write_report("soak", "A long run with faults", [row], _NOTES, packages, out, body, tables)


def _memory_rows(soaked: Soaked) -> list[Row]:
    return [{"at_s": s.at_s, "memory_mb": s.memory_mb, **s.held._asdict()} for s in soaked.samples]


_NOTES = [
    f"Four streams of a real clip, {_SIZE[0]}x{_SIZE[1]} at {_FPS} pictures a second each over HTTP, from "
    "servers on the same machine, answered by `mcdnn run` for two apps as fast as it can; results go to a "
    "file and to a webhook. A fault lasts a quarter of the time between two.",
    "Memory is that of the engine and its decoders together (pages that several share are divided among "
    "them): the median of the second quarter of the run against that of the last; the first quarter is for "
    "warming up. Processes, threads and open files: the least of the same quarters.",
]


if __name__ == "__main__":
    main()
