"""Measuring what JPEG costs the accuracy of the trunks that are worth running.

The lowest quality that a variant bears is looked for by halving the ladder of qualities: accuracy falls
with quality, so most of them need not be tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from catalog.backends.part_chain import PartChain
from catalog.backends.table import backend_for_parts
from catalog.class_balance import balanced_rows
from catalog.compiler.workplace import Workplace
from catalog.heads import HeadWeights
from catalog.jpeg_trials import JpegTrial
from catalog.parts import Trunk
from catalog.store import Catalog
from catalog.tasks import Task
from catalog.variants import Variant
from catalog.window_codec import decoded_pixels, jpeg_bytes

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

QUALITIES = (50, 75, 90, 95, 98, 100)
_MOST_WINDOWS = 1000
_BATCH = 32

_Trials = Mapping[str, JpegTrial]


def untried_trunks(catalog: Catalog, device: str) -> list[Trunk]:
    """Return the trunks that carry a variant on a front, and any that JPEG was never tried on.

    Raises:
        CatalogError: the catalog was not measured on the device.
    """
    worthy = {m.variant.trunk for task in catalog.tasks for m in catalog.front(task, device)}
    untried = {v.trunk for v in catalog.variants.values() if not v.jpeg}
    return [t for t in catalog.contents.trunks if t.name in worthy & untried]


def with_jpeg_trials(
    catalog: Catalog, place: Workplace, trunks: Iterable[Trunk], threads: int
) -> dict[str, Variant]:
    """Return the variants on some trunks with what JPEG costs them, by id.

    Args:
        catalog: where parts and heads are.
        place: where the windows of the validation splits are.
        trunks: see untried_trunks.
        threads: trunks that are tried at the same time; the result is the same for any number.
    """
    with ThreadPoolExecutor(threads) as pool:
        tried = list(pool.map(lambda t: _tried_trunk(catalog, place, t), trunks))
    return {v.id: v for variants in tried for v in variants}


@dataclass(frozen=True, slots=True, eq=False)
class _Bench:
    """Windows of one task, a trunk, and the heads that answer about them.

    Args:
        windows: (N, S, S, 3) uint8 RGB.
        labels: (N,) by variant.
    """

    windows: UInt8
    labels: Mapping[str, Int64]
    chain: PartChain
    heads: Mapping[str, HeadWeights]

    def right(self, windows: UInt8) -> dict[str, Bool]:
        """Return which windows each variant answers rightly, (N,)."""
        batches = [windows[k : k + _BATCH] for k in range(0, len(windows), _BATCH)]
        features = np.concatenate([self.chain(np.ascontiguousarray(b)) for b in batches])
        return {
            v: head.confidences(features).argmax(axis=1) == self.labels[v] for v, head in self.heads.items()
        }


def _tried_trunk(catalog: Catalog, place: Workplace, trunk: Trunk) -> list[Variant]:
    parts = [catalog.parts[p] for p in trunk.parts]
    chain = PartChain(backend_for_parts(parts), [catalog.part_path(p.id) for p in parts])
    variants = [v for v in catalog.variants.values() if v.trunk == trunk.name]
    owners = dict.fromkeys(catalog.tasks[v.task].data_task for v in variants)
    found: list[Variant] = []
    for owner in owners:
        own = [v for v in variants if catalog.tasks[v.task].data_task == owner]
        trials = _trials(_bench(catalog, place, trunk, owner, own, chain))
        found += [replace(v, jpeg=trials[v.id]) for v in own]
    return found


def _bench(
    catalog: Catalog, place: Workplace, trunk: Trunk, owner: str, variants: list[Variant], chain: PartChain
) -> _Bench:
    data = place.windows(owner, "validation", trunk.size_px)
    rows = balanced_rows(data.labels, _MOST_WINDOWS, np.random.default_rng(place.seed))
    labels = {v.id: _labels_of(catalog.tasks[v.task], data.labels[rows]) for v in variants}
    heads = {v.id: catalog.head_weights(v.head) for v in variants}
    return _Bench(data.windows[rows], labels, chain, heads)


def _labels_of(task: Task, labels: Int64) -> Int64:
    return labels if task.parent is None else np.asarray(task.relabel, np.int64)[labels]


def _trials(bench: _Bench) -> dict[str, tuple[JpegTrial, ...]]:
    as_they_are = bench.right(bench.windows)

    def try_out(quality: int) -> dict[str, JpegTrial]:
        windows, window_bytes = through_jpeg(bench.windows, quality)
        return {
            v: _trial(quality, as_they_are[v], right, window_bytes)
            for v, right in bench.right(windows).items()
        }

    return halved(tuple(bench.heads), try_out)


def _trial(quality: int, before: Bool, after: Bool, window_bytes: float) -> JpegTrial:
    lost, gained = int((before & ~after).sum()), int((after & ~before).sum())
    return JpegTrial(quality, len(before), lost, gained, window_bytes)


def through_jpeg(windows: UInt8, quality: int) -> tuple[UInt8, float]:
    """Return windows (N, S, S, 3) uint8 RGB as they are read after JPEG, and the mean bytes of one."""
    back, sizes = np.empty_like(windows), []
    for k, window in enumerate(windows):
        data = jpeg_bytes(window, quality)
        read = decoded_pixels(data)
        assert read is not None  # it was written a line before
        back[k] = read
        sizes.append(len(data))
    return back, float(np.mean(sizes))


def halved(variants: tuple[str, ...], try_out: Callable[[int], _Trials]) -> dict[str, tuple[JpegTrial, ...]]:
    """Look for the lowest quality that each variant bears.

    Args:
        variants: by their ids.
        try_out: tries a quality on all of them.

    Returns:
        All trials that were made, ascending, by variant.
    """
    tried: dict[int, _Trials] = {}
    for variant in variants:
        low, high = 0, len(QUALITIES)
        while low < high:
            middle = (low + high) // 2
            quality = QUALITIES[middle]
            if quality not in tried:
                tried[quality] = try_out(quality)
            if tried[quality][variant].is_bearable:
                high = middle
            else:
                low = middle + 1
    return {v: tuple(tried[q][v] for q in sorted(tried)) for v in variants}
