from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from catalog.backends.protocol import LoadedPart
from catalog.backends.table import open_backend
from catalog.backends.unrounded import unrounded
from catalog.errors import BackendError, BadInput
from catalog.graph_costs import describe_part
from catalog.measured_calls import Clock, PartTrial, Runtime, resident_groups
from catalog.measurements import DeviceMeasurements
from catalog.measuring import MeasuringPlan, measure
from catalog.parts import Part
from catalog.store import Catalog, CatalogWriter, content_id, open_catalog
from catalog.transforms.int8 import quantised
from tests.catalog.graphs import features_part, normal, save
from tests.catalog_builder import DATE, build_catalog


class Ticking:
    """A clock that goes on by a fixed step each time it is read."""

    def __init__(self, step_s: float) -> None:
        self._now_s = 0.0
        self._step_s = step_s
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        self._now_s += self._step_s
        return self._now_s


class Idle:
    """Sleeps in no time."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def __call__(self, seconds: float) -> None:
        self.slept_s += seconds


def measured_as(
    catalog: Catalog, plan: MeasuringPlan, clock: Ticking, busy: Clock = time.process_time
) -> DeviceMeasurements:
    return measure(catalog, plan, clock, DATE, busy, sleep=Idle())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_catalog(tmp_path / "catalog")


def test_every_part_is_measured_alone_and_in_a_batch(root: Path) -> None:
    catalog = open_catalog(root)
    measured = measured_as(catalog, MeasuringPlan("bench", threads=2, budget_s=0.0), Ticking(0.001))
    assert measured.device == "bench"
    assert measured.date == DATE
    assert {(m.part, m.batch) for m in measured.parts} == {(p, b) for p in catalog.parts for b in (1, 4, 8)}
    assert {(m.backend, m.precision, m.threads) for m in measured.parts} == {("onnxruntime", "f32", 2)}
    for m in measured.parts:
        assert (m.latency_p50_s, m.latency_p95_s, m.load_s) == pytest.approx((0.001, 0.001, 0.001))
    assert list(measured.head_s.values()) == pytest.approx([0.001] * len(catalog.contents.heads))


def test_what_is_picked_to_run_is_also_called_as_a_camera_would(root: Path) -> None:
    catalog, idle = open_catalog(root), Idle()
    plan, own = MeasuringPlan(budget_s=0.0), Ticking(0.002)
    measured = measure(catalog, plan, Ticking(0.001), DATE, sleep=idle, own=own)
    heads = [h.id for h in catalog.contents.heads]
    assert set(measured.live) == {*catalog.parts, *heads}
    assert {p: measured.live[p].p50_s for p in catalog.parts} == pytest.approx(
        dict.fromkeys(catalog.parts, 0.002)
    )
    shared_s = 0.002 / 2  # the two heads of a trunk run as one product
    assert [measured.live[h].p50_s for h in heads] == pytest.approx([shared_s] * len(heads))
    assert idle.slept_s > 0.0
    several = measure(catalog, replace(plan, threads=2), Ticking(0.001), DATE, sleep=idle, own=own)
    assert all(several.live[p].p50_s == pytest.approx(0.001) for p in catalog.parts)


def test_parts_are_run_by_every_backend_that_is_asked_for(root: Path) -> None:
    plan = MeasuringPlan(backends=("onnxruntime", "torch"), budget_s=0.0)
    measured = measured_as(open_catalog(root), plan, Ticking(0.001))
    assert {m.backend for m in measured.parts} == {"onnxruntime", "torch"}


def test_it_ends_when_its_time_is_up(root: Path) -> None:
    catalog = open_catalog(root)
    short, long = Ticking(0.01), Ticking(0.01)
    measured_as(catalog, MeasuringPlan(budget_s=0.0), short)
    measured_as(catalog, MeasuringPlan(budget_s=10.0), long)
    assert short.reads < long.reads < 3 * 10.0 / 0.01


def test_an_unknown_backend_is_named(root: Path) -> None:
    with pytest.raises(BadInput, match="abacus"):
        measured_as(open_catalog(root), MeasuringPlan(backends=("abacus",)), Ticking(0.001))


def test_energy_is_modelled_from_processor_time_where_there_is_no_meter(root: Path) -> None:
    catalog = open_catalog(root)
    measured = measured_as(catalog, MeasuringPlan(budget_s=0.0), Ticking(0.001), busy=Ticking(0.004))
    assert {m.energy_origin for m in measured.parts} <= {"modelled", "measured"}
    if measured.parts[0].energy_origin == "modelled":
        assert [m.energy_j for m in measured.parts] == pytest.approx([0.001 * 6.0] * len(measured.parts))


def test_a_damaged_part_costs_only_itself(root: Path) -> None:
    catalog = open_catalog(root)
    part = catalog.trunks["wide"].parts[1]
    path = catalog.part_path(part)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    plan = MeasuringPlan(backends=("onnxruntime", "torch"), budget_s=0.0)
    measured = measured_as(catalog, plan, Ticking(0.001))
    assert {m.part for m in measured.parts} == set(catalog.parts) - {part}
    assert [(f.part, f.backend) for f in measured.failures] == [(part, "onnxruntime"), (part, "torch")]
    assert "damaged: its content hashes to" in measured.failures[0].reason
    CatalogWriter(root).write_measurements(measured)
    assert [m.variant.trunk for m in catalog.measured("identity")] == ["narrow", "small"]
    assert list(catalog.unmeasurable("identity")) == ["wide/identity"]


def test_a_broken_backend_costs_only_itself(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catalog.backends.openvino_backend", None)
    catalog = open_catalog(root)
    plan = MeasuringPlan(backends=("onnxruntime", "openvino"), budget_s=0.0)
    measured = measured_as(catalog, plan, Ticking(0.001))
    assert {m.backend for m in measured.parts} == {"onnxruntime"}
    assert [f.part for f in measured.failures] == [p.id for p in catalog.contents.parts]
    assert all("openvino is installed but cannot be imported" in f.reason for f in measured.failures)


def with_weights(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> Part:
    """Store a part again with other weights; return what the catalog would say of it."""
    stored = onnx.load(path)
    for tensor in stored.graph.initializer:
        if tensor.name == stored.graph.node[0].input[1]:
            tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), tensor.name))
    data = stored.SerializeToString()
    path.write_bytes(data)
    return describe_part(data, content_id(data))


def test_values_that_are_not_finite_are_a_failure_of_the_part(tmp_path: Path) -> None:
    path = save(features_part(), tmp_path / "p.onnx")
    part = with_weights(path, lambda w: w * np.float32(np.inf))
    with pytest.raises(BackendError, match="not finite"):
        PartTrial(part, path, False, (1,)).calls(Runtime(open_backend("onnxruntime"), "f32"), Ticking(1.0))


def test_a_backend_that_gives_other_values_than_the_first_fails(tmp_path: Path) -> None:
    path = save(features_part(), tmp_path / "p.onnx")
    part = with_weights(path, lambda w: w)
    trial = PartTrial(part, path, False, (1,))
    trial.calls(Runtime(open_backend("onnxruntime"), "f32"), Ticking(1.0))

    class Doubling:
        name = "doubling"

        def load(self, path: Path) -> LoadedPart:
            run = open_backend("onnxruntime").load(path)
            return lambda inputs: 2.0 * run(inputs)

    with pytest.raises(BackendError, match="differs from the default backend"):
        trial.calls(Runtime(Doubling(), "f32"), Ticking(1.0))


class Off:
    """Gives what onnxruntime gives for a part's meaning, some of its rounding added."""

    name = "off"

    def __init__(self, share: float) -> None:
        self._share = share

    def load(self, path: Path) -> LoadedPart:
        backend = open_backend("onnxruntime")
        rounded = backend.load(path)
        meant = backend.load(save(unrounded(onnx.load(path)), path.with_suffix(".meant")))
        return lambda inputs: meant(inputs) + self._share * (rounded(inputs) - meant(inputs))


