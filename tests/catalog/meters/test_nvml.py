"""The counters of GPUs, on what zeus gives; that there is no GPU is told by zeus itself."""

from __future__ import annotations

import sys

import pytest
from zeus.device.gpu import ZeusGPUInitError, ZeusGPULostError, get_gpus

from catalog.errors import BadInput, MeterFailed, MissingExtra
from catalog.meters import MeterPlaces, open_device_meter
from catalog.meters.nvml import NvmlMeter


class TwoGpus:
    """Two boards as zeus shows them; millijoules since their driver was loaded."""

    def __init__(self) -> None:
        self.counters_mj = [5_000, 90_000]
        self.lost = False

    def __len__(self) -> int:
        return len(self.counters_mj)

    def get_total_energy_consumption(self, index: int) -> int:
        if self.lost:
            raise ZeusGPULostError("GPU is lost")
        return self.counters_mj[index]


def test_counters_of_all_boards_are_added_up() -> None:
    gpus = TwoGpus()
    meter = NvmlMeter(gpus)
    assert meter.read_j() == 0.0
    gpus.counters_mj = [6_500, 90_250]
    assert meter.read_j() == pytest.approx(1.75)


def test_a_board_that_is_lost_is_a_failure_until_it_is_back() -> None:
    gpus = TwoGpus()
    meter = NvmlMeter(gpus)
    gpus.lost = True
    with pytest.raises(MeterFailed, match="GPU: GPU is lost"):
        meter.read_j()
    gpus.lost, gpus.counters_mj[0] = False, 6_000
    assert meter.read_j() == pytest.approx(1.0)


def test_without_the_package_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeus.device", None)
    with pytest.raises(MissingExtra, match=r'device\.meter = "nvml" needs zeus.*install .mcdnn\[energy\]'):
        open_device_meter("nvml", MeterPlaces())


def test_a_machine_without_a_gpu_is_told_so() -> None:
    try:
        get_gpus()
    except ZeusGPUInitError:
        pass
    else:
        pytest.skip("this machine has a GPU")
    with pytest.raises(BadInput, match=r'device\.meter = "nvml": no GPU can be asked'):
        open_device_meter("nvml", MeterPlaces())
