"""From a request to the trunks that are to be made, and to the tasks of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalog.compiler.request import NO_TEACHER, OWN_TEACHER, CompileRequest, ModelSpec
from catalog.compiler.technique_chains import Alike, planned_chain, techniques_of
from catalog.errors import BadInput
from catalog.models.families import FAMILIES, find_factory
from catalog.tasks import Task, relabelled
from catalog.transforms.recipe import Candidate, Family
from catalog.transforms.scale import full_size
from catalog.transforms.table import MACHINE_NEEDS
from catalog.transforms.trained_trunks import LoadResampled, LoadTrunk, TrainOnFirstPart, TrainTrunk


def plan_candidates(request: CompileRequest) -> tuple[Candidate, ...]:
    """Return every trunk to make; each comes after those that it starts from.

    Names depend on the request alone: "convnet-w50-d67-r16" is a trunk of half the family's width and
    two thirds of its depth that reads windows of 16 px. With several input types the input type's name
    comes first; a family asked for twice has its position added.

    Raises:
        BadInput: an architecture that cannot be imported, or cannot be scaled though asked to be.
    """
    return tuple(c for family, model in families_of(request) for c in _plan_family(family, model))


def skipped_techniques(request: CompileRequest) -> dict[str, str]:
    """Return the techniques of a request that this machine cannot run, with the reason."""
    asked = techniques_of([chain for model in request.models for chain in model.chains])
    reasons = {technique: MACHINE_NEEDS[technique]() for technique in asked if technique in MACHINE_NEEDS}
    return {technique: reason for technique, reason in reasons.items() if reason is not None}


def families_of(request: CompileRequest) -> list[tuple[Family, ModelSpec]]:
    """Return every model as a family for every input type, with the prefix of its trunks' names."""
    found: list[tuple[Family, ModelSpec]] = []
    several = len(request.input_types) > 1
    for input_type in request.input_types:
        for position, model in enumerate(request.models):
            prefix = _family_name(model, position, request)
            name = f"{input_type.name}-{prefix}" if several else prefix
            family = Family(
                name,
                model.architecture,
                input_type,
                model.scales,
                model.fine_tune,
                feature_weight=model.feature_weight,
            )
            earlier = {
                _family_name(m, k, request): full_size(f).name
                for k, (f, m) in enumerate(found[len(found) - position :])
            }
            found.append((_taught(family, model, earlier), model))
    return found


def _taught(family: Family, model: ModelSpec, earlier: Mapping[str, str]) -> Family:
    """Give a family its teacher, one of the full sizes of earlier families, by their names, or its own."""
    if model.teacher == NO_TEACHER:
        return family
    if model.teacher == OWN_TEACHER:
        return replace(family, teacher=full_size(family).name)
    if model.teacher not in earlier:
        known = ", ".join([OWN_TEACHER, NO_TEACHER, *earlier])
        raise BadInput(
            f"model {model.arch}: teacher = {model.teacher!r}: expected a model that stands earlier, or "
            f"its own full size: one of {known}"
        )
    return replace(family, teacher=earlier[model.teacher])


def _plan_family(family: Family, model: ModelSpec) -> list[Candidate]:
    base = full_size(family)
    alike = Alike()
    planned = [alike.first(base)]
    try:
        for chain in model.chains:
            planned.extend(c for c in planned_chain(family, base, chain, alike) if c not in planned)
    except BadInput as e:
        raise BadInput(f"model {model.arch}: {str(e).removeprefix(f'model {model.arch}: ')}") from e
    check_factories(planned)
    names = [c.name for c in planned]
    if len(set(names)) != len(names):
        raise BadInput(f"model {model.arch}: two scales give trunks of the same name: {names}")
    return planned


def _family_name(model: ModelSpec, position: int, request: CompileRequest) -> str:
    name = model.arch.rpartition(":")[2].replace("_", "-")
    twins = [m for m in request.models if m.arch.rpartition(":")[2].replace("_", "-") == name]
    return name if len(twins) == 1 else f"{name}-{position + 1}"


def check_factories(planned: Sequence[Candidate]) -> None:
    """Import what is to be built before anything is, so that a wrong name costs no time.

    Raises:
        BadInput: an architecture that cannot be imported, or cannot be scaled though asked to be.
    """
    for candidate in planned:
        recipe = candidate.recipe
        if not isinstance(recipe, TrainTrunk | TrainOnFirstPart | LoadTrunk | LoadResampled):
            continue
        shares = {} if isinstance(recipe, LoadTrunk) else recipe.shares
        arguments = [*dict(recipe.arch.arguments), *shares]
        if recipe.arch.arch not in FAMILIES or recipe.arch.arguments:
            find_factory(recipe.arch.arch, arguments)


def catalog_tasks(request: CompileRequest, classes: Mapping[str, tuple[str, ...]]) -> tuple[Task, ...]:
    """Return the tasks of a catalog in the order of the request.

    Args:
        request: what was asked for.
        classes: class names of each task with data of its own, by its name.

    Raises:
        BadInput: a relabelling that does not fit its parent's classes.
    """
    own = {t.name: Task(t.name, t.input_type, classes[t.name]) for t in request.tasks if t.data is not None}
    tasks = []
    for spec in request.tasks:
        parent = request.parent_of(spec)
        if parent is None:
            tasks.append(own[spec.name])
            continue
        if spec.relabel is None:
            raise BadInput(f"task.{spec.name}: expected relabel")
        groups = {name: list(members) for name, members in spec.relabel.items()}
        tasks.append(relabelled(spec.name, own[parent.name], groups))
    return tuple(tasks)
