"""`mcdnn run` on a clip, as a user calls it, and its figures as one row of a report."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Row
from catalog.devices import load_device_profile
from catalog.errors import RunFailed

APPS = ("gender", "age", "place")  # named after their tasks
DEVICE = "host"
_FACE_APP = "gender"  # it asks once about every face
_CATEGORIES = ("execution", "loading", "extraction", "base_load")


@dataclass(frozen=True, slots=True)
class Clip:
    """A video below the data's folder of videos, how much of it is run at most, and for which apps."""

    file: str
    duration_s: float = 60.0
    apps: tuple[str, ...] = APPS

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return Path(self.file).stem


@dataclass(frozen=True, slots=True)
class Limits:
    """A budget as ENGINE.toml states it.

    Args:
        energy_j: of the period, base load included.
        period_s: how long it is.
        memory_mb: of parts and heads.
    """

    energy_j: float
    period_s: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left: the closing summary and the lines of the results file."""

    summary: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]

    @property
    def energy_j(self) -> dict[str, float]:
        """Energy spent, by category."""
        spent_j = dict.fromkeys(_CATEGORIES, 0.0)
        for line in self.summary["standing"]["spent"]:
            spent_j[line["category"]] = spent_j.get(line["category"], 0.0) + line["energy_j"]
        return spent_j


def call_mcdnn(*arguments: str) -> str:
    """Run the command line in a process of its own and return its standard output.

    Raises:
        RunFailed: it did not end with 0; what it said is on the standard error.
    """
    command = [sys.executable, "-m", "mcdnn", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(f"mcdnn {arguments[0]} ended with {done.returncode}")
    return done.stdout


def run_clip(
    videos: Path, clip: Clip, catalog: Path, policy: str, limits: Limits | None, to: Path
) -> Finished:
    """Run the apps on a clip; configuration, results, annotated video and recording stay in a folder.

    Raises:
        RunFailed: see call_mcdnn.
    """
    to.mkdir(parents=True, exist_ok=True)
    config, results = to / "ENGINE.toml", to / "results.jsonl"
    config.write_text(_engine_toml(catalog, videos, clip, policy, limits), encoding="utf-8")
    outputs = {"--out": results, "--video": to / "annotated.mp4", "--record": to / "recording"}
    flags = [str(x) for pair in outputs.items() for x in pair]
    printed = call_mcdnn("run", str(config), "--duration", f"{clip.duration_s:g}", "--json", *flags)
    (to / "summary.json").write_text(printed, encoding="utf-8")
    lines = results.read_text(encoding="utf-8").splitlines()
    return Finished(json.loads(printed), [json.loads(line) for line in lines])


def limits_from(rehearsal: Finished, energy_share: float, memory_share: float) -> Limits:
    """Return limits that the most accurate models exceed.

    Args:
        rehearsal: a run with these models and no limits.
        energy_share: of what running and loading them took; base load and extraction are paid in full.
        memory_share: of what they held together.
    """
    frames, last_s = rehearsal.summary["frames"], rehearsal.summary["t_s"]
    period_s = last_s * frames / max(1, frames - 1)  # to the end of the last frame
    spent_j = rehearsal.energy_j
    models_j = spent_j["execution"] + spent_j["loading"]
    base_j = load_device_profile(DEVICE).base_w * period_s
    peak_bytes = rehearsal.summary["standing"]["memory"]["peak_bytes"]
    energy_j = base_j + spent_j["extraction"] + energy_share * models_j
    return Limits(energy_j, period_s, memory_share * peak_bytes / 1e6)


def row(clip: Clip, run: str, finished: Finished) -> Row:
    """Return the figures of one run."""
    summary, standing = finished.summary, finished.summary["standing"]
    apps = {a["app"]: a for a in summary["apps"]}
    frames = max(1, summary["frames"])
    faces_a_frame = apps[_FACE_APP]["requests"] / frames if _FACE_APP in clip.apps else None
    latencies_ms = [1e3 * r["latency_s"] for r in finished.results if r["latency_s"] is not None]
    mean_ms, p95_ms = (
        (float(np.mean(latencies_ms)), float(np.quantile(latencies_ms, 0.95)))
        if latencies_ms
        else (None, None)
    )
    return {
        "clip": clip.name,
        "run": run,
        "frames": summary["frames"],
        "faces_a_frame": faces_a_frame,
        "requests": len(finished.results),
        "served_pct": 100.0 * sum(r["served"] for r in finished.results) / max(1, len(finished.results)),
        "latency_mean_ms": mean_ms,
        "latency_p95_ms": p95_ms,
        **{f"{category}_j": joules for category, joules in finished.energy_j.items()},
        "energy_budget_j": standing["budget"]["energy_j"],
        "overdraft_j": standing["budget"]["overdraft_j"],
        "memory_peak_mb": standing["memory"]["peak_bytes"] / 1e6,
        "memory_limit_mb": _megabytes(standing["memory"]["limit_bytes"]),
        "evictions": standing["memory"]["evictions"],
        "trunks": _counted(r["variant"].partition("/")[0] for r in finished.results if r["variant"]),
        "answers": "; ".join(f"{app}: {_answers(finished, app)}" for app in apps),
    }


def _megabytes(size_bytes: float | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6


def _answers(finished: Finished, app: str) -> str:
    return _counted(r["answer"] or "none" for r in finished.results if r["app"] == app)


def _counted(names: Iterable[str]) -> str:
    """Return each name with how often it came, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())


def _engine_toml(catalog: Path, videos: Path, clip: Clip, policy: str, limits: Limits | None) -> str:
    text = f"""catalog = {json.dumps(str(catalog))}
policy = "{policy}"

[extractor]
face = "distant-faces"

[device]
profile = "{DEVICE}"

[[source]]
uri = {json.dumps(str(videos / clip.file))}
"""
    for app in clip.apps:
        text += f'\n[[app]]\nname = "{app}"\ntask = "{app}"\n'
    if limits is not None:
        text += f"""
[budget]
energy_j = {limits.energy_j:.3f}
period = "{limits.period_s:.3f}s"
memory_mb = {limits.memory_mb:.3f}
"""
    return text
