"""What a window of each trunk takes on the way to a cloud, as a table for people."""

from __future__ import annotations

from rich.table import Table

from catalog.jpeg_trials import JpegTrial, lowest_bearable
from catalog.store import Catalog
from catalog.variants import Variant
from mcdnn.quantities import NONE, kilobytes, share

_BYTES_PER_PX = 3


def sent_windows_table(catalog: Catalog) -> Table | None:
    """Return how small JPEG may make the windows of each trunk that it was tried on; None without any."""
    tried: dict[str, list[Variant]] = {}
    for variant in catalog.variants.values():
        if variant.jpeg:
            tried.setdefault(variant.trunk, []).append(variant)
    if not tried:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("a window to a cloud", overflow="fold")
    for figure in ("raw", "JPEG", "quality", "costs"):
        table.add_column(figure, justify="right", no_wrap=True)
    for trunk, variants in tried.items():
        raw_bytes = _BYTES_PER_PX * catalog.trunks[trunk].size_px ** 2
        table.add_row(trunk, kilobytes(raw_bytes), *_jpeg([lowest_bearable(v.jpeg) for v in variants]))
    return table


def _jpeg(lowest: list[JpegTrial | None]) -> tuple[str, str, str]:
    """Say what all tasks of a trunk bear together, and what that costs the one that it costs most."""
    borne = [trial for trial in lowest if trial is not None]
    if len(borne) < len(lowest):
        return NONE, NONE, NONE
    best = max(borne, key=lambda t: t.quality)
    worst = max(trial.accuracy_loss for trial in borne)
    return kilobytes(best.window_bytes), str(best.quality), share(worst)
