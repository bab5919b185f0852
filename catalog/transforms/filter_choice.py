"""Which units to remove: importances, and how many operations are to be left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, numpy_helper

from catalog.transforms.channel_units import Channels, Mask, Units

Float64 = npt.NDArray[np.float64]

STEP = 8
FEWEST = 8


def norms(models: Sequence[ModelProto], channels: Channels) -> Float64:
    """Return how large the filters of each unit are, (U,): 1 is the mean of a layer.

    The L2 norm of each filter over the mean norm of its layer's filters; the mean over the layers that
    make the unit (Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017, section 3.1, with L2 as
    in He et al., Soft Filter Pruning, IJCAI 2018, equation 2).
    """
    stored = [{t.name: numpy_helper.to_array(t) for t in model.graph.initializer} for model in models]
    return mean_norms([np.asarray(stored[cut.part][cut.tensor]) for cut in channels.written], channels)


def mean_norms(weights: Sequence[npt.NDArray[np.generic]], channels: Channels) -> Float64:
    """Return norms of weights in the order of channels.written; see norms."""
    total, makers = np.zeros(len(channels.locked)), np.zeros(len(channels.locked))
    for cut, weight in zip(channels.written, weights, strict=True):
        rows = np.moveaxis(weight, cut.axis, 0).reshape(len(cut.units), -1).astype(np.float64)
        sizes = np.sqrt(np.square(rows).sum(axis=1))
        np.add.at(total, cut.units, sizes / max(float(sizes.mean()), np.finfo(np.float32).tiny))
        np.add.at(makers, cut.units, 1.0)
    return np.asarray(total / np.maximum(makers, 1.0), np.float64)


def least_loss(channels: Channels, importance: Float64, kept_share: float, kept: Mask | None = None) -> Mask:
    """Return what to keep when the least important units go first, whichever layer they are in.

    STEP units of one group go at a time; FEWEST of each stay. Of all such steps the one with the least
    importance for each operation saved is taken, until at most the share of operations is left.

    Args:
        channels: of the trunk.
        importance: (U,), at least 0, on one scale for all layers.
        kept_share: of the operations of all of channels, in (0, 1).
        kept: what an earlier choice left; None for everything.
    """
    left = channels.everything if kept is None else kept.copy()
    wanted = kept_share * channels.macs(channels.everything)
    groups = [ordered(group, importance) for group in channels.groups()]
    while (macs := channels.macs(left)) > wanted:
        steps = [step for group in groups if len(step := _next_step(group, left))]
        if not steps:
            break
        prices = [float(importance[step].sum()) / _saved(channels, left, step, macs) for step in steps]
        left[steps[int(np.argmin(prices))]] = False
    return left


def same_share(channels: Channels, importance: Float64, kept_share: float) -> Mask:
    """Return what to keep when every group loses the same share of its least important units.

    The share is the smallest, in hundredths, that leaves at most the share of operations; where all of
    them leave more, the largest.

    Args:
        channels: of the trunk.
        importance: (U,); compared within groups alone.
        kept_share: of the operations, in (0, 1).
    """
    wanted = kept_share * channels.macs(channels.everything)
    left = channels.everything
    for hundredths in range(1, 100):
        left = channels.everything
        for group in channels.groups():
            removed = _whole_steps(len(group), hundredths / 100)
            left[ordered(group, importance)[:removed]] = False
        if channels.macs(left) <= wanted:
            break
    return left


def ordered(group: Units, importance: Float64) -> Units:
    """Return units, least important first; equal ones by number."""
    return group[np.argsort(importance[group], kind="stable")]


def _next_step(group: Units, left: Mask) -> Units:
    """The units that make the group a multiple of STEP again, or none if too few would stay."""
    remaining = group[left[group]]
    count = len(remaining) % STEP or STEP
    return remaining[:count] if len(remaining) - count >= FEWEST else remaining[:0]


def _whole_steps(count: int, share: float) -> int:
    """Return how many of a group go: what stays is a multiple of STEP, FEWEST or more, or everything."""
    stays = max(FEWEST, STEP * round((1.0 - share) * count / STEP))
    return max(0, count - stays)


def _saved(channels: Channels, left: Mask, step: Units, macs: int) -> int:
    fewer = left.copy()
    fewer[step] = False
    return max(1, macs - channels.macs(fewer))
