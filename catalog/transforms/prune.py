"""Structured pruning: whole filters go, everything that depends on them goes too, the rest is trained on.

Filters go by their estimated effect on the loss for each operation saved, see loss_effects and
filter_choice, in rounds with training in between (Molchanov et al., Pruning Convolutional Neural
Networks for Resource Efficient Inference, ICLR 2017, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnx import ModelProto

from catalog.errors import RunFailed
from catalog.graph_costs import macs_by_node
from catalog.heads import HeadWeights
from catalog.transforms.channel_following import follow_channels
from catalog.transforms.channel_units import Channels, Mask
from catalog.transforms.compacting import compacted
from catalog.transforms.filter_choice import least_loss
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
        kept: share of its operations that is left, at most, in (0, 1).
        rounds: how often filters are removed; a round's share of what is left is the same for each.
    """

    of: str
    kept: float = KEPT_SHARE
    rounds: int = ROUNDS

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the smaller and tuned parts; see Recipe."""
        from catalog.transforms.loss_effects import loss_effects
        from catalog.transforms.tuning import trained_further, tuned

        start = bench.starting(self.of)
        models, head = starting_graphs(start), starting_head(start)
        total = sum(sum(macs_by_node(model)) for model in models)
        for number in range(1, self.rounds + 1):
            channels = follow_channels(models)
            effects = loss_effects(models, channels, head, bench)
            kept = least_loss(channels, effects, self.kept ** (number / self.rounds) * total)
            models, head = without(models, head, channels, kept, self.of)
            if number < self.rounds:
                models, head = trained_further(models, head, bench, 1, TUNING_RATE, start)
        return tuned(models, head, bench, TUNING_RATE, start)


def prune(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the trunk with fewer filters; see Technique."""
    lineage = (*base.lineage, f"prune filters kept={KEPT_SHARE:g} taylor rounds={ROUNDS}")
    name = f"{base.name}-prune"
    return [Candidate(name, family.input_type.name, base.size_px, Prune(base.name), lineage, (base.name,))]


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
