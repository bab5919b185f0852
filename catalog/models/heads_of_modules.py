"""Finding the linear layer that a module ends in, and taking it off."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from catalog.errors import BadInput

_RELATIVE_TOLERANCE = 1e-4


def check_inputs(module: nn.Module, where: str) -> None:
    """Check that a module can be called with a batch of windows alone.

    Raises:
        BadInput: it takes several inputs, or none.
    """
    parameters = inspect.signature(module.forward).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [p for p in parameters if p.kind in kinds]
    needed = [p.name for p in positional if p.default is inspect.Parameter.empty]
    takes_one = len(needed) <= 1 and (
        positional or any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    )
    if not takes_one:
        raise BadInput(
            f"{where}: forward takes {', '.join(needed) or 'nothing'}: expected one batch of planes"
        )


def find_head(module: nn.Module, example: Tensor, named: str | None, where: str) -> str:
    """Return the name of the linear layer whose output is the module's.

    Args:
        module: in evaluation mode.
        example: a batch that it can read.
        named: by the user; None to try every linear layer that runs.
        where: for errors.

    Raises:
        BadInput: there is none, something follows it, or what it gives is not finite.
    """
    last: list[tuple[str, Tensor]] = []
    with _observed(module, last), torch.no_grad():
        output = _called(module, example, where)
    if named is not None:
        _check_named(module, named, where)
        last = [(name, y) for name, y in last if name == named]
    if not last or last[-1][0] == "":
        raise BadInput(f"{where}: no nn.Linear was run inside it: expected a module that ends in one")
    name = last[-1][0]
    if not isinstance(output, Tensor):
        kind = type(output).__name__
        raise BadInput(f"{where}: gives {kind}: expected the output of linear layer {name!r} alone")
    if not bool(torch.isfinite(output).all()):
        raise BadInput(f"{where}: gives values that are not finite for windows of noise")
    found = [name for name, logits in last if torch.equal(output, logits)]
    if not found:
        raise BadInput(
            f"{where}: something follows its last linear layer {name!r}: expected logits, without softmax"
        )
    return found[-1]


def detach_head(module: nn.Module, name: str) -> nn.Linear:
    """Put an identity in the place of the head, so that the module gives features; return the head."""
    head = module.get_submodule(name)
    assert isinstance(head, nn.Linear)
    module.set_submodule(name, nn.Identity())
    return head


def check_detached(features: Tensor, head: nn.Linear, logits: Tensor, where: str) -> None:
    """Check that a head on features gives what the whole module gave.

    Raises:
        BadInput: the module does not hand the head's input on as it is, or it is no vector.
    """
    if features.ndim != 2 or features.shape[1] != head.in_features:
        shape = tuple(features.shape)
        raise BadInput(f"{where}: the last linear layer reads {shape}: expected one vector a window, (N, D)")
    with torch.no_grad():
        again = head(features)
    reach = float(logits.abs().max()) + 1e-6
    if again.shape != logits.shape or float((again - logits).abs().max()) > _RELATIVE_TOLERANCE * reach:
        raise BadInput(f"{where}: cannot be split: its last linear layer is used more than once")


@contextmanager
def _observed(module: nn.Module, seen: list[tuple[str, Tensor]]) -> Iterator[None]:
    """Note the output of every linear layer, in the order in which they run."""
    handles = [
        layer.register_forward_hook(lambda _m, _i, y, name=name: seen.append((name, y)))
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _called(module: nn.Module, example: Tensor, where: str) -> object:
    try:
        return module(example)
    except Exception as e:  # a user's module may fail in any way
        shape = tuple(example.shape)
        raise BadInput(f"{where}: fails on planes {shape} float32: {type(e).__name__}: {e}") from e


def _check_named(module: nn.Module, named: str, where: str) -> None:
    linear = [name for name, m in module.named_modules() if isinstance(m, nn.Linear)]
    if named not in linear:
        raise BadInput(f"{where}: head = {named!r}: expected one of its linear layers: {', '.join(linear)}")
