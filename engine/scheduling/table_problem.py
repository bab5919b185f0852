"""The scheduling problem of apps over measured variants that came as a table.

A variant is one piece, at the device and in the cloud. Apps of the same task share it: once it runs
for one of them, the others ride on its features for nothing, as the attributes of a face do on the
face's prefix in MCDNN (MobiSys 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.errors import BadInput
from catalog.variant_table import SpecialisedVariant, TableCost, TableVariant
from engine.scheduling.problem import (
    App,
    Budget,
    InContext,
    Link,
    Option,
    PieceCost,
    Place,
    Problem,
    Stage,
)
from specializer.cascade import CascadeRates


@dataclass(frozen=True, slots=True)
class CloudOffer:
    """What running in the cloud takes beside the table's execution time.

    Args:
        usd_per_s: price of execution.
        request_bytes: sent for one window.
    """

    usd_per_s: float
    request_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TaskContext:
    """A stretch of the day in which few classes make up most of what is seen.

    Args:
        name: as the trace names it.
        task: whose classes are meant.
        classes: how many.
        skew: share of what is seen that is of them.
    """

    name: str
    task: str
    classes: int
    skew: float


@dataclass(frozen=True, slots=True)
class VariantTable:
    """Variants to choose from.

    Args:
        generic: sizes included.
        specialised: used in front of generic ones while a context allows it.
        contexts: that the day may bring.
    """

    generic: Sequence[TableVariant]
    specialised: Sequence[SpecialisedVariant] = ()
    contexts: Sequence[TaskContext] = field(default=())


def problem_from_table(
    table: VariantTable,
    apps: Iterable[App],
    budget: Budget,
    link: Link | None = None,
    cloud: CloudOffer | None = None,
    windows_hz: Mapping[str, float] | None = None,
) -> Problem:
    """Build the problem of running apps on a device, and in a cloud where there is one.

    Args:
        table: where variants come from.
        apps: what is asked; several of one task share its variants.
        budget: base load already taken off.
        link: to the cloud.
        cloud: None where nothing runs there.
        windows_hz: expected windows a second by input type, where known.

    Raises:
        BadInput: no variant answers an app's task, or a variant has no size.
    """
    by_name = {a.name: a for a in apps}
    tasks = {v.task for v in table.generic}
    for app in by_name.values():
        if app.task not in tasks:
            raise BadInput(f"app {app.name}: task {app.task!r}: the table has {sorted(tasks)}")
    options = {a.name: _options(table, a, cloud) for a in by_name.values()}
    used = {p for own in options.values() for o in own for s in o.stages for p in s.parts}
    pieces = {v.name: _piece(v.cost, _size(v)) for v in table.generic if v.name in used}
    for special in table.specialised:
        if special.name in used:
            pieces[special.name] = _piece(special.cost, _special_size(special, table.generic))
    return Problem(by_name, options, pieces, budget, windows_hz=dict(windows_hz or {}), link=link or Link())


def _options(table: VariantTable, app: App, cloud: CloudOffer | None) -> tuple[Option, ...]:
    """Return an app's options, most accurate first; those below its floor are left out."""
    generic = [v for v in table.generic if v.task == app.task]
    found: list[Option] = []
    for v in generic:
        found += [Option(app.name, v.name, v.accuracy, (s,)) for s in _stages(v.name, v.cost, cloud)]
    best = max(generic, key=lambda v: v.accuracy)
    for special in table.specialised:
        found += _cascades(special, best, app, table.contexts, cloud)
    offered = [o for o in found if _best(o) >= app.accuracy_floor]
    return tuple(sorted(offered, key=lambda o: -o.accuracy))


def _best(option: Option) -> float:
    return max([option.accuracy, *(c.accuracy for c in option.contexts)])


def _stages(piece: str, cost: TableCost, cloud: CloudOffer | None) -> list[Stage]:
    """Return the places where a variant can run."""
    stages = [Stage(Place.DEVICE, (piece,))]
    if cloud is not None:
        run_s = cost.cloud_run_s
        stages.append(
            Stage(
                Place.CLOUD,
                (piece,),
                up_bytes=cloud.request_bytes,
                run_s=run_s,
                cost_usd=run_s * cloud.usd_per_s,
            )
        )
    return stages


def _cascades(
    special: SpecialisedVariant,
    generic: TableVariant,
    app: App,
    contexts: Sequence[TaskContext],
    cloud: CloudOffer | None,
) -> list[Option]:
    """Return the specialised variant at the device, going on to the generic one anywhere."""
    if special.task != app.task:
        return []
    in_contexts = [_in_context(special, generic.accuracy, c) for c in contexts if c.task == app.task]
    useful = tuple(c for c in in_contexts if c is not None)
    if not useful:
        return []
    first = Stage(Place.DEVICE, (special.name,))
    return [
        Option(app.name, f"{special.name}>{generic.name}", 0.0, (first, then), useful)
        for then in _stages(generic.name, generic.cost, cloud)
    ]


def _in_context(special: SpecialisedVariant, generic: float, context: TaskContext) -> InContext | None:
    """Return what a cascade is worth in a context; None where the variant knows too few classes.

    The table gives one accuracy for each skew: it is taken for the classes of the context and for
    answering "other" alike, and no window of the classes is taken to be answered "other".
    """
    known = [s for s in special.skews if s <= context.skew]
    if context.classes > special.classes or not known:
        return None
    right = special.accuracies[known[-1]]
    rates = CascadeRates(right, 0.0, right)
    return InContext(
        context.name, rates.accuracy(context.skew, generic), (1.0, rates.passed_on(context.skew))
    )


def _piece(cost: TableCost, size_bytes: int) -> PieceCost:
    """Return what a row says of the device; a table has no spread."""
    return PieceCost(cost.run_s, cost.run_s, cost.run_j, cost.run_j, cost.load_s, cost.load_j, size_bytes)


def _size(variant: TableVariant) -> int:
    if variant.memory_bytes is None:
        raise BadInput(f"variant {variant.name}: no size: say how large the task's largest variant is")
    return variant.memory_bytes


def _special_size(special: SpecialisedVariant, generic: Sequence[TableVariant]) -> int:
    """Return a size in proportion to the load time, like the generic variants of the task."""
    own = [v for v in generic if v.task == special.task]
    longest = max(own, key=lambda v: v.cost.load_s)
    share = special.cost.load_s / longest.cost.load_s if longest.cost.load_s else 1.0
    return round(_size(longest) * share)
