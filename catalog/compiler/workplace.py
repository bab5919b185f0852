"""What is the same for every trunk of a compile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catalog.datasets.prepared_data import WindowFolder
from catalog.labelled_windows import LabelledWindows
from catalog.tasks import Task
from catalog.transforms.recipe import Effort


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where workers read and write.

    Args:
        root: the catalog's folder.
        data: prepared windows, one folder a task with data of its own.
        tasks: all tasks of the catalog, in the order of the request.
        effort: how much work to put into each trunk.
        seed: of all randomness.
        trunk_weights: of the losses of tasks that train the trunks of their input type together, by task;
            an input type of which none is named has its trunks trained by its first task.
        mirrored_alike: input types whose windows mean the same in a mirror.
    """

    root: Path
    data: Path
    tasks: tuple[Task, ...]
    effort: Effort
    seed: int
    trunk_weights: Mapping[str, float] = field(default_factory=dict)
    mirrored_alike: frozenset[str] = frozenset()

    def tasks_on(self, input_type: str) -> list[Task]:
        """Return the tasks of an input type; the first leads."""
        return [t for t in self.tasks if t.input_type == input_type]

    def trainers(self, input_type: str) -> list[Task]:
        """Return the tasks that train the trunks of an input type."""
        tasks = self.tasks_on(input_type)
        return [t for t in tasks if t.name in self.trunk_weights] or tasks[:1]

    def windows(self, task: str, split: str, size_px: int) -> LabelledWindows:
        """Map the windows of one split of a task with data of its own, at a trunk's side."""
        return self.folder(task).read(split, size_px)

    def folder(self, task: str) -> WindowFolder:
        """Return the folder of the windows of a task with data of its own."""
        return WindowFolder(self.data / task)

    def joined_folder(self, input_type: str) -> WindowFolder:
        """Return the folder of the windows that several tasks of an input type train with."""
        return WindowFolder(self.data / f".joined-{input_type}")  # no task's name begins with a point

    def answers_folder(self, trainers: Sequence[Task]) -> Path:
        """Return the folder of what teachers answer to the windows that these tasks train with."""
        return self.data / "-".join([".answers", *(t.name for t in trainers)])
