"""What parts and heads cost on a device: measured there, written as profiles/<device>.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

# 1 had neither energy nor failures, 2 no live times, 3 no chains; such files read as lacking them. Chains of
# 4 were timed in a loop.
SCHEMA_VERSION = 5
DEFAULT = "onnxruntime"
REFERENCE = "torch"
WORTHWHILE = 0.9  # of the default backend's time: what another has to be below to be picked


@dataclass(frozen=True, slots=True)
class PartMeasurement:
    """One part, run by one backend at one precision and batch size, in a loop: caches are warm.

    Args:
        precision: of the arithmetic: "f32", "bf16" or "int8".
        latency_p50_s: median of one call.
        latency_p95_s: 95th percentile of one call.
        load_s: from the file to the first answer, median.
        peak_memory_bytes: of a fresh process, less the backend's own; None where not measured.
        threads: threads that the call may use.
        energy_j: of one call, mean; None where not measured.
        energy_origin: "measured" by a meter, or "modelled" from processor time and power.
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
    energy_j: float | None = None
    energy_origin: str | None = None


@dataclass(frozen=True, slots=True)
class LiveTime:
    """Processor time that a part or head takes for a window of an always-on camera: caches are cold.

    A first part's time includes cutting its window out of the frame; a head's is its share among the
    heads of its trunk, which run as one product.

    Args:
        p50_s: median over frames of the mean over their windows.
        p95_s: 95th percentile over windows.
    """

    p50_s: float
    p95_s: float


@dataclass(frozen=True, slots=True)
class ChainMeasurement:
    """The parts of a trunk run one after the other on one window, as a camera calls them.

    Args:
        parts: in order.
        backends: what ran each of them.
        latency_p50_s: processor time of the whole chain without cutting out the window, median over frames
            of the mean over their windows; by the clock where several threads work.
        picked: whether these parts are to be run so.
    """

    parts: tuple[str, ...]
    backends: tuple[str, ...]
    latency_p50_s: float
    picked: bool


@dataclass(frozen=True, slots=True)
class PartFailure:
    """A part that a backend cannot run as it should, and why; nothing else is affected."""

    part: str
    backend: str
    precision: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceMeasurements:
    """All that was measured of a catalog on one device.

    Args:
        device: name of the device profile: profiles/<device>.json.
        machine: processor, cores and system, as text.
        versions: of the packages that ran the parts.
        date: ISO 8601, UTC.
        parts: every measurement.
        head_s: median time of one head on one window, alone and in a loop, by head id.
        failures: what could not be measured, by part and backend.
        live: what a camera's window takes, by the id of each part, as it is picked to run, and head.
        chains: of trunks that can be run in more than one way, each way.
        schema_version: of the file.
    """

    device: str
    machine: str
    versions: dict[str, str]
    date: str
    parts: tuple[PartMeasurement, ...]
    head_s: dict[str, float]
    failures: tuple[PartFailure, ...] = ()
    live: dict[str, LiveTime] = field(default_factory=dict)
    chains: tuple[ChainMeasurement, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def best(self, part: str, batch: int = 1) -> PartMeasurement:
        """Return the measurement of a part as it is picked to run, at a batch size.

        With the chain that it is run in; alone where no chain was measured, see pick.

        Raises:
            KeyError: the part was not measured at that batch size.
        """
        return pick(self.parts, part, batch, picked_together(self.chains).get(part))

    def live_part(self, part: str) -> LiveTime:
        """Return what a part takes live; as in a loop where that alone was measured.

        Raises:
            KeyError: the part was not measured.
        """
        loop = self.best(part)
        return self.live.get(part) or LiveTime(loop.latency_p50_s, loop.latency_p95_s)

    def live_head(self, head: str) -> LiveTime:
        """Return what a head takes live; as in a loop where that alone was measured.

        Raises:
            KeyError: the head was not measured.
        """
        return self.live.get(head) or LiveTime(self.head_s[head], self.head_s[head])

    def failed(self, part: str) -> str | None:
        """Return why a part can be run by no backend; None where one can, or none has tried."""
        reasons = [f"{f.backend}: {f.reason}" for f in self.failures if f.part == part]
        if not reasons or any(m.part == part for m in self.parts):
            return None
        return f"part {part}: {'; '.join(reasons)}"


def picked_together(chains: Sequence[ChainMeasurement]) -> dict[str, str]:
    """Return what runs each part of the chains that are picked."""
    return {p: b for c in chains if c.picked for p, b in zip(c.parts, c.backends, strict=True)}


def pick(
    measured: Sequence[PartMeasurement], part: str, batch: int = 1, backend: str | None = None
) -> PartMeasurement:
    """Return the measurement of a part as it is picked to run, at a batch size.

    Where no chain has settled it, the backend that answers one window fastest is picked, but the
    default one stays where another is less than a tenth faster: a second runtime in memory is not worth
    less. The torch reference is there to compare with, and picked only where nothing else was measured.

    Args:
        measured: of all parts.
        part: which.
        batch: windows a call.
        backend: that is picked already, with the other parts of a trunk.

    Raises:
        KeyError: the part was not measured at that batch size.
    """
    rows = [m for m in measured if m.part == part and m.batch == batch]
    if not rows:
        raise KeyError(part)
    alone = [m for m in measured if m.part == part and m.batch == 1] or rows
    together = [m for m in alone if m.backend == backend]
    picked = _picked(together or [m for m in alone if m.backend != REFERENCE] or alone)
    same = [m for m in rows if (m.backend, m.precision) == (picked.backend, picked.precision)]
    return same[0] if same else _picked(rows)


def _picked(rows: list[PartMeasurement]) -> PartMeasurement:
    fastest = min(rows, key=lambda m: m.latency_p50_s)
    default = [m for m in rows if m.backend == DEFAULT]
    if default and fastest.latency_p50_s > WORTHWHILE * min(m.latency_p50_s for m in default):
        return min(default, key=lambda m: m.latency_p50_s)
    return fastest
