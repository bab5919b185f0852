"""What a technique promises: a recipe that makes the parts of one trunk, given a bench to work at.

A technique is a file in this package and a line in `table.py`. Recipes are values: they are planned in
one process, sent to another and run there. Those that start from another trunk read its stored parts,
never live modules, so that they work on any graph and after any interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from catalog.errors import BadInput
from catalog.labelled_windows import LabelledWindows
from catalog.models.architecture import Architecture
from catalog.tasks import InputType
from catalog.training.joint_tasks import JointTasks
from catalog.training.schedule import Progress


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work to put into each trunk.

    Args:
        epochs: passes over the training windows for the full-size trunk of a family, and for what follows
            a shared first part.
        scaled_epochs: passes for smaller trunks, which learn more slowly and take a fraction of the time.
        tuning_epochs: passes for what starts from trained weights.
        calibration_windows: training windows that set the ranges of an int8 trunk.
        stored_features: windows of each training and validation split whose features are kept with a
            trunk, for heads that are trained later; the classes have as nearly the same share as they can.
    """

    epochs: int = 12
    scaled_epochs: int = 16
    tuning_epochs: int = 2
    calibration_windows: int = 256
    stored_features: int = 10_000


@dataclass(frozen=True, slots=True)
class StoredTrunk:
    """A finished trunk that a recipe starts from.

    Args:
        size_px: side of its windows.
        parts: files in order.
        head: file of the leading task's head.
        further_heads: files of the heads of other tasks that train the trunk too, in order.
        heads: files of the heads of all tasks, by task.
        accuracy: on the validation split, in [0, 1], by task.
    """

    size_px: int
    parts: tuple[Path, ...]
    head: Path
    further_heads: tuple[Path, ...] = ()
    heads: Mapping[str, Path] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a recipe works with.

    Args:
        seed: of this trunk alone.
        size_px: side of the windows that the trunk reads.
        classes: of the task whose labels train the trunk, or of all such tasks together.
        data: training windows at that side, with labels of that task or tasks.
        effort: how much work to put in.
        starting: the stored trunk of a given name; it is finished before the recipe starts.
        report: told after each epoch.
        tasks: which classes belong to which task, where several tasks train the trunk; None where one does.
        data_at: the same training windows at another side, which a teacher reads; None where there is no
            other side.
        views_seed: of the views of the training windows, the same for all trunks; see drawn_view.
        answers: folder where teachers keep what they see in these windows; None to keep nothing.
        tutor: what a trunk that is made from another learns from; None for the other one itself.
        feature_weight: of the features of whatever teaches, see Distillation.
    """

    seed: int
    size_px: int
    classes: int
    data: LabelledWindows
    effort: Effort
    starting: Callable[[str], StoredTrunk]
    report: Callable[[Progress], None]
    tasks: JointTasks | None = None
    data_at: Callable[[int], LabelledWindows] | None = None
    views_seed: int = 0
    answers: Path | None = None
    tutor: StoredTrunk | None = None
    feature_weight: float = 0.0


class Recipe(Protocol):
    """Makes the parts of one trunk. A frozen dataclass of plain values, so that it can be hashed and sent."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the parts in order, in canonical form; a shared part is the bytes of its file.

        Raises:
            McdnnError: it cannot be made, which costs this trunk alone.
        """


@dataclass(frozen=True, slots=True)
class Candidate:
    """One trunk to make.

    Args:
        name: unique in the catalog, fit for a file name.
        input_type: whose windows it reads.
        size_px: side of its windows.
        recipe: how to make it.
        lineage: what made it, in order, for people.
        after: names of the candidates whose stored trunks the recipe starts from.
        task: whose windows alone train it; None for those that train all trunks of the input type.
        tutor: name of the trunk that it learns from where its recipe changes another; None for that other.
        feature_weight: of the features of its teacher in its training; 0 to match answers alone.
    """

    name: str
    input_type: str
    size_px: int
    recipe: Recipe
    lineage: tuple[str, ...]
    after: tuple[str, ...] = ()
    task: str | None = None
    tutor: str | None = None
    feature_weight: float = 0.0

    def record(self) -> dict[str, Any]:
        """Return everything that decides what becomes of it, as plain data for hashing.

        A lesson that was not asked for, or a technique's own learning rate, is left out, so that catalogs
        begun before there were others go on.
        """
        unasked = [name for name in ("tutor", "feature_weight") if not getattr(self, name)]
        said = {name: value for name, value in asdict(self).items() if name not in unasked}
        if said["recipe"].get("rate", 0.0) is None:
            del said["recipe"]["rate"]
        return {"recipe_kind": type(self.recipe).__name__, **said}


@dataclass(frozen=True, slots=True)
class Scale:
    """A size within a family, as shares of its full size in (0, 1].

    Args:
        width: of its channels.
        depth: of its layers.
        resolution: of the input type's side.
        first_width: of the channels of its first part, where that is shared with the trunk of this
            width at the same resolution; None where the trunk has a first part of its own.
    """

    width: float = 1.0
    depth: float = 1.0
    resolution: float = 1.0
    first_width: float | None = None

    def __post_init__(self) -> None:
        for name in ("width", "depth", "resolution", "first_width"):
            share = getattr(self, name)
            if share is not None and not 0.0 < share <= 1.0:
                raise BadInput(f"scale: {name} = {share}: expected a share above 0, at most 1")


@dataclass(frozen=True, slots=True)
class Family:
    """What techniques plan trunks for.

    Args:
        prefix: of the trunks' names.
        arch: what is built, from which weights.
        input_type: whose windows the trunks read.
        scales: sizes besides the full one.
        fine_tune: whether a trunk that comes with weights is trained further.
        teacher: name of the trunk that the family's trunks learn from, besides the labels; it may be the
            family's full size, which then learns from labels alone. None: those from fresh weights learn
            from labels alone, and what is made from a trunk learns from that trunk.
        feature_weight: of the features of whatever teaches, see Distillation.
    """

    prefix: str
    arch: Architecture
    input_type: InputType
    scales: tuple[Scale, ...]
    fine_tune: bool = False
    teacher: str | None = None
    feature_weight: float = 0.0


class Technique(Protocol):
    """Plans further candidates of a family from its trunk of full size."""

    def __call__(self, family: Family, base: Candidate) -> list[Candidate]:
        """Return candidates in the order in which they should be made.

        Raises:
            BadInput: the family cannot be changed in this way.
        """
