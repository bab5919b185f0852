from __future__ import annotations

import pytest

from catalog.errors import BadInput
from catalog.models.families import find_factory
from catalog.training.convnet import convnet


def test_the_built_in_family_is_found_by_its_name() -> None:
    assert find_factory("convnet", {"width", "depth", "first_width"}) is convnet


def test_any_factory_is_found_by_its_path() -> None:
    assert find_factory("catalog.training.convnet:convnet") is convnet


@pytest.mark.parametrize(
    ("arch", "expected"),
    [
        ("alexnet", "expected one of convnet, resnet, mobilenet, vgg, or package.module:factory"),
        ("no.such.module:factory", "No module named"),
        ("catalog.training.convnet:missing", "missing"),
        ("catalog.training.convnet:CHANNELS", "not a function"),
    ],
)
def test_what_cannot_be_found_is_named(arch: str, expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        find_factory(arch)


def test_a_factory_that_cannot_be_scaled_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(BadInput, match="does not take depth, width"):
        find_factory("tests.catalog.compiler.architectures:fixed", {"width", "depth"})
