"""Input types and tasks: what a window is and what may be asked about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog.errors import BadInput


class Resize(StrEnum):
    """How a crop becomes a square: distorted, or kept in proportion with grey bars."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"


@dataclass(frozen=True, slots=True)
class InputType:
    """One kind of window and how its pixels reach a network.

    Args:
        name: e.g. "face"; tasks and extractors refer to it.
        size_px: largest side that a trunk of this input type reads; a trunk may read less.
        resize: how a crop becomes square.
        margin: share of the box's larger side added on every side before cropping, in [0, 1].

    Raises:
        BadInput: a size below 8 px or a margin outside [0, 1].
    """

    name: str
    size_px: int = 32
    resize: Resize = Resize.STRETCH
    margin: float = 0.0

    def __post_init__(self) -> None:
        if self.size_px < 8:
            raise BadInput(f"input.{self.name}.size = {self.size_px}: expected at least 8 pixels")
        if not 0.0 <= self.margin <= 1.0:
            raise BadInput(f"input.{self.name}.margin = {self.margin}: expected a share in [0, 1]")


@dataclass(frozen=True, slots=True)
class Task:
    """A label set over one input type.

    Args:
        name: unique in a catalog.
        input_type: name of the input type.
        classes: class names; a class id is an index into this.
        parent: task whose data this one relabels, or None where the task has its own data.
        relabel: for a relabelled task, class id of the parent -> class id here.
    """

    name: str
    input_type: str
    classes: tuple[str, ...]
    parent: str | None = None
    relabel: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.classes)) < 2 or len(set(self.classes)) != len(self.classes):
            raise BadInput(
                f"task.{self.name}: classes {list(self.classes)}: expected two or more, all different"
            )

    @property
    def data_task(self) -> str:
        """Name of the task whose data and stored features this one uses."""
        return self.parent if self.parent is not None else self.name

    def class_of(self, data_class_id: int) -> int:
        """Return this task's class id for a class id of the data task."""
        return self.relabel[data_class_id] if self.parent is not None else data_class_id


def relabelled(name: str, parent: Task, groups: Mapping[str, list[str]]) -> Task:
    """Make a task that asks a coarser question about another task's data.

    Raises:
        BadInput: a class of the parent is unknown, given twice or not given.
    """
    classes = tuple(groups)
    new_id: dict[str, int] = {}
    for i, members in enumerate(groups.values()):
        for member in members:
            if member not in parent.classes:
                raise BadInput(
                    f"task.{name}.relabel: {member!r} is no class of {parent.name} {list(parent.classes)}"
                )
            if member in new_id:
                raise BadInput(f"task.{name}.relabel: {member!r} is given twice")
            new_id[member] = i
    missing = [c for c in parent.classes if c not in new_id]
    if missing:
        raise BadInput(f"task.{name}.relabel: classes {missing} of {parent.name} are not given")
    return Task(name, parent.input_type, classes, parent.name, tuple(new_id[c] for c in parent.classes))
