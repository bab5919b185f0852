"""Deep Compression of a trunk: fewer weights of fewer values, which take less to store and to download.

Han, Mao and Dally, Deep Compression, ICLR 2016. Such a trunk runs as fast as the one that it comes
from and takes as much memory: weights of zero are stored dense where it runs. What it saves is the
compressed file, `download_bytes` of its parts.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.starting import starting_graphs, starting_head

KEPT_SHARE = 0.2
_RUNGS = 3


@dataclass(frozen=True, slots=True)
class DeepCompress:
    """Prune and share the weights of a stored trunk, training it after each step.

    Args:
        of: name of the trunk to start from.
        kept: share of the weights of its largest layer that are left, in (0, 1); see kept_shares.
    """

    of: str
    kept: float = KEPT_SHARE

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the compressed and tuned parts, written dense; see Recipe."""
        from catalog.canonical import canonical_bytes
        from catalog.deep_compression.retraining import CompressedNet, CompressionPlan
        from catalog.transforms.teaching import taught_while_changed

        start = bench.starting(self.of)
        graphs, head = starting_graphs(start), starting_head(start)
        lesson = taught_while_changed(start, bench)
        net = CompressedNet(graphs, head, bench.seed, bench.report, bench.tasks, lesson)
        epochs = bench.effort.tuning_epochs
        plan = CompressionPlan(self.kept, _RUNGS, epochs, epochs, sharing_epochs=epochs)
        net.prune(bench.data, plan)
        net.share(bench.data, plan)
        return tuple(canonical_bytes(graph) for graph in net.graphs())


def deep_compress(family: Family, base: Candidate) -> list[Candidate]:
    """Plan a trunk with most of its weights pruned and the others shared; see Technique."""
    lineage = (*base.lineage, f"deep-compress kept={KEPT_SHARE:g}")
    name = f"{base.name}-deep"
    recipe = DeepCompress(base.name)
    return [Candidate(name, family.input_type.name, base.size_px, recipe, lineage, (base.name,))]
