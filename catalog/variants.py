"""Variants: trunk + head with measured accuracy and costs, and the ones that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.jpeg_trials import JpegTrial


@dataclass(frozen=True, slots=True)
class Variant:
    """A trunk with a head of one task, and how accurate the two are.

    Args:
        id: "<trunk>/<task>".
        validation_accuracy: share in [0, 1]; used for choosing.
        test_accuracy: share in [0, 1]; for reports alone.
        calibration_error: expected calibration error on the validation split, 15 equal bins.
        jpeg: what is lost where windows come as JPEG, by quality, ascending; none where it was never tried.
    """

    id: str
    task: str
    trunk: str
    head: str
    validation_accuracy: float
    test_accuracy: float
    calibration_error: float
    jpeg: tuple[JpegTrial, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasuredVariant:
    """A variant with what it costs on one device when it runs alone.

    Args:
        memory_bytes: its parts resident, and its head.
        latency_s: median, one window, all parts and the head.
        load_s: all parts from disk to the first answer.
        energy_j: of one window, the head left out; None where not measured.
        energy_origin: "measured" by a meter, or "modelled".
        precision: of the arithmetic, the lowest among the parts: "f32", "bf16" or "int8".
        backends: that run the parts, in order.
        excluded: why it is kept off the front whatever its figures; None where it is not.
    """

    variant: Variant
    memory_bytes: int
    latency_s: float
    latency_p95_s: float
    load_s: float
    energy_j: float | None = None
    energy_origin: str | None = None
    precision: str = "f32"
    backends: tuple[str, ...] = ()
    excluded: str | None = None

    def excluded_as(self, reason: str) -> MeasuredVariant:
        """Return this variant, kept off the front for a reason."""
        return replace(self, excluded=reason)

    def dominates(self, other: MeasuredVariant) -> bool:
        """Tell whether this one is at least as good in every respect and better in one."""
        mine, theirs = self.figures, other.figures
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))

    @property
    def figures(self) -> tuple[float, int, float]:
        """What variants are compared by, less being better: minus accuracy, memory and latency."""
        return -self.variant.validation_accuracy, self.memory_bytes, self.latency_s


def pareto_front(measured: Sequence[MeasuredVariant]) -> list[MeasuredVariant]:
    """Keep what nothing else dominates in accuracy, memory and latency, most accurate first.

    Of variants equal in all three the first stays. What is excluded is neither kept nor dominates.
    """
    front: list[MeasuredVariant] = []
    seen: set[tuple[float, int, float]] = set()
    usable = [m for m in measured if m.excluded is None]
    for m in sorted(usable, key=lambda m: (-m.variant.validation_accuracy, m.latency_s, m.variant.id)):
        if m.figures in seen or any(other.dominates(m) for other in usable):
            continue
        seen.add(m.figures)
        front.append(m)
    return front


@dataclass(frozen=True, slots=True)
class OffFront:
    """Why a variant is not on the front.

    Args:
        reason: in words.
        better: the variant of the front that dominates or equals it; None for one that is excluded.
    """

    reason: str
    better: str | None = None


def off_front(measured: Sequence[MeasuredVariant]) -> dict[str, OffFront]:
    """Return why variants are not on the front, by id: what excludes, dominates or equals each."""
    front = pareto_front(measured)
    kept = {m.variant.id for m in front}
    return {m.variant.id: _off_front(m, front) for m in measured if m.variant.id not in kept}


def _off_front(m: MeasuredVariant, front: Sequence[MeasuredVariant]) -> OffFront:
    if m.excluded is not None:
        return OffFront(m.excluded)
    better = next((f for f in front if f.dominates(m)), None)
    if better is not None:
        return OffFront(f"beaten by {better.variant.trunk}", better.variant.id)
    equal = next(f for f in front if f.figures == m.figures)
    return OffFront(f"no better than {equal.variant.trunk}", equal.variant.id)
