"""A catalog with one random trunk of a chosen weight, for measuring the engine and not the model."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from catalog.backends.table import open_backend
from catalog.canonical import canonical_bytes
from catalog.contents import CatalogContents, CompileRecord
from catalog.heads import Head, HeadWeights
from catalog.measurements import DeviceMeasurements, PartMeasurement
from catalog.parts import Part, Trunk
from catalog.store import CatalogWriter
from catalog.tasks import InputType, Task
from catalog.variants import Variant

SIZE_PX = 64
FEATURES = 64


def conv_part(layers: int, channels: int, rng: np.random.Generator, features: int = FEATURES) -> ModelProto:
    """Return uint8 (N, 64, 64, 3) -> layers of 3x3 convolutions at 32x32 -> float32 (N, features)."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["t"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["f", "scale"], ["h0"]),
    ]
    weights = [numpy_helper.from_array(np.array(255.0, np.float32), "scale")]
    for i in range(layers):
        before = 3 if i == 0 else channels
        after = features if i == layers - 1 else channels
        w = rng.standard_normal((after, before, 3, 3)) / np.sqrt(9 * before)
        weights.append(numpy_helper.from_array(w.astype(np.float32), f"w{i}"))
        stride = 2 if i == 0 else 1
        nodes += [
            helper.make_node("Conv", [f"h{i}", f"w{i}"], [f"c{i}"], strides=[stride] * 2, pads=[1] * 4),
            helper.make_node("Relu", [f"c{i}"], [f"h{i + 1}"]),
        ]
    weights.append(numpy_helper.from_array(np.array([2, 3], np.int64), "axes"))
    nodes.append(helper.make_node("ReduceMean", [f"h{layers}", "axes"], ["y"], keepdims=0))
    graph = helper.make_graph(
        nodes,
        "synthetic",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", SIZE_PX, SIZE_PX, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", features])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def build_synthetic_catalog(
    root: Path, tasks: int, layers: int, channels: int, features: int = FEATURES
) -> Path:
    """Write a catalog with one trunk of one part and a head for each of some ten-class tasks."""
    rng = np.random.default_rng(0)
    writer = CatalogWriter(root)
    data = canonical_bytes(conv_part(layers, channels, rng, features))
    part = Part(
        writer.write_part(data),
        (SIZE_PX, SIZE_PX, 3),
        (features,),
        len(data),
        len(data),
        2 * 4 * channels * (SIZE_PX // 2) ** 2,
        0,
    )
    trunk = Trunk("synthetic", "synthetic", SIZE_PX, (part.id,), features)
    task_list = [Task(f"task{i}", "synthetic", tuple("abcdefghij")) for i in range(tasks)]
    heads, variants = [], []
    for task in task_list:
        weight = rng.standard_normal((10, features)).astype(np.float32)
        head_id = writer.write_head(HeadWeights(weight, np.zeros(10, np.float32), 1.0))
        heads.append(Head(head_id, trunk.name, task.name, 4 * 10 * (features + 1)))
        variants.append(Variant(f"synthetic/{task.name}", task.name, trunk.name, head_id, 0.9, 0.9, 0.0))
    latency_s = _latency_s(root / "parts" / f"{part.id}.onnx")
    writer.write_measurements(
        DeviceMeasurements(
            "host",
            "",
            {},
            "",
            (PartMeasurement(part.id, "onnxruntime", "f32", 1, 1, latency_s, latency_s, 0.0),),
            {h.id: 1e-5 for h in heads},
        )
    )
    writer.write_contents(
        CatalogContents(
            CompileRecord("synthetic", True, 0, "", {}),
            (InputType("synthetic", SIZE_PX),),
            tuple(task_list),
            (part,),
            (trunk,),
            tuple(heads),
            tuple(variants),
        )
    )
    return root


def _latency_s(path: Path) -> float:
    part = open_backend("onnxruntime").load(path)
    window = np.zeros((1, SIZE_PX, SIZE_PX, 3), np.uint8)
    times = []
    for _ in range(20):
        before = time.perf_counter()
        part(window)
        times.append(time.perf_counter() - before)
    return float(np.median(times))
