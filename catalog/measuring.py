"""Measuring what parts and heads cost on this device.

A machine is noisy: other work comes and goes. So all parts take turns, a few calls each, round after
round; what disturbs a moment disturbs all of them alike, and medians shrug it off.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np

from catalog.backends.protocol import Array, Backend, LoadedPart
from catalog.backends.table import open_backend
from catalog.heads import FusedHeads, HeadWeights
from catalog.measurements import DeviceMeasurements, PartMeasurement
from catalog.parts import Part
from catalog.store import Catalog

Clock = Callable[[], float]

BATCHES = (1, 4)
_CALLS_A_TURN = 4
_LEAST_ROUNDS = 3
_MOST_ROUNDS = 60
_LOADS = 3
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class MeasuringPlan:
    """What to measure, and for how long.

    Args:
        device: name under which it is stored.
        backends: names of backends that run every part.
        threads: threads that a call may use.
        budget_s: about how long all rounds may take together; three rounds are made in any case.
    """

    device: str = "host"
    backends: tuple[str, ...] = ("onnxruntime",)
    threads: int = 1
    budget_s: float = 4.0


@dataclass(slots=True)
class _Subject:
    """One part as one backend runs it at one batch size, with the times of its calls so far."""

    part: Part
    backend: str
    batch: int
    run: LoadedPart
    inputs: Array
    load_s: float
    samples_s: list[float] = field(default_factory=list)


def measure(catalog: Catalog, plan: MeasuringPlan, clock: Clock, date: str) -> DeviceMeasurements:
    """Measure every part and head of a catalog on this device.

    Args:
        catalog: what to measure.
        plan: how.
        clock: seconds, monotonic.
        date: ISO 8601, UTC; noted with the figures.

    Raises:
        BackendError: a backend cannot load or run a part.
        CatalogError: a head's file is missing or damaged.
    """
    subjects = [s for name in plan.backends for s in _subjects(catalog, name, plan.threads, clock)]
    start_s = clock()
    for done in range(_MOST_ROUNDS):
        if done >= _LEAST_ROUNDS and clock() - start_s > plan.budget_s:
            break
        for subject in subjects:
            _take_turn(subject, clock)
    return DeviceMeasurements(
        plan.device,
        describe_machine(),
        {"onnxruntime": metadata.version("onnxruntime"), "numpy": metadata.version("numpy")},
        date,
        tuple(_measurement(s, plan.threads) for s in subjects),
        _head_times(catalog, clock),
    )


def _subjects(catalog: Catalog, backend_name: str, threads: int, clock: Clock) -> list[_Subject]:
    backend = open_backend(backend_name, threads)
    first_parts = {trunk.parts[0] for trunk in catalog.contents.trunks}
    subjects = []
    for part in catalog.contents.parts:
        example = _pixels if part.id in first_parts else _activations
        load_s = _load_time(backend, catalog.part_path(part.id), example(part, 1), clock)
        loaded = backend.load(catalog.part_path(part.id))
        for batch in BATCHES:
            inputs = example(part, batch)
            loaded(inputs)
            subjects.append(_Subject(part, backend_name, batch, loaded, inputs, load_s))
    return subjects


def _pixels(part: Part, batch: int) -> Array:
    return np.random.default_rng(0).integers(0, 256, (batch, *part.input_shape), dtype=np.uint8)


def _activations(part: Part, batch: int) -> Array:
    noise = np.random.default_rng(0).standard_normal((batch, *part.input_shape), dtype=np.float32)
    return np.maximum(noise, 0.0)


def _load_time(backend: Backend, path: Path, inputs: Array, clock: Clock) -> float:
    """Return the median time from the file to the first answer; the file is in the system's cache."""
    times_s = []
    for _ in range(_LOADS):
        start_s = clock()
        backend.load(path)(inputs)
        times_s.append(clock() - start_s)
    return float(np.median(times_s))


def _take_turn(subject: _Subject, clock: Clock) -> None:
    for _ in range(_CALLS_A_TURN):
        start_s = clock()
        subject.run(subject.inputs)
        subject.samples_s.append(clock() - start_s)


def _measurement(subject: _Subject, threads: int) -> PartMeasurement:
    p50_s, p95_s = np.percentile(subject.samples_s, (50, 95))
    return PartMeasurement(
        subject.part.id,
        subject.backend,
        subject.part.precision,
        subject.batch,
        threads,
        float(p50_s),
        float(p95_s),
        subject.load_s,
    )


def _head_times(catalog: Catalog, clock: Clock) -> dict[str, float]:
    return {head.id: _head_time(catalog.head_weights(head.id), clock) for head in catalog.contents.heads}


def _head_time(head: HeadWeights, clock: Clock) -> float:
    features = np.zeros((1, head.weight.shape[1]), np.float32)
    alone = FusedHeads([head])
    times_s = []
    for _ in range(_MOST_ROUNDS):
        start_s = clock()
        alone.answers(features)
        times_s.append(clock() - start_s)
    return float(np.median(times_s))


def describe_machine() -> str:
    """Return processor, usable cores and system as one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    lines: Sequence[str] = _CPUINFO.read_text().splitlines() if _CPUINFO.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
