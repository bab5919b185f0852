"""From the order of a head to the head, with inference running meanwhile on the same machine."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.full_training import full_training_s
from benchmarks.report import Row
from benchmarks.synthetic_catalog import SIZE_PX, build_synthetic_catalog
from catalog.backends.protocol import LoadedPart
from catalog.backends.table import open_backend
from catalog.head_training import train_head
from catalog.heads import HeadWeights
from catalog.store import Catalog, CatalogWriter, StoredFeatures, open_catalog
from specializer.background_trainer import BackgroundHeadTrainer
from specializer.cascade_threshold import CascadeAim
from specializer.errors import HeadRejected
from specializer.head_trainer import TrainingOrder, TrainingResult
from specializer.special_head import SpecialHead

FEATURES, TRAIN_ROWS, VALIDATION_ROWS, CLASSES = 512, 10_000, 2_000, 10
_TRUNK, _TASK = "synthetic", "task0"
_LAYERS, _CHANNELS = 4, 32  # a trunk of a few milliseconds
_HIDDEN, _SPREAD = 64, 2.6
_ALONE_S = 0.5
_LEAST_MEANWHILE_S = 0.1  # a head of three milliseconds is there before three windows have run
_DEADLINE_S = 60.0
_AIM = CascadeAim(skew=0.9, generic_accuracy=0.93)


@dataclass(frozen=True, slots=True)
class _Scale:
    heads: int
    dominant: tuple[int, ...]


_FULL = _Scale(20, (1, 2, 5))
_QUICK = _Scale(3, (2,))


def training_rows(quick: bool) -> list[Row]:
    """Order heads one after another while a trunk runs window after window.

    There is a row for each size of head, and for each way to make it: by other priors of the generic head,
    as it mostly is, and trained, as it is where the generic head is of no use.
    """
    scale = _QUICK if quick else _FULL
    in_full_s = full_training_s(TRAIN_ROWS)
    return [
        {
            **row,
            "in_full_s": round(in_full_s, 1),
            "times_faster": round(in_full_s / float(row["median_s"] or 1.0)),
        }
        for way, usable in (("other priors", True), ("trained", False))
        for row in _rows(way, scale, usable)
    ]


def _rows(way: str, scale: _Scale, usable: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="mcdnn-heads-") as folder:
        catalog = catalog_with_features(Path(folder), usable)
        part = open_backend("onnxruntime").load(catalog.part_path(catalog.trunks[_TRUNK].parts[0]))
        trainer = BackgroundHeadTrainer(catalog)
        try:
            trainer.begin(_order(0, 2)).result()  # once the process has loaded what it needs
            return [_row(trainer, part, n, scale.heads, way) for n in scale.dominant]
        finally:
            trainer.close()


def catalog_with_features(root: Path, usable: bool = True) -> Catalog:
    """Write a catalog with a trunk of 512 features, made-up features of it and a head.

    Args:
        usable: whether the head was trained on them, or knows nothing.
    """
    build_synthetic_catalog(root, 1, _LAYERS, _CHANNELS, FEATURES)
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((_HIDDEN, FEATURES)) / np.sqrt(_HIDDEN)
    centres = rng.standard_normal((CLASSES, _HIDDEN))
    splits = {
        name: _made_up(rows, centres, mixing, rng)
        for name, rows in (("train", TRAIN_ROWS), ("validation", VALIDATION_ROWS))
    }
    writer = CatalogWriter(root)
    for name, stored in splits.items():
        writer.write_features(_TRUNK, _TASK, name, stored)
    trained = train_head(
        (splits["train"].features, splits["train"].labels),
        (splits["validation"].features, splits["validation"].labels),
        CLASSES,
        penalties=(1e-3,),
    )
    nothing = HeadWeights(np.zeros_like(trained.weights.weight), np.zeros_like(trained.weights.bias), 1.0)
    head_id = writer.write_head(trained.weights if usable else nothing)
    contents = open_catalog(root, verify=False).contents
    heads = tuple(replace(h, id=head_id) for h in contents.heads)
    variants = tuple(
        replace(v, head=head_id, validation_accuracy=trained.accuracy) for v in contents.variants
    )
    writer.write_contents(replace(contents, heads=heads, variants=variants))
    return open_catalog(root)


def _made_up(
    rows: int, centres: npt.NDArray[np.float64], mixing: npt.NDArray[np.float64], rng: np.random.Generator
) -> StoredFeatures:
    """Return clouds around class centres behind a random layer: positive and correlated, as a trunk's."""
    labels = np.arange(rows, dtype=np.int64) % CLASSES
    hidden = centres[labels] + _SPREAD * rng.standard_normal((rows, _HIDDEN))
    return StoredFeatures(np.maximum(hidden @ mixing, 0.0).astype(np.float16), labels)


