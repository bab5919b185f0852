"""Measures how specialised heads do on the trunks of a catalog, from stored features."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from catalog.errors import CatalogError, DataError
from catalog.special_rates import SCHEMA_VERSION, SpecialRates, SpecialRatesFile
from catalog.store import Catalog
from catalog.variants import MeasuredVariant
from specializer.cascade import CascadeRates, RatesByCount, Stakes
from specializer.cascade_threshold import CascadeAim
from specializer.errors import HeadRejected
from specializer.generic_answers import stored_answers
from specializer.head_making import Material, train_special_head
from specializer.policy import AIMED_SKEW
from specializer.special_head import SpecialHead

COUNTS = (1, 2, 5, 10)
SETS = 3
BEST_SKEW = 1.0  # a trunk that does not even pay then never does
LEAST_SAVING = 0.05  # of the generic model's time
_FEWEST_OTHERS = 2


def rates_by_count(rows: Sequence[SpecialRates], trunk: str, task: str) -> RatesByCount | None:
    """Return what is known of heads of a trunk; None where nothing is."""
    own = {
        r.classes: CascadeRates(
            r.accuracy_in,
            r.in_to_other,
            r.accuracy_out,
            r.harder_in,
            r.harder_out,
            right_out=r.right_out,
            strayed_in=r.strayed_in,
        )
        for r in rows
        if (r.trunk, r.task) == (trunk, task)
    }
    return RatesByCount(own) if own else None


def measure_catalog(
    catalog: Catalog,
    device: str = "host",
    counts: Sequence[int] = COUNTS,
    sets: int = SETS,
    seed: int = 0,
    on_trunk: Callable[[str], None] = lambda _: None,
) -> SpecialRatesFile:
    """Train heads for random sets of classes on every trunk, and keep those where that may pay.

    Args:
        device: whose measured times tell what pays.
        counts: of classes.
        sets: random sets a count.
        on_trunk: told "<trunk>/<task>" before its turn.

    Raises:
        CatalogError: the catalog was not measured there.
    """
    rows: list[SpecialRates] = []
    never: dict[str, str] = {}
    for task in catalog.tasks.values():
        measured = {m.variant.trunk: m for m in catalog.measured(task.name, device)}
        own = [n for n in counts if n <= len(task.classes) - _FEWEST_OTHERS]
        if not own:
            never |= {f"{t}/{task.name}": f"the task has {len(task.classes)} classes" for t in measured}
            continue
        for trunk, special in measured.items():
            name = f"{trunk}/{task.name}"
            on_trunk(name)
            generic = _best_behind(special, measured)
            if generic is None:
                never[name] = "no other trunk is more accurate and slower"
                continue
            found, why = _measure(catalog, special, generic, own, sets, seed)
            if not found:
                never[name] = f"no head was good enough: {why}"
            elif _pays(found, special, generic):
                rows += found
            else:
                never[name] = f"in front of {generic.variant.trunk} it saves nothing"
    return SpecialRatesFile(SCHEMA_VERSION, tuple(rows), never)


def _best_behind(special: MeasuredVariant, measured: Mapping[str, MeasuredVariant]) -> MeasuredVariant | None:
    """Return the most accurate variant that is slower, in front of which a head would be of use."""
    slower = [m for m in measured.values() if m.latency_s > special.latency_s]
    return max(slower, key=lambda m: m.variant.validation_accuracy, default=None)


def _measure(
    catalog: Catalog,
    special: MeasuredVariant,
    generic: MeasuredVariant,
    counts: Sequence[int],
    sets: int,
    seed: int,
) -> tuple[list[SpecialRates], str]:
    """Return the rates by count, and why the last head that was thrown away was."""
    trunk, task = special.variant.trunk, special.variant.task
    try:
        train, validation = (catalog.features(trunk, task, s) for s in ("train", "validation"))
    except CatalogError as e:
        return [], str(e)
    material = Material(train, validation, catalog.head_weights(special.variant.head))
    behind = stored_answers(catalog, generic.variant.trunk, task, validation.labels)
    aim = CascadeAim(AIMED_SKEW, generic.variant.validation_accuracy)
    rng = np.random.default_rng(seed)
    classes = len(catalog.tasks[task].classes)
    rows, why = [], ""
    for count in counts:
        heads: list[SpecialHead] = []
        took_s: list[float] = []
        for _ in range(sets):
            dominant = sorted(int(c) for c in rng.choice(classes, count, replace=False))
            before_s = time.thread_time()
            try:
                heads.append(train_special_head(material, dominant, aim, rng, behind))
            except (HeadRejected, DataError) as e:
                why = str(e)
            took_s.append(time.thread_time() - before_s)
        if len(heads) * 2 > sets:
            rows.append(_row(trunk, task, count, heads, sets - len(heads), float(np.median(took_s))))
    return rows, why


def _row(
    trunk: str, task: str, count: int, heads: Sequence[SpecialHead], rejected: int, train_s: float
) -> SpecialRates:
    return SpecialRates(
        trunk,
        task,
        count,
        float(np.mean([h.rates.accuracy_in for h in heads])),
        float(np.mean([h.rates.in_to_other for h in heads])),
        float(np.mean([h.rates.accuracy_out for h in heads])),
        len(heads),
        rejected,
        train_s,
        float(np.mean([h.rates.harder_in for h in heads])),
        float(np.mean([h.rates.harder_out for h in heads])),
        float(np.mean([h.rates.right_out for h in heads])),
        float(np.mean([h.rates.strayed_in for h in heads])),
    )


def _pays(rows: Sequence[SpecialRates], special: MeasuredVariant, generic: MeasuredVariant) -> bool:
    """Tell whether any number of classes saves anything with every window in them."""
    rates = rates_by_count(rows, special.variant.trunk, special.variant.task)
    assert rates is not None, "there are rows"
    accuracy = generic.variant.validation_accuracy
    stakes = Stakes(rates, accuracy, generic.latency_s, special.latency_s)
    return any(
        stakes.saved(rates.of(r.classes), BEST_SKEW, 0.0) > LEAST_SAVING * generic.latency_s for r in rows
    )
