"""What a meter counts takes the place of what the model charged, and nothing is lost or counted twice."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from catalog.meters.protocol import Sight
from catalog.meters.rapl import open_rapl
from catalog.store import Catalog
from engine.capture import Capture
from engine.energy_metering import EnergyMetering
from engine.energy_model import CorrectedModel, Correction
from engine.energy_origin import EnergyOrigin
from engine.frames import Frame
from engine.ledger import Category, Ledger
from engine.meter_readings import ReadingsOnDemand
from engine.period import FixedPeriod
from engine.pipeline import Pipeline
from engine.power_fit import PowerFit
from engine.processor_use import ProcessorUse
from engine.rates import RateGates
from engine.scheduling.problem import Budget
from engine.sources.frame_list import FrameList
from engine.summary import Summary
from engine.window_finding import WindowFinder
from tests.catalog.meters.trees import rapl_zone
from tests.engine.rig import PROFILE, Stopwatch, make_rig, still
from tests.engine.test_pipeline import Shelf

CORE_W = 10.0
WHOLE = Sight("everything", whole_device=True, radio=True)
PROCESSOR = Sight("the processor", whole_device=False, radio=False)


class Device:
    """A device under a ledger, with a counter in a file and everything else settable."""

    def __init__(
        self, powercap: Path, sight: Sight = WHOLE, beside_w: float = 0.0, own_share: bool = False
    ) -> None:
        self.counter = rapl_zone(powercap, "intel-rapl:0", "package-0", 0, range_uj=262_143_328_850)
        self.clock = Stopwatch()
        self.use = ProcessorUse(0.0, 0.0)
        self.ledger = Ledger(Budget(1000.0), FixedPeriod(100.0), base_w=1.0)
        self.correction = Correction()
        readings = ReadingsOnDemand(open_rapl(powercap), lambda: self.use, self.clock)
        self.metering = EnergyMetering(
            "rapl",
            sight,
            readings,
            self.ledger,
            PowerFit(CORE_W, 1.0),
            self.correction,
            1.0 - beside_w,
            beside_w,
            own_share,
        )
        self._total_j = 0.0

    @property
    def now_s(self) -> float:
        return self.clock.now_s

    def passes(self, span_s: float, counted_j: float, own_s: float = 0.0, others_s: float = 0.0) -> None:
        """Let time pass in which the counter moves and processors are busy."""
        self.clock.now_s += span_s
        self._total_j += counted_j
        self.counter.write_text(f"{round(1e6 * self._total_j)}\n")
        self.use = ProcessorUse(self.use.machine_s + own_s + others_s, self.use.own_s + own_s)

    def attend(self) -> None:
        self.metering.attend(self.now_s)

    def spent_j(self, origin: EnergyOrigin) -> dict[str, float]:
        lines = self.ledger.lines(self.now_s)
        return {line.category: line.energy_j for line in lines if line.origin is origin and line.energy_j}


@pytest.fixture
def device(tmp_path: Path) -> Device:
    made = Device(tmp_path)
    made.attend()
    return made


def test_charges_become_measured_and_the_rest_is_base_load(device: Device) -> None:
    device.ledger.charge(Category.EXECUTION, 2.0, 0.0)
    device.ledger.charge(Category.EXTRACTION, 1.0, 0.0)
    device.passes(2.0, 7.0)
    assert device.spent_j(EnergyOrigin.MODELLED) == {"execution": 2.0, "extraction": 1.0, "base_load": 2.0}
    device.attend()
    assert device.spent_j(EnergyOrigin.MODELLED) == {}
    assert device.spent_j(EnergyOrigin.MEASURED) == {"execution": 2.0, "extraction": 1.0, "base_load": 4.0}


def test_what_a_reading_will_replace_is_told_so_that_counters_never_fall(device: Device) -> None:
    def settled_j() -> float:
        return sum(line.energy_j - line.unsettled_j for line in device.ledger.lines(device.now_s))

    settled = [settled_j()]
    for _ in range(5):
        device.ledger.charge(Category.EXECUTION, 0.5, device.now_s)
        device.passes(0.5, 1.0)
        settled.append(settled_j())
        device.passes(0.5, 1.0)
        device.attend()
        settled.append(settled_j())
    assert settled == pytest.approx([0.0, 0.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.0, 8.0, 8.0, 10.0])
    device.counter.unlink()
    device.ledger.charge(Category.EXECUTION, 0.5, device.now_s)
    device.clock.now_s += 1.0
    device.attend()
    spent_j = sum(line.energy_j for line in device.ledger.lines(device.now_s))
    assert settled_j() == spent_j > 10.5  # nothing will replace it any more


def test_where_less_was_counted_the_charges_are_scaled_down_in_the_end(device: Device) -> None:
    device.ledger.charge(Category.EXECUTION, 6.0, 0.0)
    device.ledger.charge(Category.LOADING, 2.0, 0.0)
    device.passes(2.0, 4.0)
    device.attend()
    assert device.spent_j(EnergyOrigin.MEASURED) == {}  # the counter may move in steps: it is waited for
    device.metering.finish(device.now_s)
    assert device.spent_j(EnergyOrigin.MEASURED) == pytest.approx({"execution": 3.0, "loading": 1.0})
    assert device.ledger.account(device.now_s).spent_j == pytest.approx(4.0)


def test_a_counter_that_moves_once_a_while_is_waited_for_up_to_a_minute(device: Device) -> None:
    for _ in range(20):
        device.ledger.charge(Category.EXECUTION, 0.1, device.now_s)
        device.passes(1.0, 0.0)
        device.attend()
    assert device.spent_j(EnergyOrigin.MEASURED) == {}
    device.passes(1.0, 60.0)
    device.attend()
    assert device.spent_j(EnergyOrigin.MEASURED) == pytest.approx({"execution": 2.0, "base_load": 58.0})


def test_what_the_meter_does_not_see_stays_modelled(tmp_path: Path) -> None:
    device = Device(tmp_path, PROCESSOR, beside_w=0.5)
    device.attend()
    device.ledger.charge(Category.RADIO, 3.0, 0.0)
    device.ledger.charge(Category.EXECUTION, 1.0, 0.0)
    device.passes(4.0, 5.0)
    device.attend()
    assert device.spent_j(EnergyOrigin.MEASURED) == {"execution": 1.0, "base_load": 4.0}
    assert device.spent_j(EnergyOrigin.MODELLED) == {"radio": 3.0, "base_load": 2.0}


def test_the_budget_is_kept_in_what_was_counted_and_expects_what_it_has_seen(device: Device) -> None:
    assert device.ledger.energy_left_j(0.0) == pytest.approx(900.0)  # 1 W for 100 s
    for _ in range(60):
        device.passes(1.0, 5.0)
        device.attend()
    left_j = device.ledger.energy_left_j(device.now_s)
    spent_j = device.ledger.account(device.now_s).spent_j
    assert spent_j == pytest.approx(300.0)
    assert 1000.0 - 300.0 - 5.0 * 40.0 < left_j < 1000.0 - 300.0 - 3.0 * 40.0


def test_the_model_follows_what_the_meter_says_of_a_busy_core(device: Device) -> None:
    model = CorrectedModel(PROFILE, device.correction)
    for k in range(100):
        busy_s = 0.8 if k % 2 else 0.2
        device.passes(1.0, 3.0 + 20.0 * busy_s, own_s=busy_s)
        device.attend()
    assert model.processor_energy_j(1.0) == pytest.approx(10.0)  # nothing changes unasked
    assert device.correction.adopt() == pytest.approx(2.0, rel=0.05)
    assert model.processor_energy_j(1.0) == pytest.approx(20.0, rel=0.05)
    assert device.correction.adopt() == 1.0


def test_what_other_programs_take_is_told_and_left_out_where_only_this_one_is_paid(tmp_path: Path) -> None:
    device = Device(tmp_path, own_share=True)
    device.attend()
    device.passes(1.0, 11.0, own_s=0.25, others_s=0.5)
    device.attend()
    figures = device.metering.figures
    assert figures.counted_j == pytest.approx(11.0)
    assert figures.others_j == pytest.approx(0.5 * CORE_W)
    paid_j = sum(device.spent_j(EnergyOrigin.MEASURED).values())
    assert paid_j == pytest.approx(figures.counted_j - figures.others_j)


def test_what_is_paid_may_change_while_it_counts(device: Device) -> None:
    device.passes(1.0, 11.0, others_s=0.5)
    device.attend()
    device.metering.pay(own_share=True)
    device.passes(1.0, 11.0, others_s=0.5)
    device.attend()
    figures = device.metering.figures
    paid_j = sum(device.spent_j(EnergyOrigin.MEASURED).values())
    assert figures.counted_j - figures.others_j < paid_j < figures.counted_j - 1.0


def test_a_meter_that_fails_leaves_it_to_the_model_says_so_once_and_comes_back(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.passes(2.0, 4.0)
    device.attend()
    device.counter.rename(device.counter.with_name("gone"))
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            device.ledger.charge(Category.EXECUTION, 1.0, device.now_s)
            device.clock.now_s += 2.0
            device.attend()
    (said,) = caplog.messages
    assert "meter rapl: from 4.0 s on energy is modelled" in said and "energy_uj: No such file" in said
    assert (device.metering.figures.since_s, device.metering.figures.trouble_s) == (None, 4.0)
    device.passes(2.0, 100.0)
    device.attend()  # counts anew from here: whose the 100 J are is not known
    device.passes(2.0, 6.0)
    device.attend()
    assert device.metering.figures.since_s == 14.0
    assert device.spent_j(EnergyOrigin.MEASURED) == pytest.approx({"base_load": 10.0})
    assert device.spent_j(EnergyOrigin.MODELLED)["execution"] == 5.0


def test_a_jump_that_no_device_could_draw_is_no_reading(device: Device) -> None:
    device.passes(1.0, 2.0)
    device.attend()
    device.counter.write_text("0\n")  # the counter began anew, as after a sleep
    device.clock.now_s += 1.0
    device.attend()
    assert "it counted 262141 J in 1 s" in device.metering.figures.trouble
    assert device.metering.figures.counted_j == pytest.approx(2.0)


def test_a_meter_that_says_nothing_new_for_a_minute_is_given_up_and_taken_up_again(device: Device) -> None:
    at_s = device.clock.now_s
    device.metering.attend(50.0)  # the wall clock stands still, and with it the newest reading
    assert device.metering.figures.failures == 0
    device.metering.attend(70.0)
    device.metering.attend(80.0)
    assert (device.metering.figures.failures, device.metering.figures.trouble) == (1, "no reading for 70 s")
    device.clock.now_s = at_s + 81.0
    device.attend()
    assert device.metering.figures.since_s == 81.0


def test_a_reading_across_the_end_of_a_period_is_divided(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.clock.now_s = 98.0
    device.attend()
    device.passes(4.0, 40.0)
    device.attend()
    assert device.ledger.account(102.0).spent_j == pytest.approx(20.0)
    assert sum(device.spent_j(EnergyOrigin.MEASURED).values()) == pytest.approx(40.0)


def test_all_that_a_counter_moved_during_a_run_is_in_the_ledger_as_measured(
    built_catalog: Catalog, tmp_path: Path
) -> None:
    counter = rapl_zone(tmp_path, "intel-rapl:0", "package-0", 7_000_000)
    rig = make_rig(built_catalog)
    meter = ReadingsOnDemand(open_rapl(tmp_path), lambda: ProcessorUse(rig.clock(), rig.clock()), rig.clock)
    metering = EnergyMetering("rapl", WHOLE, meter, rig.ledger, PowerFit(10.0, 0.0), Correction(), 0.0, 0.0)
    finder = WindowFinder({"digit": _Consuming(rig.clock, counter)})
    capture = Capture(FrameList(_live_frames(50), live=True), 64)
    pipeline = Pipeline(
        capture, finder, rig.answerer, RateGates(rig.answerer.problem.apps.values()), rig.ledger, PROFILE,
        Shelf(), Summary(), clocks=rig.clocks, metering=metering,
    )  # fmt: skip
    pipeline.run(threading.Event())
    pipeline.finish()
    lines = rig.ledger.lines(pipeline.now_s)
    measured_j = sum(line.energy_j for line in lines if line.origin is EnergyOrigin.MEASURED)
    assert sum(line.energy_j for line in lines) == pytest.approx(measured_j)
    assert measured_j == pytest.approx((int(counter.read_text()) - 7_000_000) / 1e6)
    assert measured_j == pytest.approx(metering.figures.counted_j)
    assert metering.figures.failures == 0 and measured_j > 1.0


class _Consuming:
    """An extractor under which the counter moves, and wraps."""

    def __init__(self, clock: Stopwatch, counter: Path) -> None:
        self._clock = clock
        self._counter = counter

    def extract(self, frame: Frame) -> list[tuple[int, int, int, int]]:
        self._clock.now_s += 0.01
        self._counter.write_text(f"{int(self._counter.read_text()) + 57_000}\n")
        return [(4, 4, 20, 24)]


def _live_frames(count: int) -> Iterator[Frame]:
    yield from (still(i) for i in range(count))


def test_plans_and_charges_follow_the_meter_together(built_catalog: Catalog) -> None:
    metered = Correction()
    rig = make_rig(built_catalog, metered=metered)
    rig.ask()
    before_j = rig.spent_j(Category.EXECUTION)
    planned = dict(rig.answerer.problem.pieces)
    metered.learnt = 1.04
    assert rig.answerer.follow_meter() == 1.0  # about right
    metered.learnt = 1.5
    assert rig.spent_j(Category.EXECUTION) == before_j
    assert rig.answerer.follow_meter() == 1.5
    for piece, cost in rig.answerer.problem.pieces.items():
        assert cost.run_energy_j == pytest.approx(1.5 * planned[piece].run_energy_j)
        assert cost.load_energy_j == pytest.approx(1.5 * planned[piece].load_energy_j)
        assert cost.run_s == planned[piece].run_s
    rig.ask(index=1)
    assert rig.spent_j(Category.EXECUTION) == pytest.approx(2.5 * before_j)


def test_a_recording_at_full_speed_is_not_measured(built_catalog: Catalog, tmp_path: Path) -> None:
    counter = rapl_zone(tmp_path, "intel-rapl:0", "package-0", 0)
    rig = make_rig(built_catalog)
    readings = ReadingsOnDemand(open_rapl(tmp_path), lambda: ProcessorUse(0.0, 0.0), rig.clock)
    metering = EnergyMetering(
        "rapl", WHOLE, readings, rig.ledger, PowerFit(10.0, 0.0), Correction(), 0.0, 0.0
    )
    finder = WindowFinder({"digit": _Consuming(rig.clock, counter)})
    frames: Iterable[Frame] = (still(i) for i in range(20))
    pipeline = Pipeline(
        Capture(FrameList(frames), 4), finder, rig.answerer, RateGates(rig.answerer.problem.apps.values()),
        rig.ledger, PROFILE, Shelf(), Summary(), clocks=rig.clocks, metering=metering,
    )  # fmt: skip
    pipeline.run(threading.Event())
    pipeline.finish()
    assert {line.origin for line in rig.ledger.lines(2.0) if line.energy_j} == {EnergyOrigin.MODELLED}
    assert metering.figures.counted_j == 0.0
