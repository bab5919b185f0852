"""How many windows a trunk should take at once: as many as were measured to take the least time a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from catalog.measurements import DeviceMeasurements, PartMeasurement


class BatchSizes(Protocol):
    """Tells how many windows to run at once."""

    def most(self, parts: Iterable[str], room_bytes: float) -> int:
        """Return the most windows that parts should run at once, at least 1.

        Args:
            parts: ids, without repetition.
            room_bytes: free memory for what several windows take beyond one.
        """


class OneByOne:
    """Runs every window by itself."""

    def most(self, parts: Iterable[str], room_bytes: float) -> int:  # noqa: ARG002 - it is always the same
        """Return 1."""
        return 1


ONE_BY_ONE = OneByOne()


class MeasuredBatchSizes:
    """Takes the size at which the parts together took the least time a window when they were profiled.

    Not every runtime and precision gains by batches: some take longer a window, and those run one by
    one. A further window holds its live tensors in every part, so as many fit as there is room for.

    Args:
        measurements: of the catalog on this device.
        activation_bytes: live tensors of one window, by part.
    """

    def __init__(self, measurements: DeviceMeasurements, activation_bytes: Mapping[str, int]) -> None:
        self._measurements = measurements
        self._activation_bytes = activation_bytes
        self._sizes = sorted({1, *(m.batch for m in measurements.parts)})
        self._fastest: dict[tuple[str, ...], int] = {}

    def most(self, parts: Iterable[str], room_bytes: float) -> int:
        """Return the most windows; see BatchSizes."""
        together = tuple(parts)
        fastest = self._fastest.get(together)
        if fastest is None:
            fastest = self._fastest[together] = self._find(together)
        further_bytes = sum(self._activation_bytes[p] for p in together)
        if fastest == 1 or (fastest - 1) * further_bytes <= room_bytes:
            return fastest
        return 1 + max(0, int(room_bytes // further_bytes))

    def _find(self, parts: tuple[str, ...]) -> int:
        a_window_s = {
            size: sum(best.latency_p50_s for best in measured) / size
            for size in self._sizes
            if (measured := self._measured(parts, size))
        }
        return min(a_window_s, key=lambda size: (a_window_s[size], size), default=1)

    def _measured(self, parts: tuple[str, ...], size: int) -> list[PartMeasurement]:
        """Return what each part takes for a batch; nothing where one of them was not measured."""
        try:
            return [self._measurements.best(p, size) for p in parts]
        except KeyError:
            return []
