"""What is stored equals the module it was made of, and lies in parts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from onnx import ModelProto

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.canonical import canonical_bytes
from catalog.errors import BadInput, RunFailed
from catalog.graph_costs import describe_part
from catalog.models.architecture import Architecture, Colour, PixelScale, WeightsFile
from catalog.models.assembly import Assembled, assembled
from catalog.models.trunk_graphs import trunk_graphs
from tests.catalog.graphs import save
from tests.outside_data import outside_file, outside_folder

HERE = "tests.catalog.models.modules"
CIFAR = PixelScale((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PUBLISHED_FACES = PixelScale((127.5,), (128.0,), 1.0, Colour.THREE_GREYS)


def built(arch: str, size_px: int = 16, shares: dict[str, float] | None = None, **given: object) -> Assembled:
    model = assembled(Architecture(arch, **given), size_px, 4, shares or {}, 0)  # type: ignore[arg-type]
    for part in model.parts:
        part.eval()
    return model


def windows(size_px: int, count: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, size_px, size_px, 3), dtype=torch.uint8, generator=generator)


def stored(graphs: list[ModelProto], folder: Path) -> PartChain:
    paths = [save(graph, folder / f"{k}.onnx") for k, graph in enumerate(graphs)]
    return PartChain(OnnxruntimeBackend(threads=1), paths)


def features_of(model: Assembled, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return torch.nn.Sequential(*model.parts)(x).numpy()


@pytest.mark.parametrize(
    ("arch", "size_px", "shares"),
    [
        ("resnet", 20, {"width": 0.25, "depth": 0.34, "first_width": 1.0}),
        ("mobilenet", 100, {"width": 0.5, "depth": 0.5}),
        ("vgg", 12, {"width": 0.5, "depth": 0.5}),
    ],
)
def test_families_run_stored_as_in_torch(
    arch: str, size_px: int, shares: dict[str, float], tmp_path: Path
) -> None:
    model = built(arch, size_px, shares)
    graphs = trunk_graphs(model, windows(size_px))
    assert len(graphs) == len(model.parts)
    x = windows(size_px, 5)
    np.testing.assert_allclose(stored(graphs, tmp_path)(x.numpy()), features_of(model, x), 1e-3, 1e-4)


def test_a_users_module_is_cut_where_one_tensor_crosses(tmp_path: Path) -> None:
    model = built(f"{HERE}:Residual", pixels=PixelScale(colour=Colour.BGR))
    graphs = trunk_graphs(model, windows(16))
    assert len(graphs) > 1
    x = windows(16, 5)
    np.testing.assert_allclose(stored(graphs, tmp_path)(x.numpy()), features_of(model, x), 1e-3, 1e-4)
    for graph in graphs:
        describe_part(canonical_bytes(graph), "part")  # shapes are fixed, so it can be stored


def test_the_user_may_name_where_to_cut() -> None:
    first, second = trunk_graphs(built(f"{HERE}:Residual", cuts=("layer2",)), windows(16))
    assert first.graph.node[-1].op_type == "Conv"
    assert second.graph.node[0].op_type == "Relu"


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [
        (("layer1",), "more than what 'layer1' gives is used after it"),
        (("layer9",), "no module 'layer9': expected some of stem, layer1, norm"),
        (("layer3", "layer2"), "expected the order in which they run"),
    ],
)
def test_cuts_that_do_not_fit_are_named(cuts: tuple[str, ...], expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        trunk_graphs(built(f"{HERE}:Residual", cuts=cuts), windows(16))


def test_a_trunk_that_cannot_be_cut_is_one_part() -> None:
    assert len(trunk_graphs(built(f"{HERE}:TwoStreams"), windows(16))) == 1


def test_choices_by_value_are_a_clear_error() -> None:
    with pytest.raises(RunFailed, match=r"the exporter cannot express the architecture: .*data-dependent"):
        trunk_graphs(built(f"{HERE}:Undecided"), windows(16))


def cifar_windows(each: int) -> tuple[np.ndarray, np.ndarray]:
    """Read test tiles of CIFAR-10, which lie in mosaics of 50 a row, one file a class."""
    tiles = []
    for path in sorted(outside_folder("objects/cifar10").glob("test_*.webp")):
        mosaic = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        rows = mosaic.reshape(-1, 32, 50, 32, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
        tiles.append(rows[:each])
    return np.concatenate(tiles), np.repeat(np.arange(len(tiles)), each)


@pytest.mark.data
def test_a_published_resnet_keeps_its_accuracy(tmp_path: Path) -> None:
    weights = WeightsFile.at(outside_file("weights/cifar10_resnet/resnet56-4bfd9763.th"))
    x, labels = cifar_windows(40)
    blocks = (("blocks", 9),)
    model = assembled(Architecture("resnet", blocks, CIFAR, weights), 32, 10, {}, 0)
    for part in model.parts:
        part.eval()
    features = stored(trunk_graphs(model, torch.from_numpy(x[:4])), tmp_path)(x)
    assert model.head is not None
    with torch.no_grad():
        answers = model.head(torch.from_numpy(features)).argmax(1).numpy()
    assert (answers == labels).mean() > 0.9


@pytest.mark.data
def test_a_published_face_network_is_taken_apart_by_itself(tmp_path: Path) -> None:
    arch = "benchmarks.mobilefacenet:mobilefacenet"
    weights = WeightsFile.at(outside_file("weights/face_id/mobilefacenet_068.ckpt"))
    model = built(arch, 112, pixels=PUBLISHED_FACES, weights=weights)
    assert model.head is None  # its published weights have none
    people = sorted(outside_folder("faces/lfw_a_112").glob("person_*"))[:6]
    faces = [cv2.imread(str(f)) for person in people for f in sorted(person.iterdir())[:6]]
    x = np.stack(faces)
    graphs = trunk_graphs(model, torch.from_numpy(x[:2]))
    shares = [describe_part(canonical_bytes(g), "part").macs for g in graphs]
    assert len(shares) == 4 and max(shares) < 1.3 * min(shares)
    features = stored(graphs, tmp_path)(x).reshape(6, 6, -1)
    known = features[:, :3].mean(1)
    likeness = np.einsum("pkd,qd->pkq", features[:, 3:], known) / np.linalg.norm(known, axis=1)
    assert (likeness.argmax(2) == np.arange(6)[:, None]).mean() > 0.9
