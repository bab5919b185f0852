"""Which trunks to try for tasks that lose too much by a head alone on trunks that others trained.

For each such task and family: one trunk of full size trained for the task alone, which says what there
is to lose; then, as long as the task loses too much, trunks of which it has the last part to itself, the
last two, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator

from catalog.compiler.planning import families_of
from catalog.compiler.request import CompileRequest
from catalog.transforms.recipe import Candidate, Family, Recipe
from catalog.transforms.scale import full_size
from catalog.transforms.share_depth import TrainLastParts
from catalog.transforms.trained_trunks import LoadTrunk, TrainTrunk

MOST_OWN_PARTS = 3


def plan_share_depths(request: CompileRequest) -> tuple[Candidate, ...]:
    """Return the trunks that may be needed beside the others, each after those that decide whether it is.

    Names: "<trunk>-for-<task>" for the trunk trained for the task alone, and "<trunk>-own2-<task>" where
    the last two parts are the task's own.
    """
    return tuple(
        candidate
        for family, _ in families_of(request)
        for task, share_loss in request.share_losses(family.input_type.name).items()
        for candidate in _for_task(family, task, share_loss)
    )


def _for_task(family: Family, task: str, share_loss: float) -> Iterator[Candidate]:
    base = full_size(family)
    whole = Candidate(
        f"{base.name}-for-{task}",
        base.input_type,
        base.size_px,
        _alone(family),
        (*base.lineage, f"for {task}"),
        (base.name,),
        task,
    )
    yield whole
    deeper: tuple[str, ...] = ()
    for own in range(1, MOST_OWN_PARTS + 1):
        recipe = TrainLastParts(family.arch, base.name, own, task, whole.name, deeper, share_loss)
        name = f"{base.name}-own{own}-{task}"
        lineage = (*base.lineage, f"own last parts={own} for {task}")
        after = (base.name, whole.name, *deeper)
        yield Candidate(name, base.input_type, base.size_px, recipe, lineage, after, task)
        deeper = (*deeper, name)


def _alone(family: Family) -> Recipe:
    """Return a recipe for the full size; weights that come with it are fitted to the task."""
    return TrainTrunk(family.arch) if family.arch.weights is None else LoadTrunk(family.arch, fine_tune=True)
