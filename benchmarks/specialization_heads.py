"""How good special heads are on windows that they were not chosen on, by the way they are made.

    python -m benchmarks.specialization_heads CATALOG [--quick]

Reads the stored features of a compiled catalog. Heads are made on one half of the validation rows and
judged on the other one, in front of the most accurate variant of the task.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.report import Row, markdown_table
from catalog.heads import HeadWeights
from catalog.store import Catalog, StoredFeatures, open_catalog
from catalog.variants import Variant
from specializer.cascade_threshold import CascadeAim, HeadAnswers, choose_threshold
from specializer.errors import HeadRejected
from specializer.head_candidates import OwnLabels, retrained_head
from specializer.head_making import Material as Rows
from specializer.head_making import train_special_head
from specializer.special_head import SpecialHead

Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]

_SKEW = 0.9
_DOMINANT = (1, 2, 5)
_SEEDS, _QUICK_SEEDS = 10, 2
_TRUNKS, _QUICK_TRUNKS = 3, 1
_EVENLY = 0.5


@dataclass(frozen=True, slots=True)
class Material:
    """What heads on one trunk are made of and judged by.

    Args:
        half: validation rows that a head is made on; their generic_right goes with them.
        judged: features (M, D) and labels (M,) of the others.
        generic: head of this trunk for all classes.
        aim: as heads are ordered.
    """

    train: StoredFeatures
    half: StoredFeatures
    half_right: Bool
    judged: StoredFeatures
    judged_right: Bool
    generic: HeadWeights
    aim: CascadeAim


Way = Callable[[Material, tuple[int, ...], np.random.Generator], SpecialHead]


def published(material: Material, dominant: tuple[int, ...], rng: np.random.Generator) -> SpecialHead:
    """Train on half dominant and half other rows; its own answer decides what goes on."""
    return _judged_by_itself(material, dominant, _retrained(material, dominant, _EVENLY, rng))


def with_threshold(material: Material, dominant: tuple[int, ...], rng: np.random.Generator) -> SpecialHead:
    """Likewise, with a threshold that keeps the cascade as accurate as the generic model."""
    rows = Rows(material.train, material.half)
    return train_special_head(rows, dominant, material.aim, rng, material.half_right)


def ours(material: Material, dominant: tuple[int, ...], rng: np.random.Generator) -> SpecialHead:
    """Likewise, or the generic head with other priors where that is better."""
    rows = Rows(material.train, material.half, material.generic)
    return train_special_head(rows, dominant, material.aim, rng, material.half_right)


WAYS: dict[str, Way] = {"published": published, "threshold": with_threshold, "ours": ours}


def _retrained(
    material: Material, dominant: tuple[int, ...], skew: float, rng: np.random.Generator
) -> HeadWeights:
    held_out = np.asarray(material.half.features, np.float32)
    evenly = OwnLabels.of(material.half.labels, dominant)
    return retrained_head(material.train, (held_out, evenly), dominant, skew, None, rng)


def _judged_by_itself(material: Material, dominant: tuple[int, ...], weights: HeadWeights) -> SpecialHead:
    held_out = np.asarray(material.half.features, np.float32)
    anything = CascadeAim(_SKEW, 0.0)
    rows = OwnLabels.of(material.half.labels, dominant)
    found = choose_threshold(HeadAnswers.of(weights.confidences(held_out), rows), rows, anything)
    rates = found.rates
    return SpecialHead(weights, dominant, rates)


def head_rows(catalog: Catalog, task: str, quick: bool) -> list[Row]:
    """Return a row for each trunk, number of classes and way to make heads."""
    variants = sorted(
        (v for v in catalog.contents.variants if v.task == task),
        key=lambda v: (-v.validation_accuracy, v.trunk),
    )
    generic, others = variants[0], variants[1:]
    picked = np.linspace(0, len(others) - 1, min(len(others), _QUICK_TRUNKS if quick else _TRUNKS))
    rows: list[Row] = []
    for variant in [others[int(i)] for i in picked]:
        material = material_of(catalog, variant, generic)
        for count in _DOMINANT:
            rows += [
                _row(variant.trunk, material, count, name, way, _QUICK_SEEDS if quick else _SEEDS)
                for name, way in WAYS.items()
            ]
    return rows


def material_of(catalog: Catalog, variant: Variant, generic: Variant) -> Material:
    """Read what heads on a variant's trunk are made of, in front of a generic variant."""
    train, validation = (catalog.features(variant.trunk, variant.task, s) for s in ("train", "validation"))
    behind = catalog.features(generic.trunk, generic.task, "validation")
    answers = catalog.head_weights(generic.head).confidences(np.asarray(behind.features, np.float32))
    right = answers.argmax(axis=1) == validation.labels
    chosen = np.zeros(len(right), bool)
    for class_id in np.unique(validation.labels):
        chosen[np.flatnonzero(validation.labels == class_id)[::2]] = True
    half, judged = (
        StoredFeatures(np.asarray(validation.features)[rows], validation.labels[rows])
        for rows in (chosen, ~chosen)
    )
    aim = CascadeAim(_SKEW, generic.validation_accuracy)
    return Material(
        train, half, right[chosen], judged, right[~chosen], catalog.head_weights(variant.head), aim
    )


def _row(trunk: str, material: Material, count: int, name: str, way: Way, seeds: int) -> Row:
    gains, passed, rejected = [], [], 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        classes = np.intersect1d(material.half.labels, material.judged.labels)
        dominant = tuple(rng.choice(classes, count, replace=False).tolist())
        try:
            head = way(material, dominant, rng)
        except HeadRejected:
            rejected += 1
            continue
        gain, share = _judge(head, material)
        gains.append(gain)
        passed.append(share)
    return {
        "trunk": trunk,
        "dominant": count,
        "way": name,
        "heads": seeds,
        "rejected": rejected,
        "passed_on_pct": round(100.0 * float(np.mean(passed)), 1) if passed else None,
        "accuracy_minus_generic_points": round(100.0 * float(np.mean(gains)), 2) if gains else None,
    }


def _judge(head: SpecialHead, material: Material) -> tuple[float, float]:
    """Return what the cascade gains in accuracy at the skew, and what it passes on."""
    rows = OwnLabels.of(material.judged.labels, head.dominant, _SKEW)
    confidences = head.weights.confidences(np.asarray(material.judged.features, np.float32))
    answers = confidences.argmax(axis=1)
    goes_on = (answers >= rows.dominant) | (confidences.max(axis=1) < head.threshold)
    right = np.where(goes_on, material.judged_right, answers == rows.own)
    gain = float(rows.row_weights @ right) - float(rows.row_weights @ material.judged_right)
    return gain, float(rows.row_weights @ goes_on)


def main() -> None:
    """Read the arguments, run, print the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalog", type=Path, help="folder written by mcdnn compile")
    parser.add_argument("--quick", action="store_true", help="one trunk, few heads")
    args = parser.parse_args()
    catalog = open_catalog(args.catalog)
    for task in catalog.contents.tasks:
        if task.parent is None and len(task.classes) > max(_DOMINANT):
            print(f"## {task.name}\n")
            print("\n".join(markdown_table(head_rows(catalog, task.name, args.quick))))


if __name__ == "__main__":
    main()
