"""What catalog.json says, as one value, and the rules that it must keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from catalog.errors import CatalogError
from catalog.heads import Head
from catalog.parts import Part, Trunk
from catalog.tasks import InputType, Task
from catalog.variants import Variant

SCHEMA_VERSION = 1

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class CompileRecord:
    """How the catalog came about.

    Args:
        fingerprint: hash of the task file, the data's identity and the compiler's settings; a
            compile resumes only where it is the same.
        complete: False until the last candidate is stored.
        seed: of all randomness.
        date: ISO 8601, UTC, of the last write.
        versions: packages that made it.
        failed: candidates that were given up, with the reason.
        skipped: techniques that were asked for and that the machine cannot run, with the reason.
    """

    fingerprint: str
    complete: bool
    seed: int
    date: str
    versions: dict[str, str]
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CatalogContents:
    """Everything a catalog holds, less weights, features and measurements."""

    compiled: CompileRecord
    input_types: tuple[InputType, ...]
    tasks: tuple[Task, ...]
    parts: tuple[Part, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    heads: tuple[Head, ...] = ()
    variants: tuple[Variant, ...] = ()
    schema_version: int = SCHEMA_VERSION


def check_contents(contents: CatalogContents) -> None:
    """Check that what the contents name exists and that shapes follow on one another.

    Raises:
        CatalogError: the first thing that does not fit, by name.
    """
    if contents.schema_version != SCHEMA_VERSION:
        raise _wrong(
            f"schema_version {contents.schema_version}: this version reads {SCHEMA_VERSION}; compile again"
        )
    inputs = _by_key("input type", {i.name: i for i in contents.input_types}, len(contents.input_types))
    tasks = _by_key("task", {t.name: t for t in contents.tasks}, len(contents.tasks))
    parts = _by_key("part", {p.id: p for p in contents.parts}, len(contents.parts))
    trunks = _by_key("trunk", {t.name: t for t in contents.trunks}, len(contents.trunks))
    heads = _by_key("head", {h.id: h for h in contents.heads}, len(contents.heads))
    variants = _by_key("variant", {v.id: v for v in contents.variants}, len(contents.variants))
    _check_file_names((*tasks, *parts, *trunks, *heads))
    for task in contents.tasks:
        _check_task(task, inputs, tasks)
    for trunk in contents.trunks:
        _check_trunk(trunk, parts, inputs)
    for head in contents.heads:
        _check_head(head, trunks, tasks)
    for variant in variants.values():
        _check_variant(variant, heads)


def _wrong(what: str) -> CatalogError:
    return CatalogError(f"catalog.json: {what}")


def _by_key(kind: str, keyed: dict[str, _Value], count: int) -> dict[str, _Value]:
    if len(keyed) != count:
        raise _wrong(f"{count} {kind}s, {len(keyed)} different: expected each once")
    return keyed


def _check_file_names(names: Iterable[str]) -> None:
    """Check names that become names of files: a catalog may come from elsewhere."""
    for name in names:
        if not name or name.startswith(".") or any(c in name for c in "/\\\0"):
            raise _wrong(f"name {name!r}: expected one that can be the name of a file")


def _check_task(task: Task, inputs: Mapping[str, InputType], tasks: Mapping[str, Task]) -> None:
    if task.input_type not in inputs:
        raise _wrong(f"task {task.name}: unknown input type {task.input_type}")
    if task.parent is None:
        return
    parent = tasks.get(task.parent)
    if parent is None or parent.parent is not None:
        raise _wrong(f"task {task.name}: parent {task.parent}: expected a task with data of its own")
    whole = len(task.relabel) == len(parent.classes)
    if not whole or any(not 0 <= c < len(task.classes) for c in task.relabel):
        raise _wrong(f"task {task.name}: relabel: expected a class here for each of {len(parent.classes)}")


def _check_trunk(trunk: Trunk, parts: Mapping[str, Part], inputs: Mapping[str, InputType]) -> None:
    if trunk.input_type not in inputs:
        raise _wrong(f"trunk {trunk.name}: unknown input type {trunk.input_type}")
    if not trunk.parts:
        raise _wrong(f"trunk {trunk.name}: no parts")
    shape: tuple[int, ...] = (trunk.size_px, trunk.size_px, 3)
    for part_id in trunk.parts:
        part = parts.get(part_id)
        if part is None:
            raise _wrong(f"trunk {trunk.name}: unknown part {part_id}")
        if part.input_shape != shape:
            raise _wrong(f"trunk {trunk.name}: part {part_id} reads {part.input_shape}, is given {shape}")
        shape = part.output_shape
    if shape != (trunk.feature_dim,):
        raise _wrong(f"trunk {trunk.name}: ends in {shape}, expected ({trunk.feature_dim},)")


def _check_head(head: Head, trunks: Mapping[str, Trunk], tasks: Mapping[str, Task]) -> None:
    trunk, task = trunks.get(head.trunk), tasks.get(head.task)
    if trunk is None or task is None:
        raise _wrong(f"head {head.id}: unknown trunk {head.trunk} or task {head.task}")
    if trunk.input_type != task.input_type:
        raise _wrong(f"head {head.id}: trunk {trunk.name} reads another input type than task {task.name}")
    expected = 4 * len(task.classes) * (trunk.feature_dim + 1)
    if head.size_bytes != expected:
        raise _wrong(f"head {head.id}: {head.size_bytes} bytes, expected {expected}")


def _check_variant(variant: Variant, heads: Mapping[str, Head]) -> None:
    head = heads.get(variant.head)
    if head is None or (head.trunk, head.task) != (variant.trunk, variant.task):
        raise _wrong(f"variant {variant.id}: no head {variant.head} of that trunk and task")
    if not (0.0 <= variant.validation_accuracy <= 1.0 and 0.0 <= variant.test_accuracy <= 1.0):
        raise _wrong(f"variant {variant.id}: accuracy outside [0, 1]")