def _order(seed: int, classes: int) -> TrainingOrder:
    dominant = np.random.default_rng(seed).choice(CLASSES, classes, replace=False)
    return TrainingOrder(_TRUNK, _TASK, tuple(dominant.tolist()), seed, _DEADLINE_S, _AIM)


def _row(trainer: BackgroundHeadTrainer, part: LoadedPart, classes: int, heads: int, way: str) -> Row:
    alone: list[float] = []
    meanwhile: list[float] = []
    hasty: list[float] = []
    ratios: list[float] = []
    results: list[TrainingResult] = []
    for seed in range(heads):
        before: list[float] = []
        _infer_for(part, before, _ALONE_S)
        begun = trainer.begin(_order(seed, classes))
        at_once: list[float] = []
        _infer_until(part, at_once, begun)
        until_head = list(at_once)
        _infer_for(part, at_once, _LEAST_MEANWHILE_S - sum(at_once))
        ratios.append(_p95_ms(at_once) / _p95_ms(before))
        alone += before
        meanwhile += at_once
        hasty += until_head
        if begun.exception() is None:
            results.append(begun.result())
        elif not isinstance(begun.exception(), HeadRejected):
            begun.result()
    took_s = [r.took_s for r in results]
    return {
        "group": "training",
        "way": way,
        "dominant": classes,
        "features": FEATURES,
        "stored": TRAIN_ROWS,
        "heads": len(results),
        "rejected": heads - len(results),
        "median_s": round(float(np.median(took_s)), 5),
        "p95_s": round(float(np.percentile(took_s, 95)), 5),
        "median_processor_s": round(float(np.median([r.processor_s for r in results])), 5),
        "inference_p95_alone_ms": round(_p95_ms(alone), 3),
        "inference_p95_meanwhile_ms": round(_p95_ms(meanwhile), 3),
        "inference_p95_ratio": round(float(np.median(ratios)), 3),
        "windows_until_head": round(len(hasty) / heads, 1),
        "inference_p95_until_head_ms": round(_p95_ms(hasty), 3),
        "accuracy_in_pct": round(100.0 * float(np.mean([r.head.rates.accuracy_in for r in results])), 1),
        "accuracy_out_pct": round(100.0 * float(np.mean([_told_out(r.head) for r in results])), 1),
    }


def _p95_ms(latencies_s: list[float]) -> float:
    return 1e3 * float(np.percentile(latencies_s, 95))


def _told_out(head: SpecialHead) -> float:
    """Return the share of windows of other classes that are passed on or answered rightly."""
    return head.rates.accuracy_out + head.rates.right_out


def _infer(part: LoadedPart, latencies_s: list[float]) -> None:
    window = np.zeros((1, SIZE_PX, SIZE_PX, 3), np.uint8)
    began_s = time.perf_counter()
    part(window)
    latencies_s.append(time.perf_counter() - began_s)


def _infer_for(part: LoadedPart, latencies_s: list[float], duration_s: float) -> None:
    ends_s = time.perf_counter() + duration_s
    while time.perf_counter() < ends_s:
        _infer(part, latencies_s)


def _infer_until(part: LoadedPart, latencies_s: list[float], done: Future[TrainingResult]) -> None:
    while not done.done():
        _infer(part, latencies_s)
