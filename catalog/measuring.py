"""Measuring what parts and heads cost on this device.

A machine is noisy: other work comes and goes. So all parts take turns, a few calls each, round after
round; what disturbs a moment disturbs all of them alike, and medians shrug it off. Every backend's
calls are measured in a loop, to compare models and backends; then whole trunks on each backend as a camera
calls them, by which backends are picked (see trunk_chains); then what was picked, part by part, as a camera
calls it (see camera_rhythm), which is what running it costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata

import numpy as np

from catalog.backends.processor import describe_machine
from catalog.backends.table import BACKENDS, check_installed, offered_precisions, open_backend
from catalog.camera_rhythm import CameraFrame, Sleep, TrunkTurns, idle_before, live_times, take_frames
from catalog.devices import load_device_profile
from catalog.errors import BackendError
from catalog.heads import FusedHeads, HeadWeights
from catalog.measured_calls import Clock, MeasuredCall, PartTrial, Runtime, resident_groups
from catalog.measurements import (
    ChainMeasurement,
    DeviceMeasurements,
    LiveTime,
    PartFailure,
    PartMeasurement,
    pick,
    picked_together,
)
from catalog.meters import Meter, open_meter
from catalog.parts import Part
from catalog.peak_memory import peak_memory_bytes
from catalog.store import Catalog
from catalog.trunk_chains import chain_trials, time_chains

Report = Callable[[int, int], None]

BATCHES = (1, 4, 8)
_CALLS_A_TURN = 4
_LEAST_ROUNDS = 3
_LEAST_FRAMES = 5  # of each chain: one that others disturb must not decide
_MOST_ROUNDS = 60
_MOST_LIVE_ROUNDS = 100
_MOST_RESIDENT_BYTES = 500_000_000
_MEMORY_SHARE = 0.5
_LIVE_SHARE = 0.45
_CHAIN_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class MeasuringPlan:
    """What to measure, and for how long.

    Args:
        device: name under which it is stored.
        backends: names of backends that run every part; the first gives the answers that the others
            are held against.
        threads: threads that a call may use.
        budget_s: about how long it may take, most of it as a camera calls. In any case three rounds are made
            of each measurement and five frames of each trunk on each backend, some .06 s.
        power: device profile whose power models energy where the machine has no meter.
        memory: also take the peak memory of each part and backend, in a process of its own, within
            half of budget_s.
    """

    device: str = "host"
    backends: tuple[str, ...] = ("onnxruntime",)
    threads: int = 1
    budget_s: float = 8.0
    power: str = "host"
    memory: bool = False


def measure(
    catalog: Catalog,
    plan: MeasuringPlan,
    clock: Clock,
    date: str,
    busy: Clock = time.process_time,
    report: Report | None = None,
    sleep: Sleep = time.sleep,
    own: Clock = time.thread_time,
) -> DeviceMeasurements:
    """Measure every part and head of a catalog on this device.

    A part that a backend cannot run as it should is noted as a failure and costs only itself.

    Args:
        catalog: what to measure.
        plan: how.
        clock: seconds, monotonic.
        date: ISO 8601, UTC; noted with the figures.
        busy: processor seconds of this process, all threads.
        report: told how many parts of how many are measured.
        sleep: leaves the device idle for some seconds.
        own: processor seconds of the calling thread: loads and a camera's calls are timed by it, as the
            engine books them; by the clock where several threads work.

    Raises:
        BadInput: no such backend or device profile.
        MissingExtra: a backend's package is not installed.
        CatalogError: a head's file is missing or damaged.
    """
    for name in plan.backends:
        check_installed(name)
    meter = open_meter(load_device_profile(plan.power), busy)
    rows: list[PartMeasurement] = []
    failures: list[PartFailure] = []
    live: dict[str, LiveTime] = {}
    chains: list[ChainMeasurement] = []
    timer = own if plan.threads == 1 else clock
    idle = idle_before(CameraFrame(), sleep)
    parts = catalog.contents.parts
    rounds_s = plan.budget_s * (1.0 - _MEMORY_SHARE if plan.memory else 1.0)
    for group in resident_groups(parts, _MOST_RESIDENT_BYTES):
        calls = _opened(catalog, group, plan, timer, failures)
        share_s = rounds_s * len(group) / len(parts)
        _take_turns(calls, (1.0 - _LIVE_SHARE - _CHAIN_SHARE) * share_s, clock, meter)
        measured = [_measurement(c, plan.threads, meter) for c in calls]
        trials = chain_trials(catalog.contents.trunks, calls, measured)
        chains_s = _CHAIN_SHARE * share_s
        chains += time_chains(
            trials, chains_s, _LEAST_FRAMES, _MOST_ROUNDS, clock=clock, timer=timer, idle=idle
        )
        turns = _trunk_turns(catalog, _picked_calls(calls, measured, picked_together(chains)))
        take_frames(turns, _LIVE_SHARE * share_s, _LEAST_ROUNDS, _MOST_LIVE_ROUNDS, clock, timer, sleep)
        rows += measured
        live |= live_times(turns)
        if report is not None:
            report(len({m.part for m in rows}), len(parts))
    if plan.memory:
        rows = _with_memory(catalog, rows, plan, clock)
    return DeviceMeasurements(
        plan.device,
        describe_machine(),
        _versions(plan.backends),
        date,
        tuple(rows),
        _head_times(catalog, clock),
        tuple(failures),
        live,
        tuple(chains),
    )


def _opened(
    catalog: Catalog, parts: Sequence[Part], plan: MeasuringPlan, timer: Clock, failures: list[PartFailure]
) -> list[MeasuredCall]:
    first_parts = {trunk.parts[0] for trunk in catalog.contents.trunks}
    calls: list[MeasuredCall] = []
    for part in parts:
        trial = PartTrial(part, catalog.part_path(part.id), part.id in first_parts, BATCHES)
        for name in plan.backends:
            arithmetic = _arithmetic(part, name)
            try:
                backend = open_backend(name, plan.threads, "bf16" if arithmetic == "bf16" else "f32")
                calls += trial.calls(Runtime(backend, arithmetic), timer)
            except BackendError as e:
                failures.append(PartFailure(part.id, name, arithmetic, str(e)))
    return calls


def _arithmetic(part: Part, backend: str) -> str:
    """Return in what a backend runs a part: as it is stored, or in f32 where it has no bf16 here."""
    if part.precision == "bf16" and "bf16" not in offered_precisions(backend):
        return "f32"
    return part.precision


def _take_turns(calls: Sequence[MeasuredCall], budget_s: float, clock: Clock, meter: Meter) -> None:
    start_s = clock()
    for done in range(_MOST_ROUNDS):
        if done >= _LEAST_ROUNDS and clock() - start_s > budget_s:
            return
        for call in calls:
            _take_turn(call, clock, meter)


def _take_turn(call: MeasuredCall, clock: Clock, meter: Meter) -> None:
    before_j = meter.read_j()
    for _ in range(_CALLS_A_TURN):
        start_s = clock()
        call.run(call.inputs)
        call.samples_s.append(clock() - start_s)
    call.energy_j += meter.read_j() - before_j


def _measurement(call: MeasuredCall, threads: int, meter: Meter) -> PartMeasurement:
    p50_s, p95_s = np.percentile(call.samples_s, (50, 95))
    return PartMeasurement(
        call.part.id,
        call.backend,
        call.precision,
        call.batch,
        threads,
        float(p50_s),
        float(p95_s),
        call.load_s,
        None,
        call.energy_j / len(call.samples_s),
        meter.origin,
    )


def _picked_calls(
    calls: Sequence[MeasuredCall], measured: Sequence[PartMeasurement], together: Mapping[str, str]
) -> dict[str, MeasuredCall]:
    """Return the call that answers one window of each part as it is picked to run, by part."""
    alone = {(c.part.id, c.backend, c.precision): c for c in calls if c.batch == 1}
    best = {part: pick(measured, part, backend=together.get(part)) for part, _, _ in alone}
    return {part: alone[part, m.backend, m.precision] for part, m in best.items()}


def _trunk_turns(catalog: Catalog, calls: Mapping[str, MeasuredCall]) -> list[TrunkTurns]:
    """Return what a camera's frame asks of each trunk that has parts among these calls."""
    turns = []
    for trunk in catalog.contents.trunks:
        own = [calls[p] for p in trunk.parts if p in calls]
        ends_here = trunk.parts[-1] in calls
        heads = [h.id for h in catalog.contents.heads if h.trunk == trunk.name] if ends_here else []
        fused = FusedHeads([catalog.head_weights(h) for h in heads]) if heads else None
        if own:
            turns.append(TrunkTurns(trunk, catalog.input_types[trunk.input_type], own, fused, heads))
    return turns


def _with_memory(
    catalog: Catalog, rows: Sequence[PartMeasurement], plan: MeasuringPlan, clock: Clock
) -> list[PartMeasurement]:
    """Add peak memory at a batch of one to what was measured, the first parts first, while time lasts."""
    start_s = clock()
    measured = []
    for row in rows:
        if row.batch == 1 and clock() - start_s <= _MEMORY_SHARE * plan.budget_s:
            precision = "bf16" if row.precision == "bf16" else "f32"
            path = catalog.part_path(row.part)
            peak_bytes = peak_memory_bytes(row.backend, precision, plan.threads, row.batch, path)
            measured.append(replace(row, peak_memory_bytes=peak_bytes))
        else:
            measured.append(row)
    return measured


def _versions(backends: Sequence[str]) -> dict[str, str]:
    packages = ("numpy", *(BACKENDS[name].package for name in backends))
    return {package: metadata.version(package) for package in packages}


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
