"""Measured variants as CSV: what others published, or measured with tools of their own.

Two kinds of files, one row a variant, units in the column names:

- generic variants: `variant,task,device_load_j,device_exec_j,device_load_ms,device_exec_ms,
  cloud_exec_ms,accuracy_pct`, and where known `memory_mb` and `shared_load_j,shared_exec_j,
  shared_load_ms,shared_exec_ms,shared_cloud_exec_ms` (what is left to do where a prefix that other
  variants use too has run already);
- specialised variants: the first of these with `n_classes,skew`: the accuracy is that on a stream
  of which n_classes classes make up the share skew. A variant has a row for each skew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.csv_rows import CsvRow, read_csv_rows
from catalog.errors import BadInput

_MB = 1e6
_COSTS = ("device_load_j", "device_exec_j", "device_load_ms", "device_exec_ms", "cloud_exec_ms")
_NEEDED = ("variant", "task", *_COSTS, "accuracy_pct")
_SHARED = ("shared_load_j", "shared_exec_j", "shared_load_ms", "shared_exec_ms", "shared_cloud_exec_ms")


@dataclass(frozen=True, slots=True)
class TableCost:
    """What a variant costs.

    Args:
        load_j: device energy to load it.
        run_j: device energy of one execution.
        load_s: time to load it at the device.
        run_s: time of one execution at the device.
        cloud_run_s: time of one execution in the cloud.
    """

    load_j: float
    run_j: float
    load_s: float
    run_s: float
    cloud_run_s: float


@dataclass(frozen=True, slots=True)
class TableVariant:
    """A row of generic variants.

    Args:
        name: unique in the table.
        task: that it answers.
        accuracy: share of right answers, in [0, 1].
        cost: alone.
        memory_bytes: while resident; None where the table does not say.
        beyond_prefix: cost beyond a prefix that ran already; None where the table does not say.
    """

    name: str
    task: str
    accuracy: float
    cost: TableCost
    memory_bytes: int | None = None
    beyond_prefix: TableCost | None = None


@dataclass(frozen=True, slots=True)
class SpecialisedVariant:
    """A specialised variant.

    Args:
        name: unique in the table.
        task: whose generic variants it stands in front of.
        cost: alone.
        classes: how many it knows.
        accuracies: share of right answers by skew: the share of what is seen that is of its classes.
    """

    name: str
    task: str
    cost: TableCost
    classes: int
    accuracies: Mapping[float, float]

    @property
    def skews(self) -> tuple[float, ...]:
        """The skews of the table, smallest first."""
        return tuple(sorted(self.accuracies))


def read_variant_table(path: Path) -> tuple[TableVariant, ...]:
    """Read generic variants, in the order of the file.

    Raises:
        BadInput: naming the line: a figure that is missing, negative or no number, an accuracy above
            100 %, a variant that is given twice; or no variant at all.
    """
    found: dict[str, TableVariant] = {}
    for row in read_csv_rows(path, _NEEDED):
        variant = _variant(row)
        if variant.name in found:
            raise BadInput(f"{row.where}: variant {variant.name!r} is given twice")
        found[variant.name] = variant
    if not found:
        raise BadInput(f"{path}: no variants: expected a row for each")
    return tuple(found.values())


def read_specialised_table(path: Path) -> tuple[SpecialisedVariant, ...]:
    """Read specialised variants, in the order of the file.

    Raises:
        BadInput: naming the line: as for generic variants, or a skew that is given twice.
    """
    found: dict[tuple[str, int], SpecialisedVariant] = {}
    for row in read_csv_rows(path, (*_NEEDED, "n_classes", "skew")):
        name, classes = row.text("variant"), int(row.number("n_classes", 1.0))
        skew, accuracy = row.number("skew", 0.0, 1.0), _accuracy(row)
        known = found.get((name, classes))
        if known is None:
            known = SpecialisedVariant(name, row.text("task"), _cost(row), classes, {})
        if skew in known.accuracies:
            raise BadInput(f"{row.where}: variant {name!r}: skew {skew:g} is given twice")
        found[name, classes] = replace(known, accuracies={**known.accuracies, skew: accuracy})
    return tuple(found.values())


def _variant(row: CsvRow) -> TableVariant:
    memory_mb = row.optional_number("memory_mb")
    return TableVariant(
        row.text("variant"),
        row.text("task"),
        _accuracy(row),
        _cost(row),
        None if memory_mb is None else round(_MB * memory_mb),
        _beyond_prefix(row),
    )


def _accuracy(row: CsvRow) -> float:
    return row.number("accuracy_pct", 0.0, 100.0) / 100.0


def _cost(row: CsvRow) -> TableCost:
    load_j, run_j, load_ms, run_ms, cloud_ms = (row.number(c) for c in _COSTS)
    return TableCost(load_j, run_j, load_ms / 1e3, run_ms / 1e3, cloud_ms / 1e3)


def _beyond_prefix(row: CsvRow) -> TableCost | None:
    if not all(row.optional(c) for c in _SHARED):
        return None
    load_j, run_j, load_ms, run_ms, cloud_ms = (row.number(c) for c in _SHARED)
    return TableCost(load_j, run_j, load_ms / 1e3, run_ms / 1e3, cloud_ms / 1e3)


def with_sizes(
    variants: Sequence[TableVariant], largest_mb: Mapping[str, float]
) -> tuple[tuple[TableVariant, ...], tuple[str, ...]]:
    """Give a size to variants of which the table has none.

    The variant of a task that loads longest gets the size given for the task, the others sizes in
    proportion to their load times.

    Args:
        largest_mb: size of the largest variant by task, where the table has none.

    Returns:
        The variants, and a sentence for each task with assumed sizes.

    Raises:
        BadInput: no size is given for a task that needs one.
    """
    unsized = [v for v in variants if v.memory_bytes is None]
    longest_s = {t: max(v.cost.load_s for v in variants if v.task == t) for t in {v.task for v in unsized}}
    for task in sorted(longest_s):
        if task not in largest_mb:
            raise BadInput(f"task {task}: no memory_mb in the table: say how large its largest variant is")

    def sized(v: TableVariant) -> TableVariant:
        if v.memory_bytes is not None:
            return v
        share = v.cost.load_s / longest_s[v.task] if longest_s[v.task] else 1.0
        return replace(v, memory_bytes=round(_MB * largest_mb[v.task] * share))

    notes = tuple(
        f"The variants of {task} have no published size: {largest_mb[task]:g} MB is assumed for the one that "
        "loads longest, the others in proportion to their load times."
        for task in sorted(longest_s)
    )
    return tuple(sized(v) for v in variants), notes
