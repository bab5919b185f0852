from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BackendError, BadInput
from catalog.measuring import MeasuringPlan, describe_machine, measure
from catalog.store import open_catalog
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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build_catalog(tmp_path / "catalog")


def test_every_part_is_measured_alone_and_in_a_batch(root: Path) -> None:
    catalog = open_catalog(root)
    measured = measure(catalog, MeasuringPlan("bench", threads=2, budget_s=0.0), Ticking(0.001), DATE)
    assert measured.device == "bench"
    assert measured.date == DATE
    assert {(m.part, m.batch) for m in measured.parts} == {(p, b) for p in catalog.parts for b in (1, 4)}
    assert {(m.backend, m.precision, m.threads) for m in measured.parts} == {("onnxruntime", "f32", 2)}
    for m in measured.parts:
        assert (m.latency_p50_s, m.latency_p95_s, m.load_s) == pytest.approx((0.001, 0.001, 0.001))
    assert list(measured.head_s.values()) == pytest.approx([0.001] * len(catalog.contents.heads))


def test_parts_are_run_by_every_backend_that_is_asked_for(root: Path) -> None:
    plan = MeasuringPlan(backends=("onnxruntime", "torch"), budget_s=0.0)
    measured = measure(open_catalog(root), plan, Ticking(0.001), DATE)
    assert {m.backend for m in measured.parts} == {"onnxruntime", "torch"}


def test_it_ends_when_its_time_is_up(root: Path) -> None:
    catalog = open_catalog(root)
    short, long = Ticking(0.01), Ticking(0.01)
    measure(catalog, MeasuringPlan(budget_s=0.0), short, DATE)
    measure(catalog, MeasuringPlan(budget_s=10.0), long, DATE)
    assert short.reads < long.reads < 3 * 10.0 / 0.01


def test_an_unknown_backend_is_named(root: Path) -> None:
    with pytest.raises(BadInput, match="abacus"):
        measure(open_catalog(root), MeasuringPlan(backends=("abacus",)), Ticking(0.001), DATE)


def test_a_part_that_cannot_be_loaded_is_named(root: Path) -> None:
    catalog = open_catalog(root)
    path = catalog.part_path(catalog.contents.parts[0].id)
    path.write_bytes(b"")
    with pytest.raises(BackendError, match=path.name):
        measure(catalog, MeasuringPlan(), Ticking(0.001), DATE)


def test_the_machine_is_described_in_one_line() -> None:
    assert "cores" in describe_machine()
    assert "\n" not in describe_machine()