def int8_trial(tmp_path: Path) -> PartTrial:
    whole = save(features_part(), tmp_path / "whole.onnx")
    inputs = np.maximum(normal(3, 16, 4, 4, 4), 0.0)
    path = save(quantised(whole, [inputs], tmp_path), tmp_path / "part.onnx")
    data = path.read_bytes()
    part = describe_part(whole.read_bytes(), content_id(whole.read_bytes()))
    trial = PartTrial(replace(part, id=content_id(data), precision="int8"), path, False, (8,))
    trial.calls(Runtime(open_backend("onnxruntime"), "int8"), Ticking(1.0))
    return trial


@pytest.mark.parametrize("share", [-1.0, 0.0, 1.2])
def test_a_backend_may_round_an_int8_part_in_other_places(tmp_path: Path, share: float) -> None:
    assert int8_trial(tmp_path).calls(Runtime(Off(share), "int8"), Ticking(1.0))


@pytest.mark.parametrize("share", [-1.5, 1.5])
def test_a_backend_that_is_further_from_what_an_int8_part_means_fails(tmp_path: Path, share: float) -> None:
    trial = int8_trial(tmp_path)
    with pytest.raises(BackendError, match=r"rounds by .* the default backend by"):
        trial.calls(Runtime(Off(share), "int8"), Ticking(1.0))


def test_peak_memory_is_that_of_a_fresh_process(root: Path) -> None:
    catalog = open_catalog(root)
    measured = measured_as(catalog, MeasuringPlan(budget_s=1.0, memory=True), Ticking(0.001))
    known = [m for m in measured.parts if m.batch == 1]
    assert all(m.peak_memory_bytes is not None and m.peak_memory_bytes > 0 for m in known)
    assert all(m.peak_memory_bytes is None for m in measured.parts if m.batch > 1)


def test_parts_that_do_not_fit_in_memory_together_are_measured_in_groups(root: Path) -> None:
    parts = open_catalog(root).contents.parts
    together = parts[0].memory_bytes + parts[1].memory_bytes
    groups = list(resident_groups(parts, together))
    assert [p for group in groups for p in group] == list(parts)
    assert groups[0] == list(parts[:2])
    assert all(sum(p.memory_bytes for p in g) <= together or len(g) == 1 for g in groups)
