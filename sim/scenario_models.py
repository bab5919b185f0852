"""The models of a scenario as a problem: from a compiled catalog, measured tables, or generated."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.devices import DeviceProfile
from catalog.errors import BadInput
from catalog.store import Catalog, open_catalog
from catalog.variant_table import TableVariant, read_specialised_table, read_variant_table, with_sizes
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.problem import App, Budget, Problem
from engine.scheduling.table_problem import CloudOffer, TaskContext, VariantTable, problem_from_table
from sim.generated.generated_day import ModelShape, make_models
from sim.generated.itinerary import Itinerary, context_names, expected_windows
from sim.generated.model_family import CloudShape, FamilyShape
from sim.scenario_file import ScenarioFile
from sim.scenario_tables import AppTable, CatalogTable, FamilyTable, VariantsTable

_MB = 1e6


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a scenario.

    Args:
        problem: apps, options and costs; the budget and the link are still to be set.
        notes: what was assumed, for people.
    """

    problem: Problem
    notes: tuple[str, ...] = ()


def make_models_of(
    file: ScenarioFile, folder: Path, profile: DeviceProfile | None, itinerary: Itinerary
) -> Models:
    """Return the models that a file names.

    Raises:
        BadInput: an app that no model answers, or a file that is wrong.
    """
    if file.catalog is not None:
        return Models(_from_catalog(file, file.catalog, folder, profile))
    if file.table is not None:
        return _from_table(file, file.table, folder)
    return Models(_generated(file, itinerary))


def _apps(tables: list[AppTable], input_types: Mapping[str, str]) -> list[App]:
    """Return apps as a scheduler knows them.

    Args:
        input_types: by task, for apps that do not name theirs.
    """
    return [_app(t, input_types) for t in tables]


def _app(table: AppTable, input_types: Mapping[str, str]) -> App:
    task = table.task or table.name
    least_hz, wanted_hz = table.rate_hz or (0.0, math.inf)
    return App(
        table.name,
        task,
        table.input or input_types.get(task, task),
        least_hz,
        wanted_hz,
        math.inf if table.latency_limit_s is None else table.latency_limit_s,
        table.weight,
        table.accuracy_floor,
    )


def _from_catalog(
    file: ScenarioFile, named: CatalogTable, folder: Path, profile: DeviceProfile | None
) -> Problem:
    if profile is None:
        raise BadInput("device.profile: [catalog] needs one: it turns measured time into energy")
    catalog: Catalog = open_catalog(folder / Path(named.path).expanduser())
    apps = _apps(file.app, {name: t.input_type for name, t in catalog.tasks.items()})
    return problem_from_catalog(catalog, apps, Budget(), profile, catalog.measurements(named.measured_on))


def _from_table(file: ScenarioFile, named: VariantsTable, folder: Path) -> Models:
    apps = _apps(file.app, {})
    asked = {a.task for a in apps}
    chosen = _chosen(read_variant_table(folder / named.variants), named.only)
    known = {v.task for v in chosen}
    if not asked <= known:
        raise BadInput(f"app: tasks {sorted(asked - known)}: {named.variants} has {sorted(known)}")
    variants, notes = with_sizes([v for v in chosen if v.task in asked], named.largest_mb)
    specialised = () if named.specialised is None else read_specialised_table(folder / named.specialised)
    contexts = [_task_context(name, file, known) for name in file.context]
    cloud = None if file.cloud is None else CloudOffer(file.cloud.usd_per_s, named.window_bytes)
    table = VariantTable(variants, specialised, contexts)
    return Models(problem_from_table(table, apps, Budget(), cloud=cloud), notes)


def _chosen(variants: tuple[TableVariant, ...], only: Mapping[str, list[str]]) -> tuple[TableVariant, ...]:
    known = {v.name for v in variants}
    tasks = {v.task for v in variants}
    for task, names in only.items():
        if task not in tasks:
            raise BadInput(f"table.only.{task}: no such task in the table: it has {sorted(tasks)}")
        unknown = sorted(set(names) - known)
        if unknown:
            raise BadInput(f"table.only.{task}: no variants {unknown} in the table")
    return tuple(v for v in variants if v.task not in only or v.name in only[v.task])


def _task_context(name: str, file: ScenarioFile, tasks: Collection[str]) -> TaskContext:
    context = file.context[name]
    if context.task is None or context.classes is None:
        raise BadInput(f"context.{name}: with [table] a context needs its task and the number of its classes")
    if context.task not in tasks:
        raise BadInput(f"context.{name}.task = {context.task!r}: the table has {sorted(tasks)}")
    return TaskContext(name, context.task, context.classes, context.skew)


def _generated(file: ScenarioFile, itinerary: Itinerary) -> Problem:
    apps = _apps(file.app, {})
    _check_demand(apps, itinerary)
    _check_specialised(apps, file.family)
    shape = ModelShape(
        {t: _family(f) for t, f in file.family.items()},
        {name: c.skew for name, c in file.context.items()},
        None if file.cloud is None else CloudShape(file.cloud.usd_per_s, file.cloud.speedup),
    )
    contexts = {t: context_names(itinerary, t) or tuple(file.context) for t in shape.families}
    return make_models(apps, shape, contexts, file.models_seed)


def _check_demand(apps: list[App], itinerary: Itinerary) -> None:
    asked = {a.input_type for a in apps}
    unasked = sorted(set(expected_windows(itinerary)) - asked)
    if unasked:
        raise BadInput(
            f"stretch: windows of {unasked}, about which no app asks: apps ask about {sorted(asked)}"
        )


def _check_specialised(apps: list[App], families: Mapping[str, FamilyTable]) -> None:
    for input_type, family in families.items():
        names = {a.name for a in apps if a.input_type == input_type}
        unknown = sorted(set(family.specialises) - names)
        if names and unknown:
            raise BadInput(
                f"family.{input_type}.specialises: {unknown}: apps that ask about it are {sorted(names)}"
            )


def _family(table: FamilyTable) -> FamilyShape:
    return FamilyShape(
        table.trunks,
        table.least_j,
        table.most_j,
        table.least_right,
        table.most_right,
        _MB * table.mb_per_j,
        table.window_bytes,
        table.split_bytes,
        tuple(table.specialises),
    )
