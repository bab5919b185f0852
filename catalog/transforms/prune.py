"""Structured pruning: whole filters go, everything that depends on them goes too, the rest is trained on.

Filters go by their estimated effect on the loss for each operation saved, or for each weight, see
loss_effects and filter_choice, in rounds with training in between (Molchanov et al., Pruning
Convolutional Neural Networks for Resource Efficient Inference, ICLR 2017, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from onnx import ModelProto

from catalog.errors import RunFailed
from catalog.heads import HeadWeights
from catalog.transforms.channel_following import follow_channels
from catalog.transforms.channel_units import Channels, Mask
from catalog.transforms.compacting import compacted
from catalog.transforms.filter_choice import Cost, least_loss
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.starting import starting_graphs, starting_head

KEPT_SHARE = 0.5
ROUNDS = 1
TUNING_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Prune:
    """Remove filters from a stored trunk, features included; heads are cut to match.

    Args:
        of: name of the trunk to start from.
        kept: share of its operations, or weights, that is left, at most, in (0, 1).
        rounds: how often filters are removed; a round's share of what is left is the same for each.
        saves: "operations", all of the trunk's; or "weights", those of layers with filters to remove.
        rate: highest learning rate of the training after it; None for this technique's own.
    """

    of: str
    kept: float = KEPT_SHARE
    rounds: int = ROUNDS
    saves: Literal["operations", "weights"] = "operations"
    rate: float | None = None

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the smaller and tuned parts; see Recipe."""
        from catalog.transforms.loss_effects import loss_effects
        from catalog.transforms.tuning import trained_further, tuned

        start, rate = bench.starting(self.of), self.rate or TUNING_RATE
        models, head = starting_graphs(start), starting_head(start)
        whole = follow_channels(models)
        total = self._cost(whole)(whole.everything)
        for number in range(1, self.rounds + 1):
            channels = follow_channels(models)
            effects = loss_effects(models, channels, head, bench)
            most = self.kept ** (number / self.rounds) * total
            kept = least_loss(channels, effects, self._cost(channels), most)
            models, head = without(models, head, channels, kept, self.of)
            if number < self.rounds:
                models, head = trained_further(models, head, bench, 1, rate, start)
        return tuned(models, head, bench, rate, start)

    def _cost(self, channels: Channels) -> Cost:
        return channels.macs if self.saves == "operations" else channels.weights


def prune(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the trunk with fewer filters, chosen to save operations: time; see Technique."""
    lineage = (*base.lineage, f"prune filters kept={KEPT_SHARE:g} taylor rounds={ROUNDS}")
    name = f"{base.name}-prune"
    return [Candidate(name, family.input_type.name, base.size_px, Prune(base.name), lineage, (base.name,))]


def prune_weights(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the trunk with fewer filters, chosen to save weights: memory; see Technique."""
    lineage = (*base.lineage, f"prune-weights filters kept={KEPT_SHARE:g} taylor rounds={ROUNDS}")
    recipe = Prune(base.name, saves="weights")
    name = f"{base.name}-thin"
    return [Candidate(name, family.input_type.name, base.size_px, recipe, lineage, (base.name,))]


def without(
    models: Sequence[ModelProto], head: HeadWeights, channels: Channels, kept: Mask, of: str
) -> tuple[list[ModelProto], HeadWeights]:
    """Return graphs and their head without the units that are not kept.

    Raises:
        RunFailed: all are kept.
    """
    if kept.all():
        raise RunFailed(f"{of}: no filter can be removed: its layers are too narrow, or not understood")
    features = channels.boundaries[-1]
    columns = head.weight if features is None else head.weight[:, kept[features]]
    return compacted(models, channels, kept), HeadWeights(columns, head.bias, head.temperature)
