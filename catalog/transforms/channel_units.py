"""Which channels of a trunk must go together: what structured pruning may remove, and what it costs.

A unit is a set of channels, over all tensors of all parts, that depend on one another: removing one
without the others would leave a graph that cannot run. Fang et al., DepGraph: Towards Any Structural
Pruning, CVPR 2023, section 3 ties whole layers; here single channels are tied, so that a layer whose
channels go to different places (concatenation, padding with zero channels) needs no rule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

Units = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Role(Enum):
    """What a stored tensor does to the channels along one of its axes."""

    WRITES = "filters, or rows of a linear layer, that make them"
    OFFSETS = "biases, or whatever else is added to them"
    SCALES = "factors, slopes, running means and spreads"
    READS = "columns of what makes something else of them"


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """One axis of a stored tensor that has a unit for each index.

    Args:
        part: index of the graph.
        tensor: name of the initializer.
        axis: of the tensor.
        units: of each index along the axis.
        role: what the tensor does to them.
    """

    part: int
    tensor: str
    axis: int
    units: Units
    role: Role


class Setting(Enum):
    """What of a node counts channels."""

    GROUPS = "groups of a convolution of each channel with itself"
    ZERO_CHANNELS = "channels of zeros that are put before and after"
    TARGET_SHAPE = "second entry of the shape that is asked for"


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """A setting of a node that follows the number of channels.

    Args:
        part: index of the graph.
        node: index within the graph.
        setting: which one.
        units: of the channels that it counts; for ZERO_CHANNELS one array before, one after.
    """

    part: int
    node: int
    setting: Setting
    units: tuple[Units, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A convolution or linear layer as a cost: positions * kernel * outputs * inputs of each.

    Args:
        positions: of its output.
        kernel: values of a filter for each input; 1 for a linear layer.
        outputs: units of its output channels.
        inputs: units that each output reads; None if they are none of ours.
        fixed_inputs: inputs of each output where inputs is None.
    """

    positions: int
    kernel: int
    outputs: Units
    inputs: Units | None
    fixed_inputs: int

    def renumbered(self, numbers: Units) -> Layer:
        """Return the layer with unit k called numbers[k]."""
        inputs = None if self.inputs is None else numbers[self.inputs]
        return replace(self, outputs=numbers[self.outputs], inputs=inputs)

    def macs(self, kept: Mask) -> int:
        """Return the multiply-accumulates for one window when only some units are kept."""
        return self.positions * self.weights(kept)

    def weights(self, kept: Mask) -> int:
        """Return how many weights there are when only some units are kept."""
        read = self.fixed_inputs if self.inputs is None else int(kept[self.inputs].sum())
        return self.kernel * int(kept[self.outputs].sum()) * read


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """The units of a chain of graphs.

    Args:
        locked: (U,), whether a unit cannot be removed.
        cuts: every axis of a stored tensor that follows units.
        counts: every setting of a node that does.
        layers: what costs operations.
        fixed_macs: operations that no unit takes part in.
        boundaries: units of the channels of each graph's output; None where they are none of ours.
    """

    locked: Mask
    cuts: tuple[Cut, ...]
    counts: tuple[Count, ...]
    layers: tuple[Layer, ...]
    fixed_macs: int
    boundaries: tuple[Units | None, ...]

    @property
    def everything(self) -> Mask:
        """(U,), all true."""
        return np.ones(len(self.locked), np.bool_)

    @property
    def written(self) -> tuple[Cut, ...]:
        """The filters and rows of linear layers, in the order in which they are run."""
        return tuple(cut for cut in self.cuts if cut.role is Role.WRITES)

    def macs(self, kept: Mask) -> int:
        """Return the multiply-accumulates of all graphs for one window when only some units are kept."""
        return self.fixed_macs + sum(layer.macs(kept) for layer in self.layers)

    def weights(self, kept: Mask) -> int:
        """Return how many weights the layers have when only some units are kept."""
        return sum(layer.weights(kept) for layer in self.layers)

    def groups(self) -> tuple[Units, ...]:
        """Return the removable units that the same filters make, group by group.

        Units of a group cost the same and stand side by side, so that the number of them that stay is
        what makes tensors regular.
        """
        writers: dict[int, set[int]] = {}
        for number, cut in enumerate(self.written):
            for unit in np.unique(cut.units).tolist():
                writers.setdefault(unit, set()).add(number)
        found: dict[tuple[int, ...], list[int]] = {}
        for unit, numbers in sorted(writers.items()):
            if not self.locked[unit]:
                found.setdefault(tuple(sorted(numbers)), []).append(unit)
        return tuple(np.array(units, np.int64) for units in found.values())
