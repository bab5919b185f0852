"""Which units to remove: importances, and how many operations or weights are to be left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from catalog.transforms.channel_units import Channels, Mask, Units

Float64 = npt.NDArray[np.float64]
Cost = Callable[[Mask], int]

# Processors work on channels in blocks of 8 (AVX2): with onnxruntime on one thread, a 3 x 3 convolution
# of 16 channels took as long as one of 12, and three quarters of the time of one of 14.
STEP = 8
FEWEST = 8


def norms(weights: Sequence[npt.NDArray[np.generic]], channels: Channels) -> Float64:
    """Return how large the filters of each unit are, (U,): 1 is the mean of a layer.

    The L2 norm of each filter over the mean norm of its layer's filters; the mean over the layers that
    make the unit (Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017, section 3.1, with L2 as
    in He et al., Soft Filter Pruning, IJCAI 2018, equation 2).

    Args:
        weights: in the order of channels.written.
        channels: of the trunk.
    """
    total, makers = np.zeros(len(channels.locked)), np.zeros(len(channels.locked))
    for cut, weight in zip(channels.written, weights, strict=True):
        rows = np.moveaxis(weight, cut.axis, 0).reshape(len(cut.units), -1).astype(np.float64)
        sizes = np.sqrt(np.square(rows).sum(axis=1))
        np.add.at(total, cut.units, sizes / max(float(sizes.mean()), np.finfo(np.float32).tiny))
        np.add.at(makers, cut.units, 1.0)
    return np.asarray(total / np.maximum(makers, 1.0), np.float64)


def least_loss(channels: Channels, importance: Float64, cost: Cost, most: float) -> Mask:
    """Return what to keep when the least important units go first, whichever layer they are in.

    STEP units of one group go at a time; FEWEST of each stay. Of all such steps the one with the least
    importance for what it saves is taken, until little enough is left.

    Args:
        channels: of the trunk.
        importance: (U,), at least 0, on one scale for all layers.
        cost: what is to be saved: channels.macs or channels.weights.
        most: how much of it may be left.
    """
    left = channels.everything
    groups = [ordered(group, importance) for group in channels.groups()]
    while (now := cost(left)) > most:
        steps = [step for group in groups if len(step := _next_step(group, left))]
        if not steps:
            break
        prices = [float(importance[step].sum()) / _saved(cost, left, step, now) for step in steps]
        left[steps[int(np.argmin(prices))]] = False
    return left


def ordered(group: Units, importance: Float64) -> Units:
    """Return units, least important first; equal ones by number."""
    return group[np.argsort(importance[group], kind="stable")]


def _next_step(group: Units, left: Mask) -> Units:
    """The units that make the group a multiple of STEP again, or none if too few would stay."""
    remaining = group[left[group]]
    count = len(remaining) % STEP or STEP
    return remaining[:count] if len(remaining) - count >= FEWEST else remaining[:0]


def _saved(cost: Cost, left: Mask, step: Units, now: int) -> int:
    fewer = left.copy()
    fewer[step] = False
    return max(1, now - cost(fewer))
