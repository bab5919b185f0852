from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper

from catalog.models.architecture import Architecture, PixelScale, WeightsFile
from tests.catalog.graphs import Array, model, normal
from tests.catalog.transforms.pruned_graphs import (
    built_parts,
    channels_of,
    check_masked_is_compact,
    drawn,
    pixels,
)

node = helper.make_node


@pytest.mark.parametrize("family", ["convnet", "resnet", "mobilenet", "vgg"])
def test_every_built_in_family_can_be_pruned_anywhere(family: str) -> None:
    parts = built_parts(Architecture(family), 32, depth=0.5)
    channels = channels_of(parts)
    assert not channels.locked.any()
    for seed in range(2):
        check_masked_is_compact(parts, channels, drawn(channels, seed), pixels(3, 32))


@pytest.mark.data
def test_a_published_network_can_be_pruned_anywhere() -> None:
    root = os.environ.get("MCDNN_DATA")
    found = sorted(Path(root, "weights/cifar10_resnet").glob("resnet20*")) if root else []
    if not found:
        pytest.skip("MCDNN_DATA holds no weights/cifar10_resnet/resnet20*")
    scale = PixelScale((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    weights = WeightsFile.at(found[0])
    parts = built_parts(Architecture("resnet", (("blocks", 3),), scale, weights), 32)
    channels = channels_of(parts)
    assert not channels.locked.any()
    check_masked_is_compact(parts, channels, drawn(channels, 0), pixels(3, 32))


def conv(name: str, reads: str, writes: str, **settings: object) -> NodeProto:
    return node("Conv", [reads, f"{name}.w", f"{name}.b"], [writes], pads=[1, 1, 1, 1], **settings)


def filters(name: str, outputs: int, inputs: int) -> dict[str, Array]:
    seed = sum(name.encode())
    return {f"{name}.w": normal(seed, outputs, inputs, 3, 3) / 4, f"{name}.b": normal(seed + 1, outputs)}


def between(middle: list[NodeProto], weights: dict[str, Array], width: int = 8) -> ModelProto:
    """A graph from (3, 6, 6) to 8 channels "a", over what is given to "z", to (4, 6, 6)."""
    nodes = [conv("first", "x", "a"), *middle, conv("last", "z", "y")]
    return model(
        nodes,
        (3, 6, 6),
        (4, 6, 6),
        {**filters("first", 8, 3), **weights, **filters("last", 4, width)},
    )


SCALARS: dict[str, Array] = {"low": np.float32(0.0), "high": np.float32(6.0)}  # type: ignore[dict-item]
UNDERSTOOD = {
    "a clip": between([node("Clip", ["a", "low", "high"], ["z"])], SCALARS),
    "a residual sum": between(
        [node("Relu", ["a"], ["r"]), conv("c", "r", "c"), node("Add", ["r", "c"], ["z"])], filters("c", 8, 8)
    ),
    "a concatenation": between(
        [conv("c", "a", "c"), node("Concat", ["a", "c"], ["z"], axis=1)], filters("c", 6, 8), width=14
    ),
    "a convolution of each channel": between([conv("c", "a", "z", group=8)], filters("c", 8, 1)),
    "two filters for each channel": between([conv("c", "a", "z", group=8)], filters("c", 16, 1), width=16),
    "slopes": between([node("PRelu", ["a", "s"], ["z"])], {"s": normal(5, 8, 1, 1)}),
    "means and factors": between(
        [node("Sub", ["a", "m"], ["s"]), node("Mul", ["f", "s"], ["z"])],
        {"m": normal(5, 1, 8, 1, 1), "f": normal(6, 8, 1, 1)},
    ),
    "batch normalisation": between(
        [node("BatchNormalization", ["a", "s", "o", "m", "v"], ["z"])],
        {"s": normal(1, 8), "o": normal(2, 8), "m": normal(3, 8), "v": np.square(normal(4, 8))},
    ),
    "weights that two convolutions share": between(
        [conv("c", "a", "b"), conv("c", "b", "z")], filters("c", 8, 8)
    ),
    "squeeze and excitation": between(
        [
            node("GlobalAveragePool", ["a"], ["p"]),
            node("Conv", ["p", "down"], ["d"]),
            node("Relu", ["d"], ["r"]),
            node("Conv", ["r", "up"], ["u"]),
            node("Sigmoid", ["u"], ["s"]),
            node("Mul", ["a", "s"], ["z"]),
        ],
        {"down": normal(1, 4, 8, 1, 1), "up": normal(2, 8, 4, 1, 1)},
    ),
    "zero channels before and after": between(
        [node("Pad", ["a", "p"], ["q"]), conv("c", "a", "c"), node("Add", ["q", "c"], ["z"])],
        {"p": np.array([0, 2, 0, 0, 0, 4, 0, 0], np.int64), **filters("c", 14, 8)},
        width=14,
    ),
}


@pytest.mark.parametrize("graph", UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_channels_are_followed_through(graph: ModelProto) -> None:
    channels = channels_of([graph])
    assert not channels.locked.any()
    for seed in range(3):
        check_masked_is_compact([graph], channels, drawn(channels, seed), normal(9, 2, 3, 6, 6))


@pytest.mark.parametrize("shape", [[0, -1], [-1, 48], [1, 48]])
def test_positions_that_become_features_go_with_their_channel(shape: list[int]) -> None:
    graph = model(
        [
            conv("first", "x", "a"),
            node("Relu", ["a"], ["r"]),
            node("Reshape", ["r", "shape"], ["f"]),
            node("MatMul", ["f", "w"], ["m"]),
            node("Add", ["m", "b"], ["y"]),
        ],
        (3, 2, 3),
        (5,),
        {**filters("first", 8, 3), "shape": np.array(shape), "w": normal(1, 48, 5), "b": normal(2, 5)},
    )
    channels = channels_of([graph])
    assert [len(group) for group in channels.groups()] == [8, 5]
    check_masked_is_compact([graph], channels, drawn(channels, 0), normal(9, 1, 3, 2, 3))


NOT_UNDERSTOOD = {
    "channels that change places": between([node("Gather", ["a", "i"], ["z"], axis=1)], {"i": np.arange(8)}),
    "a softmax over channels": between([node("Softmax", ["a"], ["z"], axis=1)], {}),
    "groups of several channels": between([conv("c", "a", "z", group=2)], filters("c", 8, 4)),
    "one channel that multiplies all": between(
        [node("ReduceMean", ["a", "axis"], ["m"]), node("Mul", ["a", "m"], ["z"])], {"axis": np.array([1])}
    ),
    "weights that are computed": between(
        [node("Abs", ["w"], ["v"]), node("Conv", ["a", "v"], ["z"], pads=[1, 1, 1, 1])],
        {"w": normal(3, 8, 8, 3, 3)},
    ),
    "weights that are looked at elsewhere": between(
        [
            conv("c", "a", "c"),
            node("ReduceSum", ["c.w"], ["n"], keepdims=0),
            node("Mul", ["c", "n"], ["z"]),
        ],
        filters("c", 8, 8),
    ),
}


@pytest.mark.parametrize("graph", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_channels_that_reach_something_not_understood_stay(graph: ModelProto) -> None:
    channels = channels_of([graph])
    first = next(cut for cut in channels.written if cut.tensor == "first.w")
    assert channels.locked[first.units].all()
    check_masked_is_compact([graph], channels, drawn(channels, 0), normal(9, 2, 3, 6, 6))


def test_channels_between_two_parts_are_removed_from_both() -> None:
    parts = [
        model([conv("a", "x", "y")], (3, 4, 4), (8, 4, 4), filters("a", 8, 3)),
        model([node("Relu", ["x"], ["r"]), conv("b", "r", "y")], (8, 4, 4), (6, 4, 4), filters("b", 6, 8)),
    ]
    channels = channels_of(parts)
    assert [len(group) for group in channels.groups()] == [8, 6]
    check_masked_is_compact(parts, channels, drawn(channels, 0), normal(9, 2, 3, 4, 4))


def test_what_was_read_from_pixels_is_not_a_channel() -> None:
    graph = model(
        [node("Cast", ["x"], ["c"], to=TensorProto.FLOAT), conv("a", "c", "y")],
        (3, 4, 4),
        (8, 4, 4),
        filters("a", 8, 3),
    )
    assert [cut.axis for cut in channels_of([graph]).cuts if cut.tensor == "a.w"] == [0]
