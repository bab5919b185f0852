"""The energy counters of GPUs, through zeus (https://ml.energy/zeus): NVIDIA's by NVML, AMD's by SMI."""

from __future__ import annotations

from typing import Any

from catalog.errors import MeterFailed, MissingExtra
from catalog.meters.protocol import Sight


class NvmlMeter:
    """Adds up the counters of all visible GPUs: the boards with their memory, nothing of the host.

    Args:
        gpus: what zeus.device.get_gpus() returns.

    Raises:
        MeterFailed: one has no counter (they came with Volta), or it cannot be read.
    """

    name = "nvml"
    origin = "measured"
    sight = Sight("the GPUs", whole_device=False, radio=False)

    def __init__(self, gpus: Any) -> None:
        self._gpus = gpus
        self._start_mj = self._read_mj()

    def read_j(self) -> float:
        """Return the joules since the meter was made; see Meter."""
        return (self._read_mj() - self._start_mj) / 1e3

    def _read_mj(self) -> int:
        from zeus.device.exception import ZeusBaseGPUError

        try:
            return sum(int(self._gpus.get_total_energy_consumption(k)) for k in range(len(self._gpus)))
        except ZeusBaseGPUError as e:
            raise MeterFailed(f"GPU: {e}") from e


def open_nvml() -> NvmlMeter:
    """Return the meter of this machine's GPUs.

    Raises:
        MeterFailed: there is none, or it cannot be read.
        MissingExtra: zeus is not installed.
    """
    try:
        from zeus.device import get_gpus
        from zeus.device.exception import ZeusBaseGPUError
    except ModuleNotFoundError as e:
        raise MissingExtra(e.name or "zeus", "energy", 'device.meter = "nvml"') from e
    try:
        gpus = get_gpus()
    except ZeusBaseGPUError as e:
        raise MeterFailed(f"no GPU can be asked: {e}") from e
    return NvmlMeter(gpus)
