from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto, helper
from torch import nn

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.openvino_backend import OpenvinoBackend
from catalog.backends.part_chain import PartChain
from catalog.canonical import canonical_bytes
from catalog.graph_costs import describe_part
from catalog.models.architecture import PixelScale
from catalog.models.pixels import Planes
from catalog.training.convnet import Normalise
from catalog.training.export import export_parts
from catalog.transforms import int8
from catalog.transforms.byte_pixels import with_byte_pixels

SIDE = 12
RNG = np.random.default_rng(0)
WINDOWS = RNG.integers(0, 256, (32, SIDE, SIDE, 3), dtype=np.uint8)
IMAGENET = Planes(PixelScale(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)))


def quantised(
    start: nn.Module, first: nn.Module, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> ModelProto:
    """Return a small network in int8 that still normalises its pixels in float."""
    torch.manual_seed(0)
    network = nn.Sequential(start, first, nn.ReLU(), nn.Conv2d(first.out_channels, 8, 3), nn.ReLU()).eval()
    (model,) = export_parts([network], torch.from_numpy(WINDOWS[:2]))
    stored = folder / "float.onnx"
    stored.write_bytes(canonical_bytes(model))
    with monkeypatch.context() as patched:
        patched.setattr(int8, "with_byte_pixels", lambda model: model)
        return int8.quantised(stored, [WINDOWS], folder)


def kinds(model: ModelProto) -> list[str]:
    return [n.op_type for n in model.graph.node]


@pytest.mark.parametrize("start", [Normalise(), IMAGENET])
@pytest.mark.parametrize("backend", [OnnxruntimeBackend(threads=1), OpenvinoBackend(threads=1)])
def test_bytes_give_what_normalised_pixels_gave(
    start: nn.Module,
    backend: OnnxruntimeBackend | OpenvinoBackend,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = quantised(start, nn.Conv2d(3, 16, 3, stride=2, padding=1), tmp_path, monkeypatch)
    after = with_byte_pixels(before)
    in_float = {"Cast", "Sub", "Mul"}
    assert in_float <= set(kinds(before))
    assert not in_float & set(kinds(after))
    assert kinds(after).count("Conv") == kinds(before).count("Conv") + 1
    answers = [
        PartChain(backend, [saved(m, tmp_path / f"{k}.onnx")])(WINDOWS) for k, m in enumerate((before, after))
    ]
    step = float(answers[0].max()) / 127.0  # of its bytes
    assert float(np.abs(answers[1] - answers[0]).mean()) < 0.5 * step
    assert float(np.abs(answers[1] - answers[0]).max()) < 4.0 * step


def test_one_channel_more_is_read_and_the_part_is_described_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = quantised(IMAGENET, nn.Conv2d(3, 16, 3, padding=1), tmp_path, monkeypatch)
    was, now = (describe_part(canonical_bytes(m), "part") for m in (before, with_byte_pixels(before)))
    assert (now.precision, now.input_shape, now.output_shape) == ("int8", was.input_shape, was.output_shape)
    positions = SIDE * SIDE
    assert now.macs - was.macs == positions * (3 * 4 + 16 * 9)  # the convolution of pixels, and the zeros


@pytest.mark.parametrize(
    "first",
    [
        nn.Conv2d(3, 12, 3, padding=1),  # kernels are as slow with three inputs
        nn.Conv2d(3, 18, 3, padding=1, groups=3),
    ],
)
def test_what_would_not_gain_stays_as_it_is(
    first: nn.Conv2d, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = quantised(IMAGENET, first, tmp_path, monkeypatch)
    assert with_byte_pixels(before) is before


def test_a_part_that_reads_no_bytes_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = quantised(IMAGENET, nn.Conv2d(3, 16, 3), tmp_path, monkeypatch)
    before.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    assert with_byte_pixels(before) is before


def test_pixels_that_something_else_reads_too_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = quantised(IMAGENET, nn.Conv2d(3, 16, 3), tmp_path, monkeypatch)
    scaled = next(n for n in before.graph.node if n.op_type == "Mul")
    before.graph.node.append(helper.make_node("Relu", [scaled.output[0]], ["further"]))
    assert with_byte_pixels(before) is before


def test_a_kernel_that_another_convolution_shares_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = quantised(IMAGENET, nn.Conv2d(3, 16, 3), tmp_path, monkeypatch)
    first = next(n for n in before.graph.node if n.op_type == "Conv")
    before.graph.node.append(helper.make_node("Conv", list(first.input[:2]), ["further"]))
    assert with_byte_pixels(before) is before


def test_quantising_gives_byte_pixels(tmp_path: Path) -> None:
    (model,) = export_parts([nn.Sequential(IMAGENET, nn.Conv2d(3, 16, 3))], torch.from_numpy(WINDOWS[:2]))
    stored = tmp_path / "float.onnx"
    stored.write_bytes(canonical_bytes(model))
    assert "Cast" not in kinds(int8.quantised(stored, [WINDOWS], tmp_path))


def saved(model: ModelProto, path: Path) -> Path:
    path.write_bytes(canonical_bytes(model))
    return path
