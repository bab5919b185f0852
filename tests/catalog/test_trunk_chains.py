from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from catalog.backends.protocol import Array
from catalog.measured_calls import MeasuredCall
from catalog.measurements import PartMeasurement, picked_together
from catalog.parts import Part, Trunk
from catalog.trunk_chains import chain_trials, time_chains


class Machine:
    """A clock, and parts that move it: another runtime than before costs extra, as cold caches do."""

    def __init__(self, part_s: Mapping[tuple[str, str], float], change_s: float) -> None:
        self.now_s = 0.0
        self.ran: list[str] = []
        self._part_s = part_s
        self._change_s = change_s

    def __call__(self) -> float:
        return self.now_s

    def calls(self) -> list[MeasuredCall]:
        return [self._call(part, backend) for part, backend in self._part_s]

    def rows(self) -> list[PartMeasurement]:
        return [PartMeasurement(p, b, "f32", 1, 1, s, s, 0.0) for (p, b), s in self._part_s.items()]

    def _call(self, part: str, backend: str) -> MeasuredCall:
        def run(inputs: Array) -> np.ndarray:
            changed = bool(self.ran) and self.ran[-1].partition("/")[2] != backend
            self.now_s += self._part_s[part, backend] + self._change_s * changed
            self.ran.append(f"{part}/{backend}")
            return np.asarray(inputs, np.float32) + 1.0

        stored = Part(part, (1,), (1,), 4, 4, 4, 1)
        return MeasuredCall(stored, backend, "f32", 1, run, np.zeros((1, 1), np.float32), 0.0)


def trunk(name: str, *parts: str) -> Trunk:
    return Trunk(name, "scene", 8, parts, 1, ())


def picked(machine: Machine, trunks: Sequence[Trunk]) -> dict[str, str]:
    trials = chain_trials(trunks, machine.calls(), machine.rows())
    return picked_together(time_chains(trials, 0.0, 3, 10, machine))


MIXED = {("p", "onnxruntime"): 1.0, ("q", "onnxruntime"): 4.0, ("p", "openvino"): 4.0, ("q", "openvino"): 1.0}


def test_a_mixture_is_kept_where_it_is_fastest_in_a_row_too() -> None:
    assert picked(Machine(MIXED, 0.1), [trunk("t", "p", "q")]) == {"p": "onnxruntime", "q": "openvino"}


def test_one_backend_is_picked_where_changing_costs_more_than_it_saves() -> None:
    times = {**MIXED, ("q", "onnxruntime"): 2.0}
    assert picked(Machine(times, 1.5), [trunk("t", "p", "q")]) == {"p": "onnxruntime", "q": "onnxruntime"}


def test_the_default_stays_where_another_is_hardly_faster() -> None:
    times = {
        ("p", "onnxruntime"): 1.0,
        ("q", "onnxruntime"): 1.0,
        ("p", "openvino"): 0.95,
        ("q", "openvino"): 0.95,
    }
    assert set(picked(Machine(times, 0.0), [trunk("t", "p", "q")]).values()) == {"onnxruntime"}
    faster = {key: 0.5 if key[1] == "openvino" else 1.0 for key in times}
    assert set(picked(Machine(faster, 0.0), [trunk("t", "p", "q")]).values()) == {"openvino"}


def test_trunks_that_share_a_part_are_decided_together() -> None:
    times = {
        ("p", "onnxruntime"): 1.0, ("p", "openvino"): 1.0,
        ("q", "onnxruntime"): 1.0, ("q", "openvino"): 2.0,
        ("r", "onnxruntime"): 9.0, ("r", "openvino"): 1.0,
        ("s", "onnxruntime"): 1.0, ("s", "openvino"): 3.0,
        ("s2", "onnxruntime"): 1.0, ("s2", "openvino"): 3.0,
    }  # fmt: skip
    trunks = [trunk("t", "p", "q"), trunk("u", "p", "r"), trunk("v", "s", "s2")]
    assert picked(Machine(times, 5.0), trunks) == {
        "p": "openvino", "q": "openvino", "r": "openvino", "s": "onnxruntime", "s2": "onnxruntime"
    }  # fmt: skip


def test_every_way_is_timed_with_what_the_part_before_gave() -> None:
    machine = Machine(MIXED, 0.0)
    trials = chain_trials([trunk("t", "p", "q")], machine.calls(), machine.rows())
    chains = time_chains(trials, 0.0, 3, 10, machine)
    assert {c.backends: c.latency_p50_s for c in chains} == pytest.approx(
        {("onnxruntime", "onnxruntime"): 5.0, ("openvino", "openvino"): 5.0, ("onnxruntime", "openvino"): 2.0}
    )
    assert [c.backends for c in chains if c.picked] == [("onnxruntime", "openvino")]
    assert machine.ran[:2] == ["p/onnxruntime", "q/onnxruntime"]


def test_a_reference_is_no_way_to_run_a_trunk() -> None:
    rows = {(p, b): 1.0 for p in "pq" for b in ("onnxruntime", "torch")}
    machine = Machine(rows, 0.0)
    assert chain_trials([trunk("t", "p", "q")], machine.calls(), machine.rows()) == []


def test_what_is_no_chain_or_lacks_a_part_is_not_timed() -> None:
    alone = Machine(MIXED, 0.0)
    assert chain_trials([trunk("t", "p")], alone.calls(), alone.rows()) == []
    lacking = Machine(MIXED, 0.0)
    assert chain_trials([trunk("t", "p", "gone")], lacking.calls(), lacking.rows()) == []
