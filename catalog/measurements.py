"""What parts and heads cost on a device: measured there, written as profiles/<device>.json."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartMeasurement:
    """One part, run by one backend at one precision and batch size.

    Args:
        latency_p50_s: median of one call.
        latency_p95_s: 95th percentile of one call.
        load_s: from the file to the first answer, median.
        peak_memory_bytes: of a fresh process, less the backend's own; None where not measured.
        threads: threads that the call may use.
    """

    part: str
    backend: str
    precision: str
    batch: int
    threads: int
    latency_p50_s: float
    latency_p95_s: float
    load_s: float
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceMeasurements:
    """All that was measured of a catalog on one device.

    Args:
        device: name of the device profile: profiles/<device>.json.
        machine: processor, cores and system, as text.
        versions: of the packages that ran the parts.
        date: ISO 8601, UTC.
        parts: every measurement.
        head_s: median time of one head on one window, by head id.
    """

    device: str
    machine: str
    versions: dict[str, str]
    date: str
    parts: tuple[PartMeasurement, ...]
    head_s: dict[str, float]

    def best(self, part: str, batch: int = 1) -> PartMeasurement:
        """Return the fastest measurement of a part at a batch size.

        Raises:
            KeyError: the part was not measured at that batch size.
        """
        rows = [m for m in self.parts if m.part == part and m.batch == batch]
        if not rows:
            raise KeyError(part)
        return min(rows, key=lambda m: m.latency_p50_s)
