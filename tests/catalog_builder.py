"""A whole catalog in milliseconds: seeded random weights, no training, no torch.

Two tasks on the input type "digit" (16 px): identity (10 classes) and parity (relabelled). Three
trunks, "wide", "narrow" and "small"; wide and narrow share their first part. The measurements for
"host" and the accuracies are made up so that all three trunks are on the front; answers are what the
random weights give, and stored features are one cloud of points a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from catalog.canonical import canonical_bytes
from catalog.contents import CatalogContents, CompileRecord
from catalog.heads import Head, HeadWeights
from catalog.measurements import DeviceMeasurements, PartMeasurement
from catalog.parts import Part, Trunk
from catalog.store import CatalogWriter, StoredFeatures
from catalog.tasks import InputType, Task, relabelled
from catalog.variants import Variant

DATE = "2026-01-01T00:00:00Z"
OPSET = 18
IR_VERSION = 9
KERNEL_PX = 3
FEATURE_ROWS = {"train": 80, "validation": 40}

DIGIT = InputType("digit", size_px=16, margin=0.1)
IDENTITY = Task("identity", "digit", tuple("0123456789"))
PARITY = relabelled("parity", IDENTITY, {"even": list("02468"), "odd": list("13579")})


@dataclass(frozen=True, slots=True)
class TrunkSketch:
    """What a trunk of the built catalog looks like and what is claimed of it.

    Args:
        stem: name of its first part; trunks with the same stem share it.
        stem_channels: written by the first part.
        feature_dim: written by the second part.
        accuracy: on validation, for identity.
        first_s: claimed latency of the first part.
        second_s: claimed latency of the second part.
    """

    name: str
    stem: str
    size_px: int
    stem_channels: int
    feature_dim: int
    accuracy: float
    first_s: float
    second_s: float


SKETCHES = (
    TrunkSketch("wide", "shared", 16, 8, 32, 0.98, 400e-6, 600e-6),
    TrunkSketch("narrow", "shared", 16, 8, 12, 0.93, 400e-6, 100e-6),
    TrunkSketch("small", "own", 8, 4, 8, 0.81, 60e-6, 40e-6),
)


def build_catalog(root: Path, seed: int = 0) -> Path:
    """Write the catalog below root and return root."""
    rng = np.random.default_rng(seed)
    writer = CatalogWriter(root)
    parts: dict[str, Part] = {}
    stems: dict[str, Part] = {}
    trunks: list[Trunk] = []
    heads: list[Head] = []
    variants: list[Variant] = []
    measured: dict[str, PartMeasurement] = {}
    for sketch in SKETCHES:
        first = stems.get(sketch.stem) or _store(writer, first_part_graph(sketch, rng), sketch, first=True)
        second = _store(writer, second_part_graph(sketch, rng), sketch, first=False)
        stems[sketch.stem] = first
        for part, latency_s in ((first, sketch.first_s), (second, sketch.second_s)):
            parts[part.id] = part
            measured[part.id] = _measurement(part, latency_s)
        trunks.append(
            Trunk(
                sketch.name, "digit", sketch.size_px, (first.id, second.id), sketch.feature_dim, ("random",)
            )
        )
        for task in (IDENTITY, PARITY):
            head = _head(writer, sketch, task, rng)
            heads.append(head)
            variants.append(_variant(sketch, task, head))
        for split, rows in FEATURE_ROWS.items():
            writer.write_features(
                sketch.name, "identity", split, _class_clouds(rows, sketch.feature_dim, rng)
            )
    writer.write_measurements(
        DeviceMeasurements(
            "host",
            "made up",
            {},
            DATE,
            tuple(measured.values()),
            {h.id: 5e-6 for h in heads},
        )
    )
    writer.write_contents(
        CatalogContents(
            CompileRecord(f"random-{seed}", True, seed, DATE, {}),
            (DIGIT,),
            (IDENTITY, PARITY),
            tuple(parts.values()),
            tuple(trunks),
            tuple(heads),
            tuple(variants),
        )
    )
    return root


def first_part_graph(sketch: TrunkSketch, rng: np.random.Generator) -> ModelProto:
    """Return uint8 (N, S, S, 3) -> normalised float32 -> convolution -> (N, C, S/2, S/2)."""
    size, channels = sketch.size_px, sketch.stem_channels
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["planar"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planar"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["real", "scale"], ["unit"]),
        helper.make_node("Conv", ["unit", "w", "b"], ["wave"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["wave"], ["maps"]),
    ]
    graph = helper.make_graph(
        nodes,
        f"first-{sketch.stem}",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", size, size, 3])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["N", channels, size // 2, size // 2])],
        [
            numpy_helper.from_array(np.array(255.0, np.float32), "scale"),
            numpy_helper.from_array(_normal(rng, channels, 3, KERNEL_PX, KERNEL_PX), "w"),
            numpy_helper.from_array(_normal(rng, channels), "b"),
        ],
    )
    return _model(graph)


def second_part_graph(sketch: TrunkSketch, rng: np.random.Generator) -> ModelProto:
    """Return (N, C, S/2, S/2) -> convolution -> mean over positions -> float32 (N, D)."""
    side, channels, dim = sketch.size_px // 2, sketch.stem_channels, sketch.feature_dim
    nodes = [
        helper.make_node("Conv", ["maps", "w", "b"], ["wave"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["wave"], ["positive"]),
        helper.make_node("ReduceMean", ["positive", "axes"], ["features"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        f"second-{sketch.name}",
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["N", channels, side, side])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", dim])],
        [
            numpy_helper.from_array(_normal(rng, dim, channels, KERNEL_PX, KERNEL_PX), "w"),
            numpy_helper.from_array(_normal(rng, dim), "b"),
            numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
        ],
    )
    return _model(graph)


def _model(graph: GraphProto) -> ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _normal(rng: np.random.Generator, *shape: int) -> npt.NDArray[np.float32]:
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 100
    values: npt.NDArray[np.float32] = (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)
    return values


def _store(writer: CatalogWriter, model: ModelProto, sketch: TrunkSketch, *, first: bool) -> Part:
    data = canonical_bytes(model)
    size, side, channels = sketch.size_px, sketch.size_px // 2, sketch.stem_channels
    maps = (channels, side, side)
    weight_bytes = sum(numpy_helper.to_array(t).nbytes for t in model.graph.initializer)
    kernel = KERNEL_PX * KERNEL_PX
    if first:
        shapes: tuple[tuple[int, ...], tuple[int, ...]] = ((size, size, 3), maps)
        activation_bytes = 4 * (2 * 3 * size * size)
        macs = side * side * channels * 3 * kernel
    else:
        shapes = (maps, (sketch.feature_dim,))
        activation_bytes = 4 * (2 * sketch.feature_dim * side * side)
        macs = side * side * sketch.feature_dim * channels * kernel
    return Part(writer.write_part(data), *shapes, len(data), weight_bytes, activation_bytes, macs)


def _measurement(part: Part, latency_s: float) -> PartMeasurement:
    return PartMeasurement(part.id, "onnxruntime", "f32", 1, 1, latency_s, 1.5 * latency_s, 20 * latency_s)


def _head(writer: CatalogWriter, sketch: TrunkSketch, task: Task, rng: np.random.Generator) -> Head:
    classes = len(task.classes)
    weights = HeadWeights(_normal(rng, classes, sketch.feature_dim), _normal(rng, classes), 1.25)
    return Head(writer.write_head(weights), sketch.name, task.name, 4 * classes * (sketch.feature_dim + 1))


def _variant(sketch: TrunkSketch, task: Task, head: Head) -> Variant:
    easier = 0.0 if task is IDENTITY else (1.0 - sketch.accuracy) / 2
    accuracy = sketch.accuracy + easier
    return Variant(
        f"{sketch.name}/{task.name}", task.name, sketch.name, head.id, accuracy, accuracy - 0.005, 0.02
    )


def _class_clouds(rows: int, dim: int, rng: np.random.Generator) -> StoredFeatures:
    centres = np.random.default_rng(dim).standard_normal((len(IDENTITY.classes), dim))
    labels = np.arange(rows, dtype=np.int64) % len(IDENTITY.classes)
    points = centres[labels] + 0.3 * rng.standard_normal((rows, dim))
    return StoredFeatures(points.astype(np.float16), labels)
