from __future__ import annotations

from catalog.store import Catalog
from cloud.trunk_forest import WINDOW, TrunkForest
from engine.offload import Question


def test_trunks_that_begin_alike_share_a_tree(opened: Catalog) -> None:
    forest = TrunkForest(opened)
    wide, narrow, small = (opened.trunks[name].parts for name in ("wide", "narrow", "small"))
    assert wide[0] == narrow[0]
    assert {n.part for n in forest.nodes} == {*wide, *narrow, *small}
    assert len(forest.nodes) == 5
    assert sorted(t.size_px for t in forest.trees.values()) == [8, 16]
    assert [n.depth for n in forest.nodes if n.parent == WINDOW] == [0, 0]


def test_a_request_walks_each_tree_once_and_a_head_that_two_apps_ask_is_read_once(opened: Catalog) -> None:
    forest = TrunkForest(opened)
    asked = ("wide/identity", "small/parity", "narrow/identity", "wide/identity", "wide/parity")
    large, small = forest.walks([Question(f"app{i}", v) for i, v in enumerate(asked)])
    parts = [forest.nodes[n].part for n in large.nodes]
    assert parts == [*opened.trunks["wide"].parts, opened.trunks["narrow"].parts[1]]
    assert [r.questions for r in large.readings] == [((0, 3), (4,)), ((2,),)]
    assert [r.questions for r in small.readings] == [((1,),)]
    assert large.readings[0].classes == (opened.tasks["identity"].classes, opened.tasks["parity"].classes)


def test_the_same_parts_on_windows_of_another_kind_are_another_tree(two_inputs: Catalog) -> None:
    letters = two_inputs.contents.trunks[0]
    forest = TrunkForest(two_inputs)
    (walk,) = forest.walks([Question("a", f"{letters.name}/identity")])
    assert forest.trees[walk.root].input_type.name == letters.input_type
