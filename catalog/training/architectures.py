"""From the name of an architecture in a task file to the function that builds its parts."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from catalog.errors import BadInput

if TYPE_CHECKING:
    from torch import nn

    Factory = Callable[..., Sequence[nn.Module]]

BUILT_IN = "convnet"


def find_factory(arch: str, arguments: Collection[str] = ()) -> Factory:
    """Return the function that builds the parts of an architecture.

    A factory is called as factory(size_px, **shares) and returns two or more modules in order: the
    first reads uint8 (N, S, S, 3) RGB, the last gives (N, D) float32. Shares that it can take, each
    in (0, 1]: width, depth, first_width.

    Args:
        arch: "convnet" or "package.module:factory".
        arguments: names of the shares that it will be called with.

    Raises:
        BadInput: it cannot be imported, or does not take one of the arguments.
    """
    factory = _imported(arch)
    parameters = inspect.signature(factory).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    lacking = [] if takes_any else sorted(set(arguments) - set(parameters))
    if lacking:
        raise BadInput(f"arch {arch!r}: does not take {', '.join(lacking)}: leave the technique scale out")
    return factory


def _imported(arch: str) -> Factory:
    if arch == BUILT_IN:
        from catalog.training.convnet import convnet

        return convnet
    module_name, _, name = arch.partition(":")
    if not module_name or not name:
        raise BadInput(f"arch {arch!r}: expected {BUILT_IN!r} or package.module:factory")
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except Exception as e:  # a user's module may fail in any way
        reason = f"{type(e).__name__}: {e}"
        raise BadInput(f"arch {arch!r}: {reason} (a module outside a package is found by PYTHONPATH)") from e
    if not callable(factory):
        raise BadInput(f"arch {arch!r}: {name} is not a function")
    result: Factory = factory
    return result
