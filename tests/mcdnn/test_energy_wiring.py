"""A run with a meter behind it, from configuration to figures; the meter is a folder like the kernel's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from catalog.meters import MeterPlaces
from engine.energy_origin import EnergyOrigin
from engine.frames import Frame, TruthWindow
from engine.snapshot import Snapshot
from engine.sources.frame_list import FrameList
from mcdnn.closing_summary import summary_to_json
from mcdnn.engine import Engine
from mcdnn.figures_table import standing_lines
from tests.catalog.meters.trees import battery, rapl_zone, update
from tests.catalog_builder import build_catalog
from tests.engine.media import frame

TIMEOUT_S = 60.0
WHO = {"name": "who", "task": "identity"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine's processor counters seem to be."""
    root = tmp_path / "powercap"
    root.mkdir()
    monkeypatch.setattr("catalog.meters.table.HERE", MeterPlaces(root, tmp_path, str(tmp_path / "vcgencmd")))
    return root


def config(folder: Path, **changes: Any) -> dict[str, Any]:
    whole = {"catalog": str(folder), "extractor": {"digit": "whole-frame"}, "app": [WHO]}
    return {**whole, **changes}


def run_while_counting(engine: Engine, counter: Path, steps_uj: int) -> Snapshot:
    """Run over live frames; the counter moves when the first one is answered, and not before."""
    answered = threading.Event()
    engine.on_result(lambda _: answered.set())

    def frames() -> Iterator[Frame]:
        truth = (TruthWindow((0, 0, 64, 48), {"identity": "7", "parity": "odd"}),)
        yield replace(frame(0), truth=truth)
        assert answered.wait(TIMEOUT_S)
        update(counter.parent, energy_uj=int(counter.read_text()) + steps_uj)
        yield from (replace(frame(i), truth=truth) for i in range(1, 10))

    return engine.run(FrameList(frames(), "camera", live=True))


def test_what_the_machine_can_measure_is_measured_unasked_and_labelled(folder: Path, powercap: Path) -> None:
    counter = rapl_zone(powercap, "intel-rapl:0", "package-0", 1_000_000)
    end = run_while_counting(Engine(config(folder)), counter, 3_000_000)
    by_origin = end.standing.spent_by_origin_j
    assert by_origin[EnergyOrigin.MEASURED] == pytest.approx(3.0)
    base_w = 4.0  # of the profile "host", beside a meter that sees the processor alone
    assert by_origin[EnergyOrigin.MODELLED] == pytest.approx(base_w * end.t_s)
    (line,) = (line for line in standing_lines(end) if line.startswith("meter"))
    assert line.startswith("meter rapl: 3 J counted (processor packages)")
    assert summary_to_json(end)["standing"]["meter"]["counted_j"] == pytest.approx(3.0)


def test_what_lies_beside_the_meter_is_as_given(folder: Path, powercap: Path) -> None:
    counter = rapl_zone(powercap, "intel-rapl:0", "package-0", 0)
    device = {"meter": "rapl", "unmetered_w": 0.0}
    end = run_while_counting(Engine(config(folder, device=device)), counter, 3_000_000)
    assert end.standing.spent_by_origin_j == pytest.approx({EnergyOrigin.MEASURED: 3.0})


def test_without_a_meter_and_with_none_wanted_all_is_modelled(folder: Path, powercap: Path) -> None:
    counter = powercap / "nothing"
    counter.write_text("0")
    end = run_while_counting(Engine(config(folder)), counter, 3_000_000)
    assert set(end.standing.spent_by_origin_j) == {EnergyOrigin.MODELLED}
    counter = rapl_zone(powercap, "intel-rapl:0", "package-0", 0)
    end = run_while_counting(Engine(config(folder, device={"meter": "none"})), counter, 3_000_000)
    assert set(end.standing.spent_by_origin_j) == {EnergyOrigin.MODELLED}
    assert not [line for line in standing_lines(end) if line.startswith("meter")]


def test_a_meter_that_is_asked_for_and_not_there_is_one_clear_line(folder: Path, powercap: Path) -> None:
    with pytest.raises(BadInput, match=r'^config: device.meter = "rapl": .* shows no processor package'):
        Engine(config(folder, device={"meter": "rapl"}))
    with pytest.raises(BadInput, match=r'^config: device.meter = "battery": .* shows no battery'):
        Engine(config(folder, device={"meter": "battery"}))
    with pytest.raises(BadInput, match=r'^config: device.meter = "rpi5": .*vcgencmd is not there'):
        Engine(config(folder, device={"meter": "rpi5"}))
    with pytest.raises(BadInput, match=r"config: device\.meter: Input should be 'auto', 'none', 'battery'"):
        Engine(config(folder, device={"meter": "watt"}))


class Told(logging.Handler):
    """Tells when something is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.told.set()


@pytest.fixture
def charged(caplog: pytest.LogCaptureFixture) -> Iterator[threading.Event]:
    """Set when the log says that the battery was charged."""
    logger, handler = logging.getLogger("engine.battery_watch"), Told()
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(handler)
    yield handler.told
    logger.removeHandler(handler)


def test_a_battery_that_is_charged_renews_a_budget_that_lasts_until_then(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charged: threading.Event
) -> None:
    monkeypatch.setattr("catalog.meters.table.HERE", MeterPlaces(tmp_path, tmp_path / "supply", "none"))
    monkeypatch.setattr("mcdnn.energy_wiring._LOOK_EVERY_S", 0.001)
    gauge = battery(tmp_path / "supply", capacity=50)
    budget = {"energy_j": 200_000.0, "period": "charge"}
    engine = Engine(config(folder, budget=budget, device={"meter": "none"}))
    answered = threading.Event()
    engine.on_result(lambda _: answered.set())

    def frames() -> Iterator[Frame]:
        yield from (frame(i) for i in range(20))
        assert answered.wait(TIMEOUT_S)
        update(gauge, status="Full", capacity=100)
        assert charged.wait(TIMEOUT_S)
        yield from (frame(i) for i in range(20, 40))

    end = engine.run(FrameList(frames(), "camera", live=True))
    assert end.standing.budget.renewals == 1


def test_without_a_battery_the_log_says_what_renews_the_budget(
    folder: Path, powercap: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Engine(config(folder, budget={"energy_j": 200_000.0, "period": "charge"})).run(FrameList([frame(0)]))
    (said,) = (m for m in caplog.messages if "battery" in m)
    assert said.startswith("the budget renews only when battery_charged() is called: ")
