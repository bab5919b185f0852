"""What catalog.json says, as one value, and the rules that it must keep."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.errors import CatalogError
from catalog.heads import Head
from catalog.parts import Part, Trunk
from catalog.tasks import InputType, Task
from catalog.variants import Variant

SCHEMA_VERSION = 1


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
    """

    fingerprint: str
    complete: bool
    seed: int
    date: str
    versions: dict[str, str]
    failed: dict[str, str] = field(default_factory=dict)


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
        raise CatalogError(
            f"catalog.json: schema_version {contents.schema_version}: this version reads {SCHEMA_VERSION}; compile again"
        )
    inputs = {i.name: i for i in contents.input_types}
    tasks = {t.name: t for t in contents.tasks}
    parts = {p.id: p for p in contents.parts}
    trunks = {t.name: t for t in contents.trunks}
    heads = {h.id: h for h in contents.heads}
    for task in contents.tasks:
        if task.input_type not in inputs:
            raise CatalogError(f"catalog.json: task {task.name}: unknown input type {task.input_type}")
        if task.parent is not None and task.parent not in tasks:
            raise CatalogError(f"catalog.json: task {task.name}: unknown parent {task.parent}")
    for trunk in contents.trunks:
        _check_trunk(trunk, parts, inputs)
    for head in contents.heads:
        if head.trunk not in trunks or head.task not in tasks:
            raise CatalogError(f"catalog.json: head {head.id}: unknown trunk {head.trunk} or task {head.task}")
        expected = 4 * len(tasks[head.task].classes) * (trunks[head.trunk].feature_dim + 1)
        if head.size_bytes != expected:
            raise CatalogError(f"catalog.json: head {head.id}: {head.size_bytes} bytes, expected {expected}")
    for variant in contents.variants:
        if variant.head not in heads or variant.trunk not in trunks or variant.task not in tasks:
            raise CatalogError(f"catalog.json: variant {variant.id}: unknown head, trunk or task")
        if not (0.0 <= variant.validation_accuracy <= 1.0 and 0.0 <= variant.test_accuracy <= 1.0):
            raise CatalogError(f"catalog.json: variant {variant.id}: accuracy outside [0, 1]")


def _check_trunk(trunk: Trunk, parts: dict[str, Part], inputs: dict[str, InputType]) -> None:
    if trunk.input_type not in inputs:
        raise CatalogError(f"catalog.json: trunk {trunk.name}: unknown input type {trunk.input_type}")
    if not trunk.parts:
        raise CatalogError(f"catalog.json: trunk {trunk.name}: no parts")
    shape: tuple[int, ...] = (trunk.size_px, trunk.size_px, 3)
    for part_id in trunk.parts:
        part = parts.get(part_id)
        if part is None:
            raise CatalogError(f"catalog.json: trunk {trunk.name}: unknown part {part_id}")
        if part.input_shape != shape:
            raise CatalogError(
                f"catalog.json: trunk {trunk.name}: part {part_id} reads {part.input_shape}, what comes before gives {shape}"
            )
        shape = part.output_shape
    if shape != (trunk.feature_dim,):
        raise CatalogError(f"catalog.json: trunk {trunk.name}: ends in {shape}, expected ({trunk.feature_dim},)")
