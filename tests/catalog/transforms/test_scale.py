from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.errors import BadInput
from catalog.models.architecture import Architecture, WeightsFile
from catalog.tasks import InputType
from catalog.transforms.recipe import Family, Scale
from catalog.transforms.scale import SCALES, full_size, scaled
from catalog.transforms.trained_trunks import LoadResampled, TrainOnFirstPart, TrainTrunk


def family(*scales: Scale, size_px: int = 32) -> Family:
    return Family("net", Architecture(), InputType("digit", size_px), scales)


def test_the_full_size_is_named_after_its_shares_and_side() -> None:
    base = full_size(family(size_px=48))
    assert (base.name, base.size_px, base.after) == ("net-w100-d100-r48", 48, ())
    assert base.recipe == TrainTrunk(Architecture())


def test_a_smaller_trunk_reads_smaller_windows() -> None:
    (small,) = scaled(family(Scale(0.5, 0.67, 0.5)), full_size(family()))
    assert (small.name, small.size_px) == ("net-w50-d67-r16", 16)
    assert small.recipe == TrainTrunk(Architecture(), 0.5, 0.67, full_size_px=32)


def test_a_shared_first_part_comes_from_the_trunk_of_its_width() -> None:
    chosen = family(Scale(0.5, 1.0, 0.5), Scale(0.25, 1.0, 0.5, first_width=0.5), Scale(0.5, first_width=1.0))
    _, on_small, on_full = scaled(chosen, full_size(chosen))
    assert isinstance(on_small.recipe, TrainOnFirstPart)
    assert on_small.after == ("net-w50-d100-r16",)
    assert on_full.after == ("net-w100-d100-r32",)


def test_a_first_part_that_nobody_has_is_refused() -> None:
    with pytest.raises(BadInput, match="no trunk of that width and resolution"):
        scaled(family(Scale(0.25, first_width=0.5)), full_size(family()))


@pytest.mark.parametrize("size_px", [8, 16, 32, 64, 112])
def test_the_usual_sizes_have_names_of_their_own(size_px: int) -> None:
    chosen = family(*SCALES, size_px=size_px)
    names = [c.name for c in scaled(chosen, full_size(chosen))]
    assert len(set(names)) == len(SCALES)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_shares_outside_their_range_are_refused(share: float) -> None:
    with pytest.raises(BadInput, match="width"):
        Scale(width=share)


def test_trained_weights_go_to_a_lower_resolution_but_to_no_other_width() -> None:
    weights = WeightsFile("w.pt", "0" * 64)
    loaded = replace(
        family(Scale(resolution=0.5), Scale(0.5, resolution=0.5)), arch=Architecture(weights=weights)
    )
    base = full_size(loaded)
    lower, narrow = scaled(replace(loaded, teacher=base.name, feature_weight=3.0), base)
    assert lower.recipe == LoadResampled(loaded.arch, 32, base.name)
    assert (lower.name, lower.size_px, lower.after) == ("net-w100-d100-r16", 16, (base.name,))
    assert (lower.tutor, lower.feature_weight) == (base.name, 3.0)
    assert isinstance(narrow.recipe, TrainTrunk)
