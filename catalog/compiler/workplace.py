"""What is the same for every trunk of a compile."""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    root: Path
    data: Path
    tasks: tuple[Task, ...]
    effort: Effort
    seed: int

    def tasks_on(self, input_type: str) -> list[Task]:
        """Return the tasks of an input type; the first trains its trunks."""
        return [t for t in self.tasks if t.input_type == input_type]

    def windows(self, task: str, split: str, size_px: int) -> LabelledWindows:
        """Map the windows of one split of a task with data of its own, at a trunk's side."""
        return WindowFolder(self.data / task).read(split, size_px)
