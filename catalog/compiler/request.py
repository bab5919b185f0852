"""What to compile, as one value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.compiler.technique_chains import Chain, parsed_chain
from catalog.datasets.data_spec import DataSpec
from catalog.errors import BadInput
from catalog.models.architecture import Architecture
from catalog.tasks import InputType
from catalog.transforms.recipe import Effort, Scale
from catalog.transforms.scale import SCALES

OWN_TEACHER = "own"
NO_TEACHER = "none"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SHARE_LOSS = 0.02


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task as its author gives it: with data of its own, or as groups of another task's classes.

    Args:
        name: unique in the request.
        input_type: name of its input type.
        data: where its windows come from; None for a relabelled task.
        relabel: class name -> classes of the parent that belong to it.
        parent: task that is relabelled; None for the first of the input type.
        trunk_weight: of its loss where the tasks of an input type train their trunks together. None: the
            first trains with weight 1, the others get heads on trunks that they have not trained.
        share_loss: validation accuracy, in [0, 1], that it may lose by sharing trunks; where it loses more,
            trunks are made of which it has the last parts to itself. 1 for never. None: SHARE_LOSS for a
            task with data of its own that trains no trunk, and never for the others.
    """

    name: str
    input_type: str
    data: DataSpec | None = None
    relabel: Mapping[str, tuple[str, ...]] | None = None
    parent: str | None = None
    trunk_weight: float | None = None
    share_loss: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One family of trunks.

    Args:
        architecture: what is built, from which weights.
        techniques: chains of techniques in the order in which they are tried, see technique_chains.
        scales: sizes besides the full one, for the technique scale.
        fine_tune: whether a trunk that comes with weights is trained further.
        teacher: whom its trunks learn from, besides the labels: OWN_TEACHER for the full size of the family,
            which itself learns from labels alone; the name of a model that stands earlier, as its trunks'
            names begin, for the full size of that; NO_TEACHER for labels alone in what is trained from
            fresh weights, and for the trunk that it starts from in what is made from another.
        feature_weight: of the features of whatever teaches, see Distillation; at least 0.

    Raises:
        BadInput: a wrong chain of techniques, one given twice, nothing to fine-tune, or a wrong weight.
    """

    architecture: Architecture = field(default_factory=Architecture)
    techniques: tuple[str, ...] = ("scale", "lowrank", "int8")
    scales: tuple[Scale, ...] = SCALES
    fine_tune: bool = False
    teacher: str = NO_TEACHER
    feature_weight: float = 0.0

    @property
    def chains(self) -> tuple[Chain, ...]:
        """The techniques, read."""
        return tuple(parsed_chain(text) for text in self.techniques)

    @property
    def arch(self) -> str:
        """The name of its family, or where its factory is."""
        return self.architecture.arch

    def __post_init__(self) -> None:
        if self.fine_tune and self.architecture.weights is None:
            raise BadInput(f"model {self.arch}: fine_tune given without weights: it is trained anyway")
        if not 0.0 <= self.feature_weight < math.inf:
            found = f"feature_weight = {self.feature_weight}"
            raise BadInput(f"model {self.arch}: {found}: expected a finite number, at least 0")
        try:
            chains = self.chains
        except BadInput as e:
            raise BadInput(f"model {self.arch}: {e}") from e
        if len(set(chains)) != len(chains):
            raise BadInput(f"model {self.arch}: techniques {list(self.techniques)}: one is given twice")


@dataclass(frozen=True, slots=True)
class CompileRequest:
    """What the programmer asks for.

    Args:
        input_types: kinds of windows.
        tasks: questions; the first of an input type has data of its own and trains the trunks.
        models: families of trunks, tried on every input type.
        effort: how much work to put into each trunk.
        rendered_windows: how many windows to render from a built-in set, all splits together.
        seed: of all randomness.
        mirrored_alike: input types whose windows mean the same in a mirror: training shows them both ways.

    Raises:
        BadInput: names that are not unique or not fit for files, or tasks that do not fit together.
    """

    input_types: tuple[InputType, ...]
    tasks: tuple[TaskSpec, ...]
    models: tuple[ModelSpec, ...] = (ModelSpec(),)
    effort: Effort = field(default_factory=Effort)
    rendered_windows: int = 5600
    seed: int = 0
    mirrored_alike: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.input_types or not self.tasks or not self.models:
            raise BadInput("nothing to compile: expected at least one input, one task and one model")
        _check_names("input", [i.name for i in self.input_types])
        _check_names("task", [t.name for t in self.tasks])
        for task in self.tasks:
            _check_task(task, self)
        for input_type in self.input_types:
            if self.leading_task(input_type.name) is None:
                raise BadInput(f"input.{input_type.name}: no task: expected at least one with this input")

    def leading_task(self, input_type: str) -> TaskSpec | None:
        """Return the task that trains the trunks of an input type: its first."""
        return next((t for t in self.tasks if t.input_type == input_type), None)

    def trunk_weights(self) -> dict[str, float]:
        """Return the weights of the tasks that train trunks together; a task that trains alone has none."""
        found: dict[str, float] = {}
        for input_type in self.input_types:
            leading = self.leading_task(input_type.name)
            mine = [t for t in self.tasks if t.input_type == input_type.name]
            given = {t.name: t.trunk_weight or 1.0 for t in mine if t.trunk_weight or t is leading}
            found |= given if len(given) > 1 else {}
        return found

    def share_losses(self, input_type: str) -> dict[str, float]:
        """Return what the tasks of an input type may lose by sharing, where that is looked at."""
        weights = self.trunk_weights()
        found: dict[str, float] = {}
        for task in self.tasks:
            if task.input_type != input_type or task.data is None:
                continue
            trains = task.name in weights or task is self.leading_task(input_type)
            unsaid = 1.0 if trains else SHARE_LOSS
            found[task.name] = unsaid if task.share_loss is None else task.share_loss
        return {name: loss for name, loss in found.items() if loss < 1.0}

    def parent_of(self, task: TaskSpec) -> TaskSpec | None:
        """Return the task whose data a relabelled task uses; None where it has its own.

        Raises:
            BadInput: there is no such task.
        """
        if task.relabel is None:
            return None
        if task.parent is None:
            return self.leading_task(task.input_type)
        found = next((t for t in self.tasks if t.name == task.parent), None)
        if found is None:
            raise BadInput(
                f"task.{task.name}.of = {task.parent!r}: expected one of {[t.name for t in self.tasks]}"
            )
        return found


def _check_names(kind: str, names: list[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise BadInput(f"{kind}.{name}: expected a name of letters, digits, - and _")
    if len(set(names)) != len(names):
        raise BadInput(f"{kind} names {names}: one is given twice")


def _check_task(task: TaskSpec, request: CompileRequest) -> None:
    where = f"task.{task.name}"
    inputs = [i.name for i in request.input_types]
    if task.input_type not in inputs:
        raise BadInput(f"{where}.input = {task.input_type!r}: expected one of {inputs}")
    if (task.data is None) == (task.relabel is None):
        raise BadInput(f"{where}: expected either data or relabel")
    if task.share_loss is not None and not 0.0 <= task.share_loss <= 1.0:
        raise BadInput(f"{where}.share_loss = {task.share_loss}: expected a share in [0, 1]")
    if task.trunk_weight is not None and not 0.0 < task.trunk_weight < math.inf:
        raise BadInput(f"{where}.trunk_weight = {task.trunk_weight}: expected a finite number above 0")
    alone = task is request.leading_task(task.input_type) and task.name not in request.trunk_weights()
    if alone and task.share_loss is not None:
        raise BadInput(f"{where}.share_loss: it loses nothing: the trunks of {task.input_type} are its own")
    parent = request.parent_of(task)
    if parent is None:
        return
    if task.trunk_weight is not None:
        raise BadInput(f"{where}.trunk_weight: it has no windows of its own: task {parent.name} may have one")
    if task.share_loss is not None:
        raise BadInput(f"{where}.share_loss: it has no windows of its own: task {parent.name} may have one")
    if parent.data is None or parent.input_type != task.input_type:
        raise BadInput(
            f"{where}.relabel: task {parent.name} has no data of its own with input {task.input_type!r}"
        )
    for other in request.tasks:
        if other.name != task.name and other.relabel is not None and request.parent_of(other) is parent:
            mine, theirs = (
                [sorted(group) for group in t.relabel.values()]
                for t in (task, other)
                if t.relabel is not None
            )
            if mine == theirs:
                raise BadInput(f"{where}.relabel: asks the same as task {other.name}: one head answers both")
