from __future__ import annotations

from itertools import cycle

import numpy as np
import numpy.typing as npt
import pytest

from catalog.backends.protocol import Array, LoadedPart
from catalog.backends.table import open_backend
from catalog.camera_rhythm import CameraFrame, TrunkTurns, live_times, take_frames
from catalog.heads import FusedHeads
from catalog.measured_calls import PartTrial, Runtime
from catalog.store import Catalog, open_catalog
from tests.catalog_builder import build_catalog


class Clock:
    """A clock that parts and sleep set forward."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return open_catalog(build_catalog(tmp_path_factory.mktemp("catalog")))


def turns_of(catalog: Catalog, name: str, clock: Clock, takes_s: dict[str, list[float]]) -> TrunkTurns:
    """Return the turns of a trunk whose parts take, call by call, the times given; again and again."""
    trunk = catalog.trunks[name]
    calls = []
    for part in trunk.parts:
        first = part == trunk.parts[0]
        trial = PartTrial(catalog.parts[part], catalog.part_path(part), first, (1,))
        (call,) = trial.calls(Runtime(open_backend("onnxruntime"), "f32"), clock)
        call.run = taking(call.run, clock, takes_s[part])
        calls.append(call)
    heads = [h.id for h in catalog.contents.heads if h.trunk == name]
    fused = FusedHeads([catalog.head_weights(h) for h in heads])
    return TrunkTurns(trunk, catalog.input_types["digit"], calls, fused, heads)


def taking(run: LoadedPart, clock: Clock, times_s: list[float]) -> LoadedPart:
    times = cycle(times_s)

    def call(inputs: Array) -> npt.NDArray[np.float32]:
        clock.now_s += next(times)
        return run(inputs)

    return call


def test_a_frame_counts_as_the_mean_of_its_windows(catalog: Catalog) -> None:
    clock = Clock()
    first, second = catalog.trunks["wide"].parts
    cold_then_warm = {first: [0.6, 0.3, 0.3], second: [0.02, 0.01, 0.03]}
    turns = turns_of(catalog, "wide", clock, cold_then_warm)
    take_frames([turns], 0.0, 2, 9, clock, clock, clock.sleep)
    live = live_times([turns])
    assert live[first].p50_s == pytest.approx(0.4)
    assert live[second].p50_s == pytest.approx(0.02)
    assert live[first].p95_s == pytest.approx(0.6)
    assert set(live) == {first, second, *turns.head_ids}


def test_a_frame_that_was_disturbed_moves_nothing(catalog: Catalog) -> None:
    clock = Clock()
    first, second = catalog.trunks["wide"].parts
    turns = turns_of(catalog, "wide", clock, {first: [0.1] * 8 + [9.0], second: [0.1]})
    take_frames([turns], 0.0, 3, 9, clock, clock, clock.sleep)
    assert live_times([turns])[first].p50_s == pytest.approx(0.1)


def test_a_part_that_trunks_share_is_known_from_both(catalog: Catalog) -> None:
    clock = Clock()
    shared = catalog.trunks["wide"].parts[0]
    takes = {p: [0.1] for p in catalog.parts}
    turns = [
        turns_of(catalog, "wide", clock, takes | {shared: [0.2]}),
        turns_of(catalog, "narrow", clock, takes),
    ]
    take_frames(turns, 0.0, 1, 1, clock, clock, clock.sleep)
    assert live_times(turns)[shared].p50_s == pytest.approx(0.15)


def test_the_device_is_idle_before_every_frame_until_the_time_is_up(catalog: Catalog) -> None:
    clock = Clock()
    turns = [turns_of(catalog, name, clock, {p: [0.1] for p in catalog.parts}) for name in ("wide", "small")]
    take_frames(turns, 2.0, 1, 100, clock, clock, clock.sleep)
    rounds = len(clock.slept) / 2
    assert rounds == 2  # of 6 windows with .2 s of parts each
    take_frames(turns, 1e9, 1, 5, clock, clock, clock.sleep)
    assert len(clock.slept) / 2 == rounds + 5


@pytest.mark.parametrize("size_px", [8, 32, 224])
def test_windows_are_what_a_trunk_reads(catalog: Catalog, size_px: int) -> None:
    window = CameraFrame().window(catalog.input_types["digit"], size_px)
    assert (window.shape, window.dtype) == ((1, size_px, size_px, 3), np.uint8)
    assert window.std() > 0.0
