"""From what a task file says about a model to the modules of a trunk and its head."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from catalog.errors import BadInput
from catalog.models.architecture import Architecture, PixelScale
from catalog.models.families import FAMILIES, Factory, check_call, find_factory, offered_arguments
from catalog.models.heads_of_modules import check_detached, check_inputs, detach_head, find_head
from catalog.models.pixels import LaidOutByPlane, Planes
from catalog.models.trained_weights import fitted_to, load_state, read_state

_EXAMPLES = 2


@runtime_checkable
class Staged(Protocol):
    """A module that says itself where its trunk is cut, as the built-in families do."""

    def trunk_parts(self) -> list[nn.Module]:
        """Return what comes before the last linear layer, in order; the first reads planes."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A trunk in torch.

    Args:
        parts: modules in order; the first reads uint8 windows, the last gives (N, D).
        head: trained linear layer for the classes of the leading task; None where there is none.
        whole: whether the only part is a whole trunk, which is to be cut once it is a graph.
        cuts: names of modules inside it after which the user cuts it; empty to choose.
    """

    parts: list[nn.Module]
    head: nn.Linear | None = None
    whole: bool = False
    cuts: tuple[str, ...] = ()


def assembled(
    architecture: Architecture,
    size_px: int,
    classes: int,
    shares: Mapping[str, float],
    seed: int,
    full_size_px: int | None = None,
) -> Assembled:
    """Build a model, with trained weights where the architecture names some, and take its head off.

    Args:
        architecture: which.
        size_px: side of the windows.
        classes: of the leading task.
        shares: width, depth and first_width, each in (0, 1], where they are not full; of what the
            architecture's own arguments say.
        seed: of fresh weights.
        full_size_px: side of the windows at full resolution; None for size_px.

    Raises:
        BadInput: it cannot be built, does not fit its weights or ends in no linear layer.
    """
    where = f"arch {architecture.arch!r}"
    given = _sized(dict(architecture.arguments), shares)
    factory = find_factory(architecture.arch, given)
    pixels = architecture.pixels or PixelScale()
    torch.manual_seed(seed)
    arguments = {
        **offered_arguments(factory, size_px, full_size_px or size_px, classes, pixels.planes),
        **given,
    }
    check_call(factory, arguments, where)
    built = _built(factory, arguments, where)
    if isinstance(built, nn.Module) and not isinstance(built, nn.ModuleList):
        resampled = full_size_px is not None and full_size_px != size_px
        return _taken_apart(architecture, built, size_px, classes, where, resampled)
    return Assembled(_given_parts(built, architecture, where))


def _sized(arguments: Mapping[str, Any], shares: Mapping[str, float]) -> dict[str, Any]:
    """Return arguments at shares of a model's full size; one that gives no size is a size of 1."""
    full = {"first_width": arguments.get("width", 1.0), **arguments}
    return {**arguments, **{name: full.get(name, 1.0) * share for name, share in shares.items()}}


def _built(factory: Factory, arguments: Mapping[str, Any], where: str) -> object:
    try:
        return factory(**arguments)
    except Exception as e:  # a user's function may fail in any way
        raise BadInput(f"{where}: cannot be built: {type(e).__name__}: {e} ({_place(e)})") from e


def _place(error: Exception) -> str:
    """Return where an error was raised: a user looks there first."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{Path(last.filename).name}, line {last.lineno}"


def _taken_apart(
    architecture: Architecture, module: nn.Module, size_px: int, classes: int, where: str, resampled: bool
) -> Assembled:
    planes = Planes(architecture.pixels or PixelScale())
    check_inputs(module, where)
    example = planes(_noise(size_px))
    module.eval()
    name = find_head(module, example, architecture.head, where)
    loaded = _load(architecture, module, name, resampled)
    with torch.no_grad():
        logits = module(example)
    staged = isinstance(module, Staged) and not architecture.cuts
    head = detach_head(module, name)
    parts = module.trunk_parts() if staged and isinstance(module, Staged) else [module]
    check_detached(_features(parts, example, where), head, logits, where)
    first = nn.Sequential(planes, parts[0])
    kept = head if loaded and head.out_features == classes else None
    return Assembled([first, *parts[1:]], kept, not staged, architecture.cuts)


def _load(architecture: Architecture, module: nn.Module, head: str, resampled: bool) -> bool:
    if architecture.weights is None:
        return False
    path = Path(architecture.weights.path)
    state = read_state(path)
    return load_state(module, fitted_to(module, state) if resampled else state, head, str(path))


def _given_parts(built: object, architecture: Architecture, where: str) -> list[nn.Module]:
    if not isinstance(built, list | tuple | nn.ModuleList) or not built:
        kind = type(built).__name__
        raise BadInput(f"{where}: gives {kind}: expected an nn.Module or a list of them")
    parts = list(built)
    if not all(isinstance(part, nn.Module) for part in parts):
        raise BadInput(f"{where}: gives a list of {type(parts[0]).__name__}: expected nn.Modules")
    for key, value in (
        ("pixels", architecture.pixels),
        ("weights", architecture.weights),
        ("parts", architecture.cuts),
        ("head", architecture.head),
    ):
        if value:
            raise BadInput(f"{where}: {key} given, but it is a list of parts: expected one nn.Module")
    if architecture.arch in FAMILIES:
        return parts
    return [nn.Sequential(LaidOutByPlane(), parts[0]), *parts[1:]]


def _features(parts: list[nn.Module], example: Tensor, where: str) -> Tensor:
    features = example
    with torch.no_grad():
        try:
            for part in parts:
                features = part(features)
        except Exception as e:  # a user's module may fail in any way
            raise BadInput(f"{where}: cannot be split before its last linear layer: {e}") from e
    return features


def features_of(parts: Sequence[nn.Module], inputs: Tensor) -> Tensor:
    """Return what parts give in evaluation mode for windows, or for what comes before them.

    Raises:
        BadInput: they fail, or give no vectors (N, D) of float32.
    """
    features: Any = inputs
    for k, part in enumerate(parts, start=1):
        try:
            with torch.no_grad():
                features = part.eval()(features)
        except Exception as e:  # a user's module may fail in any way
            reason = (str(e).splitlines() or ["no reason given"])[0]
            raise BadInput(
                f"part {k} of {len(parts)} fails on {_kind(features)}: {type(e).__name__}: {reason}"
            ) from e
    if not isinstance(features, Tensor) or features.ndim != 2 or features.dtype != torch.float32:
        raise BadInput(f"the last part gives {_kind(features)}: expected (N, D) float32")
    return features


def _kind(value: object) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"


def _noise(size_px: int) -> Tensor:
    return torch.randint(0, 256, (_EXAMPLES, size_px, size_px, 3), dtype=torch.uint8)
