"""Camera streams answered by the engine or by the naive pipeline, and how late the answers were."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.process_family import family, processor_s, resident_mb
from benchmarks.stream_server import StreamServer
from catalog.errors import RunFailed

FPS = 5.0
LIMIT_S = 0.3

_START_LIMIT_S, _STOP_LIMIT_S = 180.0, 60.0
_SETTLING_S = 8.0
_POLL_S = 0.1


class Way(Protocol):
    """A way to answer streams: the processes that do it."""

    @property
    def name(self) -> str:
        """Name in the report."""

    def commands(self, streams: Mapping[str, str], folder: Path) -> list[tuple[list[str], Path]]:
        """Return what to start for streams (name to URL), each with the file that its answers go to."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a number of streams.

    Args:
        streams: how many.
        latency_s: of every frame that was sent, from its sending to the last app's answer; inf for a frame
            that some app did not answer.
        sent_s: when each of them was sent, since the first.
        variants: by app, how often each answered.
        processor_s: of the processes that answer, with those that they started, in a second of time.
        memory_mb: what they held at the end.
    """

    streams: int
    latency_s: npt.NDArray[np.float64]
    sent_s: npt.NDArray[np.float64]
    variants: Mapping[str, Mapping[str, int]]
    processor_s: float
    memory_mb: float

    def quantile_s(self, share: float) -> float:
        """Return the latency that this share of the frames does not exceed."""
        return float(np.quantile(self.latency_s, share, method="higher"))

    @property
    def in_time(self) -> float:
        """Share of the frames that every app answered within the limit."""
        return float(np.mean(self.latency_s < LIMIT_S))

    @property
    def growth_ms_per_min(self) -> float:
        """By how much the answers get later: the slope of a straight line through the latencies."""
        known = np.isfinite(self.latency_s)
        if known.sum() < 2:
            return math.inf
        return float(np.polyfit(self.sent_s[known], 1e3 * self.latency_s[known], 1)[0] * 60.0)


def load_with(
    way: Way,
    streams: int,
    clips: Sequence[Path],
    seconds: float,
    folder: Path,
    settling_s: float = _SETTLING_S,
) -> Load:
    """Have a number of streams answered for a while, after a time to settle.

    Raises:
        RunFailed: a process ended, or the streams were not all opened in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {f"s{i:02d}": f"{clips[i % len(clips)].stem}?viewer={i}" for i in range(streams)}
    with ExitStack() as stack:
        server = stack.enter_context(StreamServer(clips, FPS))
        urls = {name: server.url(path) for name, path in paths.items()}
        commands = way.commands(urls, folder)
        processes = [subprocess.Popen(command) for command, _ in commands]
        stack.callback(_end, processes)
        pids = [p.pid for p in processes]
        _wait_for_all(server, set(paths.values()), processes)
        time.sleep(settling_s)
        first_s, before_s = time.monotonic(), processor_s(family(pids))
        time.sleep(seconds)
        last_s, after_s = time.monotonic(), processor_s(family(pids))
        memory_mb = resident_mb(family(pids))
        time.sleep(2 * LIMIT_S)  # for the answers to the last frames
        began_s = server.began_s()
    answers = [line for _, file in commands for line in file.read_text().splitlines()]
    began = {name: began_s[path] for name, path in paths.items()}
    return _load(answers, began, (first_s, last_s), (after_s - before_s) / (last_s - first_s), memory_mb)


def _load(
    lines: Sequence[str],
    began_s: Mapping[str, float],
    window_s: tuple[float, float],
    busy: float,
    memory_mb: float,
) -> Load:
    answered: dict[tuple[str, int], float] = {}
    variants: dict[str, Counter[str]] = {}
    for line in lines:
        stream, number, at_s, by_app = json.loads(line)
        if window_s[0] <= began_s[stream] + number / FPS < window_s[1]:
            if all(v is not None for v in by_app.values()):  # of none where a gate passed the frame over
                answered[stream, number] = at_s
            for app, variant in by_app.items():
                variants.setdefault(app, Counter())[str(variant)] += 1
    latency_s, sent_s = [], []
    for stream, zero_s in began_s.items():
        first, end = (math.ceil((t - zero_s) * FPS) for t in window_s)
        for number in range(first, end):
            moment_s = zero_s + number / FPS
            latency_s.append(answered.get((stream, number), math.inf) - moment_s)
            sent_s.append(moment_s - window_s[0])
    return Load(len(began_s), np.array(latency_s), np.array(sent_s), variants, busy, memory_mb)


def _wait_for_all(
    server: StreamServer, paths: set[str], processes: Sequence[subprocess.Popen[bytes]]
) -> None:
    until_s = time.monotonic() + _START_LIMIT_S
    while not paths <= set(server.began_s()):
        if any(p.poll() is not None for p in processes):
            raise RunFailed("a process that answers ended early: what it said stands above")
        if time.monotonic() > until_s:
            raise RunFailed(f"not all of {len(paths)} streams were opened within {_START_LIMIT_S:.0f} s")
        time.sleep(_POLL_S)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class EngineWay:
    """The engine, one process and its decoders.

    Args:
        name: in the report.
        tables: of ENGINE.toml, but for the sources.
        source: settings of every source.
    """

    name: str
    tables: Mapping[str, Any]
    source: Mapping[str, Any]

    def commands(self, streams: Mapping[str, str], folder: Path) -> list[tuple[list[str], Path]]:
        """See Way."""
        sources = [{"name": name, "uri": url, **self.source} for name, url in streams.items()]
        return [_command("benchmarks.stream_engine", {**self.tables, "source": sources}, folder / "engine")]


@dataclass(frozen=True, slots=True)
class NaiveWay:
    """The naive pipeline.

    Args:
        name: in the report.
        config: of benchmarks.stream_naive, but for the streams.
        split: whether every stream has a process of its own.
    """

    name: str
    config: Mapping[str, Any]
    split: bool

    def commands(self, streams: Mapping[str, str], folder: Path) -> list[tuple[list[str], Path]]:
        """See Way."""
        groups = [{n: u} for n, u in streams.items()] if self.split else [dict(streams)]
        return [
            _command("benchmarks.stream_naive", {**self.config, "streams": group}, folder / f"naive{i}")
            for i, group in enumerate(groups)
        ]


def _command(module: str, config: Mapping[str, Any], stem: Path) -> tuple[list[str], Path]:
    written, answers = stem.with_suffix(".json"), stem.with_suffix(".jsonl")
    written.write_text(json.dumps(config))
    return [sys.executable, "-m", module, str(written), str(answers)], answers
