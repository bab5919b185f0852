"""Soft pruning: while a trunk is trained on, small filters fade again and again, yet may grow back.

After each epoch the filters of smallest norm of every layer are set to zero and go on being trained (He
et al., Soft Filter Pruning for Accelerating Deep Convolutional Neural Networks, IJCAI 2018, algorithm 1).
The asymptotic, softer kind takes few filters at first and more from epoch to epoch (He et al.,
Asymptotic Soft Filter Pruning for Deep Convolutional Neural Networks, IEEE Transactions on Cybernetics,
2019), and multiplies them by a factor that falls to zero instead of zeroing them at once (Cai et al.,
Softer Pruning, Incremental Regularization, ICPR 2020). What is zero at the end is removed.

How many filters of each layer go is settled beforehand by their effects on the loss, see filter_choice:
the papers take the same share of every layer, which costs far more accuracy at the same operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from catalog.training.schedule import Progress
from catalog.transforms.channel_following import follow_channels
from catalog.transforms.channel_units import Channels, Mask, Role
from catalog.transforms.filter_choice import Float64, least_loss, norms, ordered
from catalog.transforms.prune import KEPT_SHARE, TUNING_RATE, without
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.starting import starting_graphs, starting_head

if TYPE_CHECKING:
    from catalog.backends.torch_graph import TorchGraph

_SOFT_EPOCHS = 2
_EARLY, _BY_THEN = 1 / 8, 3 / 4


@dataclass(frozen=True, slots=True)
class Fading:
    """What happens to small filters after an epoch, by the share of all epochs that is done, in (0, 1].

    Args:
        share: of the filters that go in the end, how many are taken now.
        factor: what their weights are multiplied by; 0 when all epochs are done.
    """

    share: Callable[[float], float]
    factor: Callable[[float], float]


def asymptotic_share(done: float) -> float:
    """Return a share of the goal that rises quickly, then slowly.

    a * exp(-k * done) + b through (0, 0), (1/8, 3/4) and (1, 1). With z = exp(-k / 8) the middle point
    asks for 1 - z = 3/4 * (1 - z^8), which a few substitutions solve.
    """
    z = 1.0 - _BY_THEN
    for _ in range(8):
        z = 1.0 - _BY_THEN * (1.0 - z ** (1.0 / _EARLY))
    k = -math.log(z) / _EARLY
    return (1.0 - math.exp(-k * done)) / (1.0 - math.exp(-k))


FADINGS = {
    "soft": Fading(lambda _: 1.0, lambda _: 0.0),
    "asymptotic": Fading(asymptotic_share, lambda done: 1.0 - done),
}


@dataclass(frozen=True, slots=True)
class SoftPrune:
    """Train a stored trunk on while its small filters fade, then remove those.

    Args:
        of: name of the trunk to start from.
        fading: how, by its name in FADINGS.
        kept: share of its operations that is left, at most, in (0, 1).
    """

    of: str
    fading: str
    kept: float = KEPT_SHARE

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the smaller and tuned parts; see Recipe."""
        from catalog.backends.torch_graph import TorchGraph
        from catalog.transforms.loss_effects import loss_effects
        from catalog.transforms.tuning import trained_further, tuned

        start = bench.starting(self.of)
        models, head = starting_graphs(start), starting_head(start)
        channels = follow_channels(models)
        effects = loss_effects(models, channels, head, bench)
        chosen = least_loss(channels, effects, channels.macs, self.kept * channels.macs(channels.everything))
        goal = [int((~chosen[group]).sum()) for group in channels.groups()]
        fading = FADINGS[self.fading]

        def fade(progress: Progress, graphs: Sequence[TorchGraph]) -> None:
            done = progress.epoch / progress.epochs
            kept = without_smallest(channels, _sizes(channels, graphs), goal, fading.share(done))
            scale_filters(channels, graphs, kept, fading.factor(done))

        epochs = _SOFT_EPOCHS * bench.effort.tuning_epochs
        models, head = trained_further(models, head, bench, epochs, TUNING_RATE, start, fade)
        sizes = _sizes(channels, [TorchGraph(model) for model in models])
        kept = without_smallest(channels, sizes, goal, 1.0)
        models, head = without(models, head, channels, kept, self.of)
        return tuned(models, head, bench, TUNING_RATE, start)


def soft_prune(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the trunk with the filters removed that soft pruning leaves at zero; see Technique."""
    return [_planned(family, base, "soft", "soft-prune")]


def asymptotic_prune(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the trunk with the filters removed that asymptotic soft pruning leaves at zero; see Technique."""
    return [_planned(family, base, "asymptotic", "asymptotic-prune")]


def _planned(family: Family, base: Candidate, fading: str, name: str) -> Candidate:
    lineage = (*base.lineage, f"{name} filters kept={KEPT_SHARE:g} l2")
    recipe = SoftPrune(base.name, fading)
    return Candidate(
        f"{base.name}-{name}", family.input_type.name, base.size_px, recipe, lineage, (base.name,)
    )


def without_smallest(channels: Channels, sizes: Float64, goal: Sequence[int], share: float) -> Mask:
    """Return which units are not among the smallest of their group.

    Args:
        channels: of the trunk.
        sizes: (U,), of their filters.
        goal: how many of each group go in the end.
        share: of them that goes now, in [0, 1].
    """
    kept = channels.everything
    for group, count in zip(channels.groups(), goal, strict=True):
        kept[ordered(group, sizes)[: round(share * count)]] = False
    return kept


def scale_filters(channels: Channels, graphs: Sequence[TorchGraph], kept: Mask, factor: float) -> None:
    """Multiply filters and biases of the units that are not kept, in place; they can be trained on."""
    import torch

    for cut in channels.cuts:
        weight = graphs[cut.part].by_name.get(cut.tensor)
        if cut.role in (Role.WRITES, Role.OFFSETS) and weight is not None:
            shape = [-1 if axis == cut.axis else 1 for axis in range(weight.ndim)]
            factors = np.where(kept[cut.units], 1.0, factor).astype(np.float32).reshape(shape)
            with torch.no_grad():
                weight.mul_(torch.from_numpy(factors))


def _sizes(channels: Channels, graphs: Sequence[TorchGraph]) -> Float64:
    weights = [graphs[cut.part].by_name[cut.tensor].detach().numpy() for cut in channels.written]
    return norms(weights, channels)
