"""Variants: trunk + head with measured accuracy and costs, and the ones that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """A trunk with a head of one task, and how accurate the two are.

    Args:
        id: "<trunk>/<task>".
        validation_accuracy: share in [0, 1]; used for choosing.
        test_accuracy: share in [0, 1]; for reports alone.
        calibration_error: expected calibration error on the validation split, 15 equal bins.
    """

    id: str
    task: str
    trunk: str
    head: str
    validation_accuracy: float
    test_accuracy: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class MeasuredVariant:
    """A variant with what it costs on one device when it runs alone.

    Args:
        memory_bytes: its parts resident, and its head.
        latency_s: median, one window, all parts and the head.
        load_s: all parts from disk to the first answer.
    """

    variant: Variant
    memory_bytes: int
    latency_s: float
    latency_p95_s: float
    load_s: float

    def dominates(self, other: MeasuredVariant) -> bool:
        """Tell whether this one is at least as good in every respect and better in one."""
        mine = (-self.variant.validation_accuracy, self.memory_bytes, self.latency_s)
        theirs = (-other.variant.validation_accuracy, other.memory_bytes, other.latency_s)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def pareto_front(measured: Sequence[MeasuredVariant]) -> list[MeasuredVariant]:
    """Keep what nothing else dominates in accuracy, memory and latency, most accurate first.

    Of variants equal in all three the first stays.
    """
    front: list[MeasuredVariant] = []
    seen: set[tuple[float, int, float]] = set()
    for m in sorted(measured, key=lambda m: (-m.variant.validation_accuracy, m.latency_s, m.variant.id)):
        figures = (m.variant.validation_accuracy, m.memory_bytes, m.latency_s)
        if figures in seen or any(other.dominates(m) for other in measured):
            continue
        seen.add(figures)
        front.append(m)
    return front
