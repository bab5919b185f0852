"""What a recipe is given to work with: whose windows, labels and classes train its trunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from catalog.compiler.workplace import Workplace
from catalog.labelled_windows import LabelledWindows
from catalog.tasks import Task
from catalog.training.joint_tasks import JointTasks
from catalog.training.schedule import Progress
from catalog.training.trunk_training import seed_of
from catalog.transforms.recipe import Bench, Candidate, StoredTrunk


def bench_for(
    place: Workplace,
    candidate: Candidate,
    finished: Mapping[str, StoredTrunk],
    report: Callable[[Progress], None],
) -> Bench:
    """Return the bench of a candidate: that of the only task that trains its trunk, or of several."""
    trainers = _trainers(place, candidate)
    together = None
    folder = place.folder(trainers[0].name)
    if len(trainers) > 1:
        weights = tuple(place.trunk_weights[t.name] for t in trainers)
        together = JointTasks(tuple(len(t.classes) for t in trainers), weights)
        folder = place.joined_folder(candidate.input_type)
    alike = candidate.input_type in place.mirrored_alike

    def training_windows(size_px: int) -> LabelledWindows:
        return replace(folder.read("train", size_px), mirrored_alike=alike)

    return Bench(
        seed_of(candidate.name, place.seed),
        candidate.size_px,
        sum(len(t.classes) for t in trainers),
        training_windows(candidate.size_px),
        place.effort,
        finished.__getitem__,
        report,
        together,
        training_windows,
        place.seed,
        place.answers_folder(trainers),
        None if candidate.tutor is None else finished[candidate.tutor],
        candidate.feature_weight,
    )


def _trainers(place: Workplace, candidate: Candidate) -> list[Task]:
    if candidate.task is None:
        return place.trainers(candidate.input_type)
    return [t for t in place.tasks if t.name == candidate.task]
