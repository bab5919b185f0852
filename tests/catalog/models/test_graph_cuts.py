from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, helper

from catalog.errors import BadInput
from catalog.models.graph_cuts import CutPoint, chosen_cuts, cut, cut_points, named_cuts
from tests.catalog.graphs import model

node = helper.make_node
SIDE = 6


def convolution(reads: str, writes: str, weight: str = "w") -> list[object]:
    return [node("Conv", [reads, weight], [writes], pads=[1, 1, 1, 1], kernel_shape=[3, 3])]


def graph(*nodes: object) -> ModelProto:
    weights = {"w": np.ones((4, 4, 3, 3), np.float32), "axes": np.array([2, 3], np.int64)}
    last = [node("ReduceMean", ["end", "axes"], ["y"], keepdims=0)]
    return model([*nodes, *last], (4, SIDE, SIDE), (4,), weights)  # type: ignore[list-item]


def residual(reads: str, writes: str) -> list[object]:
    inner, summed = f"{writes}.inner", f"{writes}.sum"
    return [
        *convolution(reads, f"{writes}.conv"),
        node("Relu", [f"{writes}.conv"], [inner]),
        *convolution(inner, f"{writes}.out"),
        node("Add", [f"{writes}.out", reads], [summed]),
        node("Relu", [summed], [writes]),
    ]


def test_a_residual_block_can_only_be_cut_at_its_end() -> None:
    points = cut_points(graph(*residual("x", "a"), *residual("a", "b"), *residual("b", "end")))
    assert [p.tensor for p in points] == ["a", "b", "end"]
    np.testing.assert_allclose([p.cost_before for p in points], [1 / 3, 2 / 3, 1.0])
    assert {p.size_bytes for p in points} == {4 * 4 * SIDE * SIDE}


def test_an_activation_stays_with_its_convolution() -> None:
    nodes = [*convolution("x", "a"), node("Relu", ["a"], ["b"]), *convolution("b", "end")]
    assert [p.tensor for p in cut_points(graph(*nodes))] == ["b", "end"]


def test_two_streams_have_no_cut() -> None:
    nodes = [*convolution("x", "a"), *convolution("x", "b"), *convolution("b", "c")]
    points = cut_points(graph(*nodes, node("Add", ["a", "c"], ["end"])))
    assert [p.tensor for p in points] == ["end"]
    assert chosen_cuts(points) == ()


def test_what_constants_make_does_not_cross() -> None:
    doubled = node("Add", ["w", "w"], ["w2"])
    points = cut_points(graph(doubled, *convolution("x", "a"), *convolution("a", "end", "w2")))
    assert [p.tensor for p in points] == ["a", "end"]


def evenly(count: int, sizes: list[int] | None = None) -> list[CutPoint]:
    return [CutPoint(f"t{k}", (k + 1) / count, (sizes or [1] * count)[k]) for k in range(count - 1)]


def test_a_long_even_chain_becomes_a_few_even_parts() -> None:
    assert chosen_cuts(evenly(12)) == ("t3", "t7")


def test_where_tensors_shrink_as_they_do_there_are_more_parts() -> None:
    sizes = [64] * 2 + [32] * 3 + [16] * 3 + [8] * 4
    assert chosen_cuts(evenly(12, sizes)) == ("t2", "t5", "t8")


def test_the_user_of_few_parts_gets_few() -> None:
    assert len(chosen_cuts(evenly(12), most_parts=2)) == 1


def test_a_small_tensor_is_the_better_place() -> None:
    sizes = [100] * 11
    sizes[4] = 1
    assert "t4" in chosen_cuts(evenly(12, sizes), most_parts=2)


def test_a_part_that_costs_nothing_is_not_cut_off() -> None:
    assert chosen_cuts([CutPoint("early", 0.0, 4), CutPoint("late", 1.0, 4)]) == ()
    assert chosen_cuts([CutPoint("tiny", 0.01, 4)]) == ()


shares = st.lists(st.integers(1, 999), min_size=1, max_size=6, unique=True)


@given(shares, st.data())
def test_no_other_choice_of_cuts_is_better(thousandths: list[int], data: st.DataObject) -> None:
    points = [CutPoint(str(t), t / 1000, data.draw(st.integers(1, 50))) for t in sorted(thousandths)]
    largest = max(p.size_bytes for p in points)

    def cost(chosen: tuple[str, ...]) -> float:
        taken = [p for p in points if p.tensor in chosen]
        ends = [0.0, *(p.cost_before for p in taken), 1.0]
        parts = sum((b - a) ** 2 for a, b in pairwise(ends))
        return parts + sum(0.06 + 0.05 * p.size_bytes / largest for p in taken)

    found = cost(chosen_cuts(points))
    subsets = range(2 ** len(points))
    names = [p.tensor for p in points]
    others = [tuple(n for k, n in enumerate(names) if s >> k & 1) for s in subsets]
    assert found <= min(cost(o) for o in others if len(o) < 6) + 1e-9


def test_parts_read_what_the_parts_before_them_write() -> None:
    whole = graph(*residual("x", "a"), *residual("a", "end"))
    first, second = cut(whole, ["a"])
    assert (first.graph.input[0].name, first.graph.output[0].name) == ("x", "a")
    assert (second.graph.input[0].name, second.graph.output[0].name) == ("a", "y")
    assert [len(m.graph.node) for m in (first, second)] == [5, 6]


def test_the_users_own_cuts_are_checked() -> None:
    whole = graph(*residual("x", "a"), *residual("a", "end"))
    assert named_cuts(whole, {"block1": "a", "block2": "end"}) == ("a", "end")
    with pytest.raises(BadInput, match=r"parts: more than what 'block1\.conv1' gives is used after it"):
        named_cuts(whole, {"block1.conv1": "a.inner"})
    with pytest.raises(
        BadInput, match=r"parts: \['block2', 'block1'\]: expected the order in which they run"
    ):
        named_cuts(whole, {"block2": "end", "block1": "a"})
