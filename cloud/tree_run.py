"""One batch: every part of a tree runs once on all windows that need it, and each request reads its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.errors import BackendError
from catalog.heads import FusedHeads, HeadWeights
from cloud.trunk_forest import Node, Reading, Walk
from engine.offload import OffloadedAnswer

Array = npt.NDArray[Any]
Row = tuple[OffloadedAnswer, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Windows of one request that walk one tree.

    Args:
        inputs: of its first nodes: (N, S, S, 3) uint8 RGB for a tree's root, else float32.
    """

    walk: Walk
    inputs: Array


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """What a job gave and took.

    Args:
        rows: by index of the request's question, one answer a window.
        execution_s: its share of the batch, by windows at each part.
        batch_windows: windows of the whole batch.
    """

    rows: dict[int, Row]
    execution_s: float
    batch_windows: int


Outcome = JobAnswer | Exception


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch gave.

    Args:
        outcomes: one a job, in order.
        ran: node, windows and seconds of each part that ran, heads included; the teacher of RunTimes.
    """

    outcomes: list[Outcome]
    ran: list[tuple[int, int, float]]


class TreeRun:
    """One pass over one tree; used once.

    Args:
        nodes: of the forest.
        jobs: all of the same tree.
        loaded: parts and heads by id, ready to be called.
        clock: seconds.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        jobs: Sequence[Job],
        loaded: Mapping[str, Any],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._nodes = nodes
        self._jobs = jobs
        self._loaded = loaded
        self._clock = clock
        self._outputs: dict[tuple[int, int], Array] = {}  # by node and job
        self._whole: dict[int, tuple[list[int], Array]] = {}  # by node: its jobs, their rows together
        self._failed: dict[int, Exception] = {}
        self._shares_s = [0.0] * len(jobs)
        self._rows: list[dict[int, Row]] = [{} for _ in jobs]
        self._ran: list[tuple[int, int, float]] = []

    def run(self) -> BatchResult:
        """Run it; a job whose part fails fails alone with those that need that part."""
        walked = {j.walk.nodes for j in self._jobs}
        for node in sorted(set().union(*walked)) if len(walked) > 1 else self._jobs[0].walk.nodes:
            members = [i for i, j in enumerate(self._jobs) if node in j.walk.nodes and i not in self._failed]
            if members:
                self._step(node, members)
        windows = sum([len(j.inputs) for j in self._jobs])
        outcomes: list[Outcome] = [
            self._failed.get(i) or JobAnswer(self._rows[i], self._shares_s[i], windows)
            for i in range(len(self._jobs))
        ]
        return BatchResult(outcomes, self._ran)

    def _step(self, node: int, members: list[int]) -> None:
        began_s = self._clock()
        sizes = [len(self._jobs[i].inputs) for i in members]
        windows = sum(sizes)
        try:
            values = self._loaded[self._nodes[node].part](self._inputs(node, members))
        except (BackendError, MemoryError) as e:
            self._failed |= dict.fromkeys(members, e)
            return
        self._whole[node] = (members, values)
        start = 0
        for i, size in zip(members, sizes, strict=True):
            self._outputs[node, i] = values[start : start + size]
            start += size
        self._read(node, members)
        took_s = self._clock() - began_s
        self._ran.append((node, windows, took_s))
        for i, size in zip(members, sizes, strict=True):
            self._shares_s[i] += took_s * size / windows

    def _inputs(self, node: int, members: list[int]) -> Array:
        parent = self._nodes[node].parent
        whole = self._whole.get(parent)
        if whole is not None and whole[0] == members:
            return whole[1]
        blocks = [
            self._outputs[parent, i] if (parent, i) in self._outputs else self._jobs[i].inputs
            for i in members
        ]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _read(self, node: int, members: list[int]) -> None:
        """Apply the heads; jobs that ask the same ones are read together."""
        readers: dict[tuple[str, ...], list[tuple[int, Reading]]] = {}
        for i in members:
            for reading in self._jobs[i].walk.readings:
                if reading.node == node:
                    readers.setdefault(reading.heads, []).append((i, reading))
        for heads, asked in readers.items():
            fused = _fused(tuple(self._loaded[h] for h in heads))
            for i, reading in asked:
                try:
                    found = fused.answers(self._outputs[node, i])
                except BackendError as e:  # what this job sent makes no sense; the others' may
                    self._failed[i] = e
                    continue
                self._note(i, reading, found)

    def _note(self, job: int, reading: Reading, found: list[list[tuple[int, float]]]) -> None:
        for h, (classes, questions) in enumerate(zip(reading.classes, reading.questions, strict=True)):
            row = tuple(OffloadedAnswer(classes[answers[h][0]], answers[h][1]) for answers in found)
            for question in questions:
                self._rows[job][question] = row


@lru_cache(maxsize=256)
def _fused(heads: tuple[HeadWeights, ...]) -> FusedHeads:
    return FusedHeads(heads)
