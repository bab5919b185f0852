from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from catalog.errors import BadInput
from catalog.models.architecture import Architecture, Colour, PixelScale, WeightsFile
from catalog.models.assembly import Assembled, assembled
from catalog.models.pixels import Planes
from tests.catalog.models.modules import Residual

HERE = "tests.catalog.models.modules"


def of(name: str, classes: int = 4, **given: object) -> Assembled:
    return assembled(Architecture(f"{HERE}:{name}", **given), 16, classes, {}, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("arch", ["resnet", "mobilenet", "vgg"])
@pytest.mark.parametrize("size_px", [8, 32, 60, 112])
@pytest.mark.parametrize("shares", [{}, {"width": 0.25, "depth": 0.4}, {"width": 0.25, "first_width": 1.0}])
def test_families_fit_together_at_every_size(arch: str, size_px: int, shares: dict[str, float]) -> None:
    model = assembled(Architecture(arch), size_px, 5, shares, 0)
    assert len(model.parts) >= 2 and not model.whole
    x = torch.zeros((2, size_px, size_px, 3), dtype=torch.uint8)
    with torch.no_grad():
        for part in model.parts:
            x = part.eval()(x)
    assert x.ndim == 2 and x.dtype == torch.float32


@pytest.mark.parametrize("arch", ["resnet", "mobilenet", "vgg"])
def test_the_first_part_of_a_family_depends_on_its_own_width_alone(arch: str) -> None:
    wide, narrow = (
        assembled(Architecture(arch), 32, 5, shares, 0).parts[0]
        for shares in ({}, {"width": 0.25, "first_width": 1.0})
    )
    assert [p.shape for p in wide.parameters()] == [p.shape for p in narrow.parameters()]


@pytest.mark.parametrize("arch", ["resnet", "mobilenet", "vgg"])
def test_less_width_and_less_depth_are_fewer_weights(arch: str) -> None:
    def weights(**shares: float) -> int:
        model = assembled(Architecture(arch), 32, 5, shares, 0)
        return sum(p.numel() for part in model.parts for p in part.parameters())

    assert weights(width=0.5) < 0.5 * weights()
    assert weights(depth=0.5) < weights()


@pytest.mark.parametrize("arch", ["convnet", "resnet", "mobilenet"])
@pytest.mark.parametrize("full_px", [32, 64, 112])
def test_half_the_resolution_costs_about_a_quarter(arch: str, full_px: int) -> None:
    def operations(size_px: int) -> int:
        model = assembled(Architecture(arch), size_px, 5, {}, 0, full_px)
        x = torch.zeros((1, size_px, size_px, 3), dtype=torch.uint8)
        with torch.no_grad(), FlopCounterMode(display=False) as counted:
            for part in model.parts:
                x = part.eval()(x)
        return counted.get_total_flops()

    assert 0.2 < operations(full_px // 2) / operations(full_px) < 0.36


@pytest.mark.parametrize("arch", ["convnet", "resnet", "mobilenet", "vgg"])
def test_a_share_is_one_of_the_size_that_arguments_give(arch: str) -> None:
    half = Architecture(arch, (("width", 0.5),))
    expected = assembled(Architecture(arch), 32, 5, {"width": 0.25}, 0)
    for shares in ({"width": 0.5}, {"width": 0.5, "first_width": 0.5}):
        parts = assembled(half, 32, 5, shares, 0).parts
        assert [p.shape for m in parts for p in m.parameters()] == [
            p.shape for m in expected.parts for p in m.parameters()
        ]


def test_arguments_reach_the_factory() -> None:
    model = assembled(Architecture("resnet", (("blocks", 9),)), 32, 5, {}, 0)
    convolutions = [m for p in model.parts for m in p.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 6 * 9 + 1  # of the 56 layers, without the linear one


def test_a_family_reads_as_many_planes_as_the_pixels_have() -> None:
    grey = Architecture("vgg", pixels=PixelScale(colour=Colour.GREY))
    x = torch.zeros((2, 16, 16, 3), dtype=torch.uint8)
    assert assembled(grey, 16, 5, {}, 0).parts[0].eval()(x).ndim == 4


@pytest.mark.parametrize(
    ("name", "features"), [("Residual", 256), ("sequential", 4), ("TwoStreams", 8), ("AsideLinear", 4)]
)
def test_the_last_linear_layer_is_found_and_taken_off(name: str, features: int) -> None:
    model = of(name)
    (trunk,) = model.parts
    found = trunk.eval()(torch.zeros((2, 16, 16, 3), dtype=torch.uint8))
    assert found.shape == (2, features)
    assert model.whole and model.head is None  # nothing trained it yet


def test_the_head_can_be_named() -> None:
    assert of("Residual", head="fc").parts


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NotFinite", "gives values that are not finite for windows of noise"),
        ("WithSoftmax", "something follows its last linear layer 'fc': expected logits, without softmax"),
        ("UsedTwice", "used more than once"),
        ("EveryPosition", r"expected one vector a window, \(N, D\)"),
        ("NoLinear", r"no nn\.Linear was run inside it"),
        ("Dictionary", "gives dict: expected the output of linear layer 'fc' alone"),
        ("TwoInputs", "forward takes x, mask: expected one batch of planes"),
        ("Narrow", r"fails on planes \(2, 3, 16, 16\) float32: RuntimeError"),
        ("wanting", "missing a required argument: 'colours': expected to be called with none; arguments may"),
        ("nothing", r"gives NoneType: expected an nn\.Module or a list of them"),
    ],
)
def test_what_cannot_be_taken_apart_is_a_clear_error(name: str, expected: str) -> None:
    with pytest.raises(BadInput, match=f"arch '{HERE}:{name}': .*{expected}"):
        of(name)


def test_a_head_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BadInput, match=r"head = 'classifier': expected one of its linear layers: fc"):
        of("Residual", head="classifier")


def test_a_list_of_parts_reads_pixels_itself() -> None:
    with pytest.raises(BadInput, match="pixels given, but it is a list of parts"):
        assembled(Architecture("convnet", pixels=PixelScale()), 16, 4, {}, 0)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Residual, WeightsFile]:
    torch.manual_seed(7)
    module = Residual(classes=4).eval()
    torch.save({"state_dict": module.state_dict()}, tmp_path / "w.pt")
    return module, WeightsFile.at(tmp_path / "w.pt")


def test_weights_come_with_their_head(saved: tuple[Residual, WeightsFile]) -> None:
    module, weights = saved
    model = of("Residual", weights=weights, pixels=PixelScale((0.4,), (0.2,)))
    x = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    assert model.head is not None
    with torch.no_grad():
        found = model.head(model.parts[0](x))
        expected = module(Planes(PixelScale((0.4,), (0.2,)))(x))
    torch.testing.assert_close(found, expected)


def test_a_head_for_other_classes_stays_behind(saved: tuple[Residual, WeightsFile]) -> None:
    assert of("Residual", classes=9, weights=saved[1]).head is None


def test_a_file_of_weights_is_known_by_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"one")
    assert WeightsFile.at(tmp_path / "a").sha256 == WeightsFile.at(tmp_path / "b").sha256
    with pytest.raises(BadInput, match=r"weights = '.*none': No such file"):
        WeightsFile.at(tmp_path / "none")
