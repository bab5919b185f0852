from __future__ import annotations

import pytest

from catalog.compiler.technique_chains import Alike, Step, parsed_chain, planned_chain, techniques_of
from catalog.errors import BadInput
from catalog.models.architecture import Architecture
from catalog.tasks import InputType
from catalog.transforms.recipe import Family, Scale
from catalog.transforms.scale import full_size

FAMILY = Family("net", Architecture(), InputType("digit", 16), (Scale(0.5), Scale(0.25)))


def names(text: str) -> list[str]:
    return [c.name for c in planned_chain(FAMILY, full_size(FAMILY), parsed_chain(text), Alike())]


def test_a_plain_name_is_a_chain_of_one() -> None:
    assert parsed_chain("int8") == (Step("int8"),)
    assert names("int8") == ["net-w100-d100-r16-int8"]


def test_every_step_is_applied_to_all_that_the_one_before_gave() -> None:
    assert names("scale+lowrank+int8") == [
        "net-w50-d100-r16",
        "net-w25-d100-r16",
        "net-w50-d100-r16-lowrank",
        "net-w25-d100-r16-lowrank",
        "net-w50-d100-r16-lowrank-int8",
        "net-w25-d100-r16-lowrank-int8",
    ]


def test_a_chain_may_go_on_with_some_of_the_sizes() -> None:
    assert names("scale:width=0.25+int8") == ["net-w25-d100-r16", "net-w25-d100-r16-int8"]
    assert names("scale:width=0.5,resolution=1+int8") == ["net-w50-d100-r16", "net-w50-d100-r16-int8"]
    with pytest.raises(BadInput, match=r"no \[\[model.scale\]\] has width = 0.25, resolution = 0.5"):
        names("scale:width=0.25,resolution=0.5")


def test_shares_reach_the_recipe_the_name_and_the_lineage() -> None:
    chain = parsed_chain("lowrank:kept=0.35,energy=0.9 + int8")
    first, second = planned_chain(FAMILY, full_size(FAMILY), chain, Alike())
    assert first.name == "net-w100-d100-r16-lowrank35-e90"
    assert first.lineage[-1] == "lowrank kept=0.35 energy=0.9"
    assert (first.recipe.kept, first.recipe.energy) == (0.35, 0.9)  # type: ignore[attr-defined]
    assert second.name == f"{first.name}-int8"
    assert second.after == (first.name,)


def test_a_learning_rate_is_recorded_only_where_it_is_given() -> None:
    gently = parsed_chain("drop-blocks:kept=0.9,rate=0.0002")
    (slow,), (own,) = (
        list(planned_chain(FAMILY, full_size(FAMILY), chain, Alike()))
        for chain in (gently, parsed_chain("drop-blocks:kept=0.9"))
    )
    assert slow.name == "net-w100-d100-r16-drop90-r0p02"
    assert slow.lineage[-1] == "drop-blocks kept=0.9 rate=0.0002"
    assert slow.record()["recipe"]["rate"] == 0.0002
    assert "rate" not in own.record()["recipe"]


def test_techniques_keep_the_order_of_their_first_occurrence() -> None:
    chains = [parsed_chain(text) for text in ("scale", "int8", "scale+lowrank+int8")]
    assert techniques_of(chains) == ["scale", "int8", "lowrank"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("squeeze", "'squeeze': expected one of scale, "),
        ("lowrank+", "'': expected one of"),
        ("int8+lowrank", "nothing can be trained after int8"),
        ("lowrank+scale", "scale trains from fresh weights"),
        ("lowrank+lowrank", "lowrank stands twice"),
        ("lowrank+tucker", "lowrank and tucker factorise the same layers: expected one"),
        ("prune+soft-prune", "prune and soft-prune remove whole filters of the same layers: expected one"),
        ("soft-prune+lowrank+asymptotic-prune", "soft-prune and asymptotic-prune remove whole filters"),
        ("lowrank:", "nothing after 'lowrank:'"),
        ("lowrank:kept", "expected kept=NUMBER or energy=NUMBER or rate=NUMBER"),
        ("lowrank:kept=much", "above 0 and below 1"),
        ("lowrank:kept=1.5", "above 0 and below 1"),
        ("lowrank:rank=4", "expected kept=NUMBER"),
        ("lowrank:kept=0.5,kept=0.6", "given twice"),
        ("scale:kept=0.5", "expected width=NUMBER or depth=NUMBER or resolution=NUMBER"),
        ("scale:width=1.5", "above 0 and at most 1"),
    ],
)
def test_what_cannot_be_is_named(text: str, expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        parsed_chain(text)


def test_a_parameter_that_a_technique_does_not_take_is_named() -> None:
    with pytest.raises(BadInput, match="technique int8: 'kept': expected no parameters"):
        names("int8:kept=0.5")
