"""From the name of an architecture in a task file to the function that builds it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from catalog.errors import BadInput

Factory = Callable[..., Any]

# Where a family's factory is; imported only when it is used, because that loads torch.
FAMILIES = {
    "convnet": "catalog.training.convnet:convnet",
    "resnet": "catalog.models.resnet:resnet",
    "mobilenet": "catalog.models.mobilenet:mobilenet",
    "vgg": "catalog.models.vgg:vgg",
}
_OFFERED = ("size_px", "full_size_px", "classes", "num_classes", "planes")


def find_factory(arch: str, arguments: Collection[str] = ()) -> Factory:
    """Return the function or class that builds an architecture.

    It may give a module that ends in a linear layer and reads normalised planes (N, C, S, S), or a list
    of two or more parts, the first of which reads uint8 (N, S, S, 3) RGB and the last gives (N, D). A
    module with a method trunk_parts() says itself where it is cut.

    Args:
        arch: a built-in family or "package.module:factory".
        arguments: names that it will be called with: the shares width, depth and first_width, each in
            (0, 1], and those given by the user.

    Raises:
        BadInput: it cannot be imported, or does not take one of the arguments.
    """
    factory = _imported(arch)
    parameters = _parameters(factory, arch)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    lacking = [] if takes_any else sorted(set(arguments) - set(parameters))
    if lacking:
        known = [n for n in parameters if n not in _OFFERED]
        raise BadInput(
            f"arch {arch!r}: does not take {', '.join(lacking)}: "
            f"leave the technique scale out, or these arguments (it takes {', '.join(known) or 'none'})"
        )
    return factory


def offered_arguments(
    factory: Factory, size_px: int, full_size_px: int, classes: int, planes: int
) -> dict[str, int]:
    """Return what a factory is told without being asked to: those of its parameters with these names.

    Args:
        factory: see find_factory.
        size_px: side of the windows, for "size_px".
        full_size_px: of those at full resolution, for "full_size_px": equal, or larger.
        classes: of the leading task, for "classes" or "num_classes".
        planes: 3, or 1 of grey, for "planes".
    """
    offered = {
        "size_px": size_px,
        "full_size_px": full_size_px,
        "classes": classes,
        "num_classes": classes,
        "planes": planes,
    }
    parameters = inspect.signature(factory).parameters
    return {name: value for name, value in offered.items() if name in parameters}


def check_call(factory: Factory, arguments: Mapping[str, Any], where: str) -> None:
    """Check that a factory can be called with these arguments by name.

    Raises:
        BadInput: one is missing.
    """
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as e:
        given = ", ".join(arguments) or "none"
        raise BadInput(f"{where}: {e}: expected to be called with {given}; arguments may add more") from e


def _parameters(factory: Factory, arch: str) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(factory).parameters)
    except ValueError as e:
        raise BadInput(f"arch {arch!r}: its parameters cannot be read: wrap it in a function") from e


def _imported(arch: str) -> Factory:
    module_name, _, name = FAMILIES.get(arch, arch).partition(":")
    if not module_name or not name:
        known = ", ".join(FAMILIES)
        raise BadInput(f"arch {arch!r}: expected one of {known}, or package.module:factory")
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except Exception as e:  # a user's module may fail in any way
        reason = f"{type(e).__name__}: {e}"
        raise BadInput(f"arch {arch!r}: {reason} (a module outside a package is found by PYTHONPATH)") from e
    if not callable(factory):
        raise BadInput(f"arch {arch!r}: {name} is not a function")
    result: Factory = factory
    return result
