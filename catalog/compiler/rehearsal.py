"""Trying out what users bring before any work goes into it: built, given its weights, split and exported.

Nothing is trained and no image is read, so that what is wrong with a model shows within seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.compiler.request import CompileRequest
from catalog.datasets.preparing import class_names
from catalog.errors import BadInput, McdnnError, ModelError
from catalog.models.architecture import Architecture
from catalog.models.families import FAMILIES
from catalog.transforms.recipe import Candidate
from catalog.transforms.trained_trunks import LoadTrunk, TrainTrunk

_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """A model to try out at its full size.

    Args:
        architecture: which.
        size_px: side of the windows that it reads.
        classes: of the task or tasks that train it.
        seed: of fresh weights and of the windows of noise.
    """

    architecture: Architecture
    size_px: int
    classes: int
    seed: int


def trials(request: CompileRequest, candidates: Sequence[Candidate]) -> tuple[Trial, ...]:
    """Return the models of a request that are to be tried out; a built-in family as it comes is not.

    Args:
        request: what was asked for.
        candidates: that are to be made.

    Raises:
        BadInput: the data of a task cannot be listed.
    """
    found: dict[tuple[Architecture, str], Candidate] = {}
    for candidate in candidates:
        arch = _full_size(candidate)
        if arch is not None and _is_brought(arch):
            found.setdefault((arch, candidate.input_type), candidate)
    classes = {name: _classes(request, name) for name in dict.fromkeys(name for _, name in found)}
    return tuple(
        Trial(arch, candidate.size_px, classes[input_type], request.seed)
        for (arch, input_type), candidate in found.items()
    )


def rehearse(trial: Trial) -> None:
    """Build, split and export a model, and run what was exported on noise.

    Raises:
        ModelError: something of this cannot be done; the one reason in one line.
    """
    arch = trial.architecture.arch
    try:
        _rehearse(trial)
    except McdnnError as e:
        raise ModelError(f"model {arch}: {str(e).removeprefix(f'arch {arch!r}: ')}") from e
    except Exception as e:  # a user's module may fail in any way, and the exporter on it
        raise ModelError(f"model {arch}: {type(e).__name__}: {(str(e).splitlines() or [''])[0]}") from e


def _rehearse(trial: Trial) -> None:
    import torch

    from catalog.canonical import canonical_bytes
    from catalog.graph_costs import describe_part
    from catalog.models.assembly import assembled, features_of
    from catalog.models.trunk_graphs import trunk_graphs

    model = assembled(trial.architecture, trial.size_px, trial.classes, {}, trial.seed)
    side = trial.size_px
    windows = torch.randint(0, 256, (_WINDOWS, side, side, 3), dtype=torch.uint8)
    features_of(model.parts, windows)
    for graph in trunk_graphs(model, windows):
        describe_part(canonical_bytes(graph), trial.architecture.arch)


def _full_size(candidate: Candidate) -> Architecture | None:
    """Return what a trunk of full size is of, for the tasks that train it together; None for others."""
    recipe = candidate.recipe
    if candidate.task is not None or not isinstance(recipe, LoadTrunk | TrainTrunk):
        return None
    return None if isinstance(recipe, TrainTrunk) and recipe.shares else recipe.arch


def _is_brought(arch: Architecture) -> bool:
    return arch.arch not in FAMILIES or bool(arch.arguments or arch.weights or arch.cuts or arch.head)


def _classes(request: CompileRequest, input_type: str) -> int:
    """Return how many classes train the trunks of an input type."""
    weights = request.trunk_weights()
    mine = [t for t in request.tasks if t.input_type == input_type]
    count = 0
    for task in [t for t in mine if t.name in weights] or mine[:1]:
        assert task.data is not None
        try:
            count += len(class_names(task.data, request.seed))
        except BadInput as e:
            raise type(e)(f"task.{task.name}: {e}") from e
    return count
