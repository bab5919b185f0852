"""Architecture scaling: the same family at other widths, depths and resolutions.

The three shrink together (Tan and Le, EfficientNet, ICML 2019, section 3). Some of the trunks share
the first part of a larger one, so that a window pays for it once. Where a family comes with trained
weights, a size that differs from the full one by its resolution alone keeps them, see LoadResampled.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from catalog.errors import BadInput
from catalog.training.distillation import TAUGHT_SHARE, TEMPERATURE
from catalog.transforms.recipe import Candidate, Family, Scale
from catalog.transforms.trained_trunks import LoadResampled, LoadTrunk, TrainOnFirstPart, TrainTrunk

_FULL = Scale()
_STEP_PX = 4
_SMALLEST_PX = 8

SCALES = (
    Scale(width=0.25, first_width=1.0),
    Scale(width=0.5, resolution=0.75),
    Scale(width=0.5, depth=0.67, resolution=0.5),
    Scale(width=0.25, depth=0.67, resolution=0.5, first_width=0.5),
)


def full_size(family: Family) -> Candidate:
    """Return the trunk at its full size, which the techniques start from."""
    if family.arch.weights is None:
        alone = _candidate(family, _FULL, TrainTrunk(family.arch), ())
        if family.teacher in (None, alone.name):
            return alone
        return _candidate(family, _FULL, TrainTrunk(family.arch, teacher=family.teacher), ())
    weights = family.arch.weights
    loaded = f"weights {Path(weights.path).name} sha256={weights.sha256[:16]}"
    tuned = ("fine-tune",) if family.fine_tune else ()
    candidate = _candidate(family, _FULL, LoadTrunk(family.arch, family.fine_tune), ())
    return replace(candidate, lineage=(f"load {family.arch} size_px={candidate.size_px}", loaded, *tuned))


def scaled(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the smaller trunks of a family; see Technique."""
    owners = {(_FULL.width, base.size_px): base.name}
    planned = []
    for scale in family.scales:
        if family.arch.weights is not None and scale == Scale(resolution=scale.resolution):
            candidate = _resampled(family, scale, base)
            owners.setdefault((scale.width, candidate.size_px), candidate.name)
        elif scale.first_width is None:
            full_px = _full_px(family, scale)
            recipe = TrainTrunk(family.arch, scale.width, scale.depth, family.teacher, full_px)
            candidate = _candidate(family, scale, recipe, ())
            owners.setdefault((scale.width, candidate.size_px), candidate.name)
        else:
            candidate = _on_first_part(family, scale, scale.first_width, owners)
        planned.append(candidate)
    return planned


def _resampled(family: Family, scale: Scale, base: Candidate) -> Candidate:
    """Plan the full size at a lower resolution, with the weights that it came with."""
    size_px = _size_px(family, scale)
    teacher = family.teacher or base.name
    lesson = f"resample size_px={size_px} taught by {teacher} T={TEMPERATURE:g} share={TAUGHT_SHARE:g}"
    return Candidate(
        _name(family, scale),
        family.input_type.name,
        size_px,
        LoadResampled(family.arch, base.size_px, base.name),
        (*base.lineage, lesson),
        tuple(dict.fromkeys([base.name, teacher])),
        tutor=family.teacher,
        feature_weight=family.feature_weight,
    )


def _on_first_part(
    family: Family, scale: Scale, first_width: float, owners: dict[tuple[float, int], str]
) -> Candidate:
    owner = owners.get((first_width, _size_px(family, scale)))
    if owner is None:
        raise BadInput(
            f"model {family.arch.arch}: scale with first_width = {first_width}: "
            "no trunk of that width and resolution stands before it"
        )
    recipe = TrainOnFirstPart(
        family.arch,
        scale.width,
        scale.depth,
        first_width,
        owner,
        family.teacher,
        _full_px(family, scale),
    )
    return _candidate(family, scale, recipe, (owner,))


def _candidate(
    family: Family, scale: Scale, recipe: TrainTrunk | TrainOnFirstPart | LoadTrunk, after: tuple[str, ...]
) -> Candidate:
    """Return a trunk, named by percentages of the full width and depth, and by the side of its windows."""
    size_px = _size_px(family, scale)
    trained = f"train {family.arch} width={scale.width:g} depth={scale.depth:g} size_px={size_px}"
    lineage = (trained, *(f"first part of {owner}" for owner in after))
    if not isinstance(recipe, LoadTrunk) and recipe.teacher is not None:
        lineage = (*lineage, f"distil from {recipe.teacher} T={TEMPERATURE:g} share={TAUGHT_SHARE:g}")
        after = tuple(dict.fromkeys([*after, recipe.teacher]))
        weight = family.feature_weight
    else:
        weight = 0.0
    name = _name(family, scale)
    return Candidate(name, family.input_type.name, size_px, recipe, lineage, after, feature_weight=weight)


def _name(family: Family, scale: Scale) -> str:
    first = "" if scale.first_width is None else f"{100 * scale.first_width:.0f}to"
    shares = f"w{first}{100 * scale.width:.0f}-d{100 * scale.depth:.0f}"
    return f"{family.prefix}-{shares}-r{_size_px(family, scale)}"


def _full_px(family: Family, scale: Scale) -> int | None:
    """Return the side of the family's full resolution for a trunk of a lower one."""
    full = family.input_type.size_px
    return full if _size_px(family, scale) != full else None


def _size_px(family: Family, scale: Scale) -> int:
    full = family.input_type.size_px
    if scale.resolution == 1.0:
        return full
    return max(_SMALLEST_PX, _STEP_PX * round(full * scale.resolution / _STEP_PX))
