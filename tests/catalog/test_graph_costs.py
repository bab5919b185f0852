from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from catalog.errors import DataError
from catalog.graph_costs import describe_part
from tests.catalog.graphs import features_part, model, normal, pixels_part


def describe(graph: object) -> object:
    return describe_part(graph.SerializeToString(), "p")  # type: ignore[attr-defined]


def test_shapes_and_weights_are_those_of_the_graph() -> None:
    part = describe_part(pixels_part(side=8, channels=4).SerializeToString(), "p")
    assert (part.id, part.input_shape, part.output_shape) == ("p", (8, 8, 3), (4, 4, 4))
    assert part.weight_bytes == 4 * (4 * 3 * 9 + 4 + 2)
    assert part.precision == "f32"


def test_operations_are_counted_for_each_output_element() -> None:
    assert describe_part(pixels_part(side=8, channels=4).SerializeToString(), "p").macs == 8 * 8 * 4 * 27
    expected = 4 * 4 * 8 * 4 * 9 + 2 * 2 * 6 * 8 * 9
    assert describe_part(features_part().SerializeToString(), "p").macs == expected


def test_products_count_rows_by_columns() -> None:
    gemm = model([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], (7,), (3,), {"w": normal(0, 3, 7)})
    product = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (7,), (3,), {"w": normal(0, 7, 3)})
    assert describe_part(gemm.SerializeToString(), "p").macs == 21
    assert describe_part(product.SerializeToString(), "p").macs == 21


def test_activations_peak_where_most_is_alive_at_once() -> None:
    widths = {"a": 10, "b": 100, "y": 5}
    nodes = [
        helper.make_node("MatMul", ["x", "wa"], ["a"]),
        helper.make_node("MatMul", ["a", "wb"], ["b"]),
        helper.make_node("MatMul", ["b", "wy"], ["y"]),
    ]
    weights = {"wa": normal(0, 4, 10), "wb": normal(0, 10, 100), "wy": normal(0, 100, 5)}
    part = describe_part(model(nodes, (4,), (5,), weights).SerializeToString(), "p")
    assert part.activation_bytes == 4 * (widths["a"] + widths["b"])


def test_a_tensor_that_is_read_again_later_stays_alive() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Add", ["b", "x"], ["y"]),
    ]
    part = describe_part(model(nodes, (10,), (10,), {"w": normal(0, 10, 10)}).SerializeToString(), "p")
    assert part.activation_bytes == 4 * 30


def test_quantised_tensors_count_one_byte_an_element() -> None:
    scale, zero = np.float32(0.1), np.uint8(0)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Relu", ["d"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "s", "z"], ["q2"]),
        helper.make_node("DequantizeLinear", ["q2", "s", "z"], ["y"]),
    ]
    part = describe_part(model(nodes, (100,), (100,), {"s": scale, "z": zero}).SerializeToString(), "p")
    assert part.activation_bytes == 500
    assert part.precision == "int8"


def test_a_shape_that_only_running_would_tell_is_refused() -> None:
    nodes = [helper.make_node("NonZero", ["x"], ["i"]), helper.make_node("Cast", ["i"], ["y"], to=1)]
    with pytest.raises(DataError, match="not fixed"):
        describe_part(model(nodes, (3,), (3,), {}).SerializeToString(), "p")
