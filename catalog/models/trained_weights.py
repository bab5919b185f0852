"""Trained weights from files that others wrote: read without running anything in them."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from catalog.errors import BadInput

State = dict[str, Tensor]

# What training wraps around a module puts its own name before every key.
_WRAPPERS = ("module.", "_orig_mod.")
_COUNTER = "num_batches_tracked"
_MOST_NAMED = 4


def read_state(path: Path) -> State:
    """Read a state dict: safetensors by its suffix, otherwise a file of torch with tensors alone.

    A state dict one level down ("state_dict", "net_state_dict", ...) is found if it is the only one, and
    what data parallel training or compiling puts before the keys is taken off.

    Raises:
        BadInput: the file cannot be read, holds more than tensors, or several state dicts.
    """
    found = _state_dict(_content(path), path)
    for wrapper in _WRAPPERS:
        if all(key.startswith(wrapper) for key in found):
            found = {key.removeprefix(wrapper): value for key, value in found.items()}
    return found


def load_state(module: nn.Module, state: Mapping[str, Tensor], head: str, where: str) -> bool:
    """Load weights into a module in place; all must fit, save those of its head.

    Args:
        module: with the architecture that the weights were trained in.
        state: see read_state.
        head: name of its last linear layer, which may be missing or have other classes.
        where: the file, for errors.

    Returns:
        Whether the head was loaded too.

    Raises:
        BadInput: keys that are missing, unexpected or of another shape, or values that are not finite.
    """
    wanted = module.state_dict()
    of_head = {k for k in wanted if k.startswith(f"{head}.")}
    fits = all(k in state and state[k].shape == wanted[k].shape for k in of_head)
    given = {k: v for k, v in state.items() if fits or not k.startswith(f"{head}.")}
    needed = {k: v for k, v in wanted.items() if fits or k not in of_head}
    _check(given, needed, where)
    module.load_state_dict(given, strict=False)
    return fits


def fitted_to(module: nn.Module, state: Mapping[str, Tensor]) -> State:
    """Return weights with the filters of convolutions resampled to the sides that a module's have.

    That is for a module built for windows of another side: a filter as large as the map that it reads has
    fewer positions then. It is resampled bilinearly, averaging where it shrinks, and scaled by the ratio of
    positions, so that it gives nearly the same on an even map. Everything else stays as it is.
    """
    wanted = module.state_dict()
    return {k: _resampled(v, wanted[k].shape) if k in wanted else v for k, v in state.items()}


def _resampled(weights: Tensor, shape: Sequence[int]) -> Tensor:
    filters = weights.ndim == 4 and len(shape) == 4 and weights.shape[:2] == tuple(shape[:2])
    if not filters or weights.shape == tuple(shape):
        return weights
    positions = (weights.shape[2] * weights.shape[3]) / (shape[2] * shape[3])
    sides = (shape[2], shape[3])
    return positions * functional.interpolate(weights, sides, mode="bilinear", antialias=True)


def _check(given: Mapping[str, Tensor], needed: Mapping[str, Tensor], where: str) -> None:
    missing = [k for k in needed if k not in given and not k.endswith(_COUNTER)]
    unexpected = [k for k in given if k not in needed]
    shapes = [
        f"{k} {tuple(given[k].shape)}, expected {tuple(v.shape)}"
        for k, v in needed.items()
        if k in given and given[k].shape != v.shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    faults = [f"{kind}: {_listed(names)}" for kind, names in kinds.items() if names]
    if faults:
        raise BadInput(f"{where}: weights of another architecture: {'; '.join(faults)}")
    broken = [k for k, v in given.items() if not bool(torch.isfinite(v).all())]
    if broken:
        raise BadInput(f"{where}: weights that are not finite: {_listed(broken)}")


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _content(path: Path) -> object:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how the file was pickled: what cannot be read is raised
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as e:
        raise BadInput(f"{path}: {e.strerror or e}: expected a file of weights") from e
    except pickle.UnpicklingError as e:
        raise BadInput(
            f"{path}: holds more than tensors, or is no file of torch: save state_dict() alone"
        ) from e
    except Exception as e:  # each format fails in its own ways on a damaged file
        raise BadInput(f"{path}: cannot be read as weights: {type(e).__name__}: {e}") from e


def _state_dict(content: object, path: Path) -> State:
    if _is_state(content):
        return dict(content)  # type: ignore[call-overload,no-any-return]
    below = {k: v for k, v in content.items() if _is_state(v)} if isinstance(content, Mapping) else {}
    if "state_dict" in below:
        return dict(below["state_dict"])
    if len(below) != 1:
        found = f"{len(below)} of them, in {', '.join(map(str, below))}" if below else "none"
        raise BadInput(f"{path}: expected one state dict of names and tensors, found {found}")
    return dict(next(iter(below.values())))


def _is_state(content: object) -> bool:
    return (
        isinstance(content, Mapping)
        and len(content) > 0
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())
    )
