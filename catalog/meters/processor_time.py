"""A model in place of a meter: processor time times power."""

from __future__ import annotations

from collections.abc import Callable

from catalog.devices import DeviceProfile


class ProcessorTimeMeter:
    """Models energy as processor time of this process, all threads, times the power of a busy core.

    Args:
        profile: gives the power.
        busy_s: processor seconds so far.
    """

    origin = "modelled"

    def __init__(self, profile: DeviceProfile, busy_s: Callable[[], float]) -> None:
        self._profile = profile
        self._busy_s = busy_s

    def read_j(self) -> float:
        """Return the modelled joules; see Meter."""
        return self._profile.processor_energy_j(self._busy_s())
