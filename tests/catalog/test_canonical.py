from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from catalog.canonical import canonical_bytes, check_finite
from catalog.errors import CatalogError, DataError
from catalog.store import content_id
from tests.catalog_builder import SKETCHES, first_part_graph, second_part_graph


def part(seed: int = 0) -> onnx.ModelProto:
    return first_part_graph(SKETCHES[0], np.random.default_rng(seed))


def renamed(model: onnx.ModelProto, name_of) -> onnx.ModelProto:
    """The same graph with every name and every free text replaced."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    graph.name = name_of("graph")
    graph.doc_string = name_of("about")
    copy.producer_name, copy.producer_version = name_of("maker"), name_of("version")
    copy.domain, copy.doc_string, copy.model_version = name_of("domain"), name_of("text"), 7
    copy.metadata_props.add(key=name_of("key"), value="x")
    graph.metadata_props.add(key=name_of("key"), value="y")
    for value in (*graph.input, *graph.output):
        value.name, value.doc_string = name_of(value.name), name_of("text")
        value.type.tensor_type.shape.dim[0].dim_param = name_of("batch")
    for tensor in graph.initializer:
        tensor.name, tensor.doc_string = name_of(tensor.name), name_of("text")
    for node in graph.node:
        node.name, node.doc_string = name_of("node"), name_of("text")
        node.metadata_props.add(key="where", value=name_of("trace"))
        node.input[:] = [name_of(n) for n in node.input]
        node.output[:] = [name_of(n) for n in node.output]
    graph.value_info.add(name=name_of("inner"))
    return copy


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=8), st.booleans())
def test_names_documentation_and_metadata_do_not_matter(mark: str, before: bool) -> None:
    other = renamed(part(), lambda name: f"{mark}/{name}" if before else f"{name}.{mark}")
    assert canonical_bytes(other) == canonical_bytes(part())


@given(st.permutations(range(3)))
def test_the_order_of_weights_and_attributes_does_not_matter(order: list[int]) -> None:
    shuffled = part()
    weights = [numpy_helper.from_array(numpy_helper.to_array(t), t.name) for t in shuffled.graph.initializer]
    del shuffled.graph.initializer[:]
    shuffled.graph.initializer.extend(weights[i] for i in order)
    convolution = shuffled.graph.node[3]
    attributes = [helper.make_attribute(a.name, helper.get_attribute_value(a)) for a in convolution.attribute]
    del convolution.attribute[:]
    convolution.attribute.extend(reversed(attributes))
    assert canonical_bytes(shuffled) == canonical_bytes(part())


def test_the_way_a_weight_is_written_does_not_matter() -> None:
    listed = part()
    for tensor in listed.graph.initializer:
        values = numpy_helper.to_array(tensor)
        tensor.CopyFrom(
            helper.make_tensor(tensor.name, TensorProto.FLOAT, values.shape, values.ravel().tolist())
        )
    assert listed != part()
    assert canonical_bytes(listed) == canonical_bytes(part())


def test_the_canonical_form_is_its_own_and_leaves_the_model_alone() -> None:
    model = part()
    before = model.SerializeToString(deterministic=True)
    once = canonical_bytes(model)
    assert model.SerializeToString(deterministic=True) == before
    assert canonical_bytes(onnx.load_from_string(once)) == once


def test_the_canonical_form_is_a_valid_model_that_computes_the_same() -> None:
    import onnxruntime as ort

    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    data = canonical_bytes(part())
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    outputs = []
    for stored in (part().SerializeToString(), data):
        session = ort.InferenceSession(stored, providers=["CPUExecutionProvider"])
        outputs.append(session.run(None, {session.get_inputs()[0].name: pixels})[0])
    np.testing.assert_array_equal(*outputs)


def test_structure_and_weights_do_matter() -> None:
    other_stride = part()
    other_stride.graph.node[3].attribute[1].ints[:] = [1, 1]
    ids = [content_id(canonical_bytes(m)) for m in (part(0), part(1), other_stride)]
    ids.append(content_id(canonical_bytes(second_part_graph(SKETCHES[0], np.random.default_rng(0)))))
    assert len(set(ids)) == 4


def with_weight(values: np.ndarray) -> onnx.ModelProto:
    model = part()
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(values, "w"))
    return model


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "bfloat16"])
def test_weights_that_are_not_finite_are_refused(wrong: float, dtype: str) -> None:
    import ml_dtypes

    values = np.zeros((8, 3, 3, 3), np.float32)
    values[1, 2, 0, 1] = wrong
    model = with_weight(values.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype))
    with pytest.raises(DataError, match=r"part: weights v\d+ are not finite"):
        canonical_bytes(model)
    with pytest.raises(CatalogError, match="here: weights w are not finite"):
        check_finite(model.SerializeToString(), "here")


def test_a_constant_inside_a_node_is_checked_and_written_plainly() -> None:
    def with_constant(value: float, name: str) -> onnx.ModelProto:
        model = part()
        graph = model.graph
        del graph.initializer[0]
        tensor = helper.make_tensor(name, TensorProto.FLOAT, (), [value])
        nodes = [helper.make_node("Constant", [], ["scale"], value=tensor), *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
        return model

    assert canonical_bytes(with_constant(255.0, "a")) == canonical_bytes(with_constant(255.0, "b"))
    with pytest.raises(DataError, match=r"Constant\.value are not finite"):
        canonical_bytes(with_constant(float("nan"), "a"))


def test_a_graph_that_is_not_straight_is_refused() -> None:
    two_inputs = part()
    two_inputs.graph.input.add(name="more")
    with pytest.raises(DataError, match="2 inputs and 1 outputs: expected one of each"):
        canonical_bytes(two_inputs)
    branching = part()
    inner = helper.make_graph([], "inner", [], [])
    branching.graph.node.append(
        helper.make_node("If", ["maps"], ["out"], then_branch=inner, else_branch=inner)
    )
    with pytest.raises(DataError, match="node If holds a graph"):
        canonical_bytes(branching)


def test_what_is_no_part_is_told_with_its_place() -> None:
    with pytest.raises(CatalogError, match="parts/x: not a stored part"):
        check_finite(b"\xff\xff\xff", "parts/x")
