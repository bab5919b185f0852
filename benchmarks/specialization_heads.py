"""How good special heads are on windows that they were not chosen on, by the way they are made.

    python -m benchmarks.specialization_heads CATALOG [--quick]

Reads the stored features of a compiled catalog. Heads are made on one half of the validation rows and
judged on the other one, in front of the most accurate variant of the task; second heads are on the most
accurate trunk that takes less than .6 of its time. What they save is by the times measured on this
machine, call after call.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.report import Row, markdown_table
from catalog.heads import HeadWeights
from catalog.store import Catalog, StoredFeatures, open_catalog
from catalog.variants import Variant
from specializer.cascade_threshold import CascadeAim, HeadAnswers, ThresholdChoice
from specializer.errors import HeadRejected
from specializer.generic_answers import GenericAnswers
from specializer.head_candidates import OwnLabels, retrained_head
from specializer.head_making import Material as Rows
from specializer.head_making import SecondMaterial, train_special_head
from specializer.special_head import SpecialHead

Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]

_SKEW = 0.9
_DOMINANT = (1, 2, 5)
_SEEDS, _QUICK_SEEDS = 10, 2
_TRUNKS, _QUICK_TRUNKS = 4, 1
_EVENLY = 0.5
_HOST = "host"
_OTHER = -1
_MOST_SECOND = 0.6  # of the generic model's time


@dataclass(frozen=True, slots=True)
class Material:
    """What heads on one trunk are made of and judged by.

    Args:
        half: validation rows that a head is made on; half_generic goes with them.
        judged: features (M, D) and labels (M,) of the others.
        generic: head of this trunk for all classes.
        aim: as heads are ordered.
        cost: of a window with this trunk, as a share of the generic model's.
        second: what second heads are made of; None where the trunk itself is the next in accuracy.
        judged_second: features (M, D) of the judged rows on the second trunk; empty without one.
    """

    train: StoredFeatures
    half: StoredFeatures
    half_generic: GenericAnswers
    judged: StoredFeatures
    judged_generic: GenericAnswers
    generic: HeadWeights
    aim: CascadeAim
    cost: float
    second: SecondMaterial | None
    judged_second: Float32


Way = Callable[[Material, tuple[int, ...], np.random.Generator], SpecialHead]


def published(material: Material, dominant: tuple[int, ...], rng: np.random.Generator) -> SpecialHead:
    """Train on half dominant and half other rows; its own answer decides what goes on."""
    return _judged_by_itself(material, dominant, _retrained(material, dominant, _EVENLY, rng))


def with_threshold(material: Material, dominant: tuple[int, ...], rng: np.random.Generator) -> SpecialHead:
    """Likewise, with a threshold that keeps the cascade as accurate as the generic model."""
    rows = Rows(material.train, material.half)
    return train_special_head(rows, dominant, material.aim, rng, material.half_generic)


def ours(material: Material, dominant: tuple[int, ...], rng: np.random.Generator) -> SpecialHead:
    """Likewise, or the generic head with other priors where that is better."""
    rows = Rows(material.train, material.half, material.generic)
    return train_special_head(rows, dominant, material.aim, rng, material.half_generic)


def two_heads(material: Material, dominant: tuple[int, ...], rng: np.random.Generator) -> SpecialHead:
    """Likewise, with a second head where that is cheaper."""
    rows = Rows(material.train, material.half, material.generic)
    return train_special_head(rows, dominant, material.aim, rng, material.half_generic, material.second)


WAYS: dict[str, Way] = {
    "published": published,
    "threshold": with_threshold,
    "ours": ours,
    "two heads": two_heads,
}


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
    found = ThresholdChoice(rows, anything).best(HeadAnswers.of(weights.confidences(held_out), rows))
    rates = found.rates
    return SpecialHead(weights, dominant, rates)


def head_rows(catalog: Catalog, task: str, quick: bool) -> list[Row]:
    """Return a row for each trunk, number of classes and way to make heads."""
    variants = sorted(
        (v for v in catalog.contents.variants if v.task == task),
        key=lambda v: (-v.validation_accuracy, v.trunk),
    )
    generic, others = variants[0], variants[1:]
    picked = np.linspace(len(others) - 1, 0, min(len(others), _QUICK_TRUNKS if quick else _TRUNKS))
    rows: list[Row] = []
    costs = {m.variant.trunk: m.latency_s for m in catalog.measured(task, _HOST)}
    cheaper = (o for o in others if costs[o.trunk] < _MOST_SECOND * costs[generic.trunk])
    second = next(cheaper, others[0])
    for variant in [others[int(i)] for i in picked]:
        material = material_of(catalog, variant, generic, second, costs)
        for count in _DOMINANT:
            rows += [
                _row(variant.trunk, material, count, name, way, _QUICK_SEEDS if quick else _SEEDS)
                for name, way in WAYS.items()
                if way is not two_heads or material.second is not None
            ]
    return rows


def material_of(
    catalog: Catalog, variant: Variant, generic: Variant, second: Variant, costs: Mapping[str, float]
) -> Material:
    """Read what heads on a variant's trunk are made of, in front of a generic variant.

    Args:
        second: on whose trunk second heads are.
        costs: of a window, by trunk.
    """
    train, validation = (catalog.features(variant.trunk, variant.task, s) for s in ("train", "validation"))
    behind = catalog.features(generic.trunk, generic.task, "validation")
    answers = catalog.head_weights(generic.head).confidences(np.asarray(behind.features, np.float32))
    chosen = np.zeros(len(answers), bool)
    for class_id in np.unique(validation.labels):
        chosen[np.flatnonzero(validation.labels == class_id)[::2]] = True
    half, judged = (_rows_of(validation, rows) for rows in (chosen, ~chosen))
    aim = CascadeAim(_SKEW, generic.validation_accuracy)
    cost = costs[variant.trunk] / costs[generic.trunk]
    found, judged_second = None, np.empty((0, 0), np.float32)
    if second is not variant:
        known, held_out = (catalog.features(second.trunk, second.task, s) for s in ("train", "validation"))
        rows = Rows(known, _rows_of(held_out, chosen), catalog.head_weights(second.head))
        found = SecondMaterial(second.trunk, rows, costs[second.trunk] / costs[generic.trunk])
        judged_second = np.asarray(_rows_of(held_out, ~chosen).features, np.float32)
    own = catalog.head_weights(variant.head)
    of_half, of_judged = (GenericAnswers(answers[r], validation.labels[r]) for r in (chosen, ~chosen))
    return Material(train, half, of_half, judged, of_judged, own, aim, cost, found, judged_second)


def _rows_of(stored: StoredFeatures, rows: Bool) -> StoredFeatures:
    return StoredFeatures(np.asarray(stored.features)[rows], stored.labels[rows])


def _row(trunk: str, material: Material, count: int, name: str, way: Way, seeds: int) -> Row:
    judged: list[tuple[float, float, float]] = []
    rejected = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        classes = np.intersect1d(material.half.labels, material.judged.labels)
        dominant = tuple(rng.choice(classes, count, replace=False).tolist())
        try:
            judged.append(_judge(way(material, dominant, rng), material))
        except HeadRejected:
            rejected += 1
    figures = ("passed_on_pct", "asked_second_pct", "times_less", "accuracy_minus_generic_points")
    row: dict[str, str | float | None] = {
        "trunk": trunk,
        "dominant": count,
        "way": name,
        "heads": seeds,
        "rejected": rejected,
    }
    row |= dict.fromkeys(figures)
    if not judged:
        return row
    gain, passed, asked = np.mean(judged, axis=0).tolist()
    second_cost = 0.0 if material.second is None else material.second.cost
    return row | {
        "passed_on_pct": round(100.0 * passed, 1),
        "asked_second_pct": round(100.0 * asked, 1),
        "times_less": round(1.0 / (material.cost + asked * second_cost + passed), 2),
        "accuracy_minus_generic_points": round(100.0 * gain, 2),
    }


def _judge(head: SpecialHead, material: Material) -> tuple[float, float, float]:
    """Return what the cascade gains in accuracy at the skew, what it passes on, and asks a second head."""
    rows = OwnLabels.of(material.judged.labels, head.dominant, _SKEW)
    features = np.asarray(material.judged.features)
    answers, goes_on = _said(head.dominant, head.weights, head.threshold, head.others, features)
    asked = goes_on & (answers != _OTHER) & (head.second is not None)
    if head.second is not None:
        second = head.second
        behind, on = _said(
            head.dominant, second.weights, second.threshold, second.others, material.judged_second
        )
        answers, goes_on = np.where(asked, behind, answers), np.where(asked, on, goes_on)
    generic = material.judged_generic.shifted(head.dominant, head.prior_shift)
    right = np.where(goes_on, generic.right_behind, answers == rows.labels)
    gain = float(rows.row_weights @ right) - float(rows.row_weights @ generic.right)
    return gain, float(rows.row_weights @ goes_on), float(rows.row_weights @ asked)


def _said(
    dominant: tuple[int, ...],
    weights: HeadWeights,
    threshold: float,
    others: tuple[int, ...],
    features: npt.NDArray[Any],
) -> tuple[npt.NDArray[np.int64], Bool]:
    """Return the classes that a head names, and which rows it passes on."""
    confidences = weights.confidences(np.asarray(features, np.float32))
    named = np.asarray([*dominant, *(others or (_OTHER,) * (len(weights.bias) - len(dominant)))])
    answers = named[confidences.argmax(axis=1)]
    return answers, (answers == _OTHER) | (confidences.max(axis=1) < threshold)


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
