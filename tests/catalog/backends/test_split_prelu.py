from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from onnx import ModelProto, helper

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.split_prelu import loadable, split
from catalog.errors import BackendError
from tests.catalog.graphs import features_part, model, normal, save


def leaky() -> ModelProto:
    """(N, 3, 5, 5) -> PReLU twice, with slopes below 0 and above 1 -> (N, 3, 5, 5)."""
    slopes = np.array([-3.0, 0.25, 2.0], np.float32).reshape(3, 1, 1)
    nodes = [helper.make_node("PRelu", ["x", "a"], ["m"]), helper.make_node("PRelu", ["m", "b"], ["y"])]
    return model(nodes, (3, 5, 5), (3, 5, 5), {"a": slopes, "b": slopes[::-1].copy()})


def run(graph: ModelProto, inputs: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    answer: np.ndarray = session.run(None, {"x": inputs})[0]
    return answer


def test_the_steps_give_the_same_to_the_last_bit() -> None:
    inputs = normal(0, 4, 3, 5, 5)
    inputs[0, :, 0, 0] = 0.0
    steps = split(leaky())
    assert {node.op_type for node in steps.graph.node} == {"Relu", "Clip", "Mul", "Add"}
    np.testing.assert_array_equal(run(steps, inputs), run(leaky(), inputs))


def test_the_backend_runs_a_part_with_prelu_in_steps(tmp_path: Path) -> None:
    path, inputs = save(leaky(), tmp_path / "leaky.onnx"), normal(1, 2, 3, 5, 5)
    given = loadable(path)
    assert isinstance(given, bytes)
    assert b"PRelu" not in given
    np.testing.assert_array_equal(OnnxruntimeBackend().load(path)(inputs), run(leaky(), inputs))


def test_other_parts_are_loaded_from_their_files(tmp_path: Path) -> None:
    path = save(features_part(), tmp_path / "part.onnx")
    assert loadable(path) == str(path)


@pytest.mark.parametrize("content", [None, b"PRelu, but no graph"])
def test_what_cannot_be_read_is_named_by_the_backend(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "part.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackendError, match=r"part\.onnx: onnxruntime cannot load it"):
        OnnxruntimeBackend().load(path)
