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
    """A clock, and parts that move it: another runtime than before costs extra, as cold caches do.

    Args:
        part_s: what each part takes on each backend, call after call.
        change_s: what it takes more after another runtime.
        waking_s: by backend, what its first call after some idle time takes more.
    """

    def __init__(
        self,
        part_s: Mapping[tuple[str, str], float],
        change_s: float,
        waking_s: Mapping[str, float] | None = None,
    ) -> None:
        self.now_s = 0.0
        self.ran: list[str] = []
        self._part_s = part_s
        self._change_s = change_s
        self._waking_s = waking_s or {}
        self._asleep: set[str] = set()

    def idle(self) -> None:
        """Let all caches go cold."""
        self._asleep = set(self._waking_s)

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
            if backend in self._asleep:
                self.now_s += self._waking_s[backend]
                self._asleep.remove(backend)
            self.ran.append(f"{part}/{backend}")
            return np.asarray(inputs, np.float32) + 1.0

        stored = Part(part, (1,), (1,), 4, 4, 4, 1)
        return MeasuredCall(stored, backend, "f32", 1, run, np.zeros((1, 1), np.float32), 0.0)


def trunk(name: str, *parts: str) -> Trunk:
    return Trunk(name, "scene", 8, parts, 1, ())


def picked(machine: Machine, trunks: Sequence[Trunk]) -> dict[str, str]:
    trials = chain_trials(trunks, machine.calls(), machine.rows())
    return picked_together(time_chains(trials, 0.0, 3, 10, clock=machine, timer=machine, idle=machine.idle))


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
    chains = time_chains(trials, 0.0, 3, 10, clock=machine, timer=machine, idle=machine.idle)
    assert {c.backends: c.latency_p50_s for c in chains} == pytest.approx(
        {("onnxruntime", "onnxruntime"): 5.0, ("openvino", "openvino"): 5.0, ("onnxruntime", "openvino"): 2.0}
    )
    assert [c.backends for c in chains if c.picked] == [("onnxruntime", "openvino")]
    assert machine.ran[:2] == ["p/onnxruntime", "q/onnxruntime"]


def test_a_reference_is_no_way_to_run_a_trunk() -> None:
    rows = {(p, b): 1.0 for p in "pq" for b in ("onnxruntime", "torch")}
    machine = Machine(rows, 0.0)
    assert chain_trials([trunk("t", "p", "q")], machine.calls(), machine.rows()) == []


def test_what_is_fastest_in_a_loop_is_not_picked_where_it_is_slow_after_idle_time() -> None:
    waking_s = {"openvino": 20.0, "onnxruntime": 2.0}  # of a frame's three windows one comes after idle time
    assert set(picked(Machine(MIXED, 0.0, waking_s), [trunk("t", "p", "q")]).values()) == {"onnxruntime"}
    waking_s["openvino"] = 3.0
    expected = {"p": "onnxruntime", "q": "openvino"}
    assert picked(Machine(MIXED, 0.0, waking_s), [trunk("t", "p", "q")]) == expected


def test_a_trunk_of_one_part_is_settled_so_too() -> None:
    times = {("p", "onnxruntime"): 1.0, ("p", "openvino"): 0.5}
    waking_s = {"openvino": 3.0}
    assert picked(Machine(times, 0.0), [trunk("t", "p")]) == {"p": "openvino"}
    assert picked(Machine(times, 0.0, waking_s), [trunk("t", "p")]) == {"p": "onnxruntime"}


def test_a_chain_takes_the_mean_of_a_frames_windows() -> None:
    machine = Machine(MIXED, 0.0, {"onnxruntime": 3.0})
    trials = chain_trials([trunk("t", "p", "q")], machine.calls(), machine.rows())
    first = time_chains(trials, 0.0, 3, 10, clock=machine, timer=machine, idle=machine.idle)[0]
    assert (first.backends, first.latency_p50_s) == (("onnxruntime", "onnxruntime"), pytest.approx(6.0))


def test_rounds_end_by_the_clock_and_calls_are_timed_by_the_timer() -> None:
    machine = Machine(MIXED, 0.0)
    now_s = iter(range(0, 1000, 100))  # 100 s a round by this clock
    trials = chain_trials([trunk("t", "p", "q")], machine.calls(), machine.rows())
    chains = time_chains(
        trials, 250.0, 1, 10, clock=lambda: float(next(now_s)), timer=machine, idle=machine.idle
    )
    frames = len(machine.ran) // (2 * 3 * 3)  # parts, windows, ways
    assert frames == 3
    assert min(c.latency_p50_s for c in chains) == pytest.approx(2.0)


def test_between_two_ways_of_a_trunk_come_all_other_trunks() -> None:
    times = {(p, b): 1.0 for p in "pq" for b in ("onnxruntime", "openvino")}
    machine = Machine(times, 0.0)
    trials = chain_trials([trunk("t", "p"), trunk("u", "q")], machine.calls(), machine.rows())
    time_chains(trials, 0.0, 1, 1, clock=machine, timer=machine, idle=machine.idle)
    assert machine.ran[::3] == ["p/onnxruntime", "q/onnxruntime", "p/openvino", "q/openvino"]


def test_what_can_be_run_in_one_way_or_lacks_a_part_is_not_timed() -> None:
    alone = Machine({("p", "onnxruntime"): 1.0}, 0.0)
    assert chain_trials([trunk("t", "p")], alone.calls(), alone.rows()) == []
    lacking = Machine(MIXED, 0.0)
    assert chain_trials([trunk("t", "p", "gone")], lacking.calls(), lacking.rows()) == []
