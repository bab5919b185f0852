"""What one more app costs where its trunk runs already: the head that answers its question, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.heads import Head
from catalog.measurements import DeviceMeasurements
from catalog.variants import MeasuredVariant


@dataclass(frozen=True, slots=True)
class FurtherApp:
    """A task as a further one on a trunk.

    Args:
        trunk: that runs for other tasks anyway.
        size_bytes: of the head: 4 * C * (D + 1) for C classes and D features.
        head_s: median time of the head on one window by itself; beside other heads it takes less, as all
            of them run as one matrix.
        trunk_s: median time of the trunk on one window, which it need not pay again.
    """

    task: str
    trunk: str
    size_bytes: int
    head_s: float
    trunk_s: float

    @property
    def trunk_share(self) -> float:
        """The head's time as a share of the trunk's."""
        return self.head_s / self.trunk_s


def further_apps(
    measured: Sequence[MeasuredVariant], heads: Mapping[str, Head], measurements: DeviceMeasurements
) -> list[FurtherApp]:
    """Return what each variant costs where its trunk runs already, in the order given.

    Args:
        measured: variants of any tasks, with their costs alone on a device.
        heads: of the catalog, by id.
        measurements: of the same device.
    """
    found = []
    for m in measured:
        head, head_s = heads[m.variant.head], measurements.head_s[m.variant.head]
        found.append(
            FurtherApp(m.variant.task, m.variant.trunk, head.size_bytes, head_s, m.latency_s - head_s)
        )
    return found
