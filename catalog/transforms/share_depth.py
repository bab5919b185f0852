"""Last parts of a task's own on the first parts of a trunk that others trained.

How much of a network tasks can share without loss depends on how deep its features have become
particular to what it was trained for (Yosinski et al., How transferable are features in deep neural
networks?, NIPS 2014, section 4). So as much as possible is shared first, and less only where
that is not enough. Parts of its own start from fresh weights, which learn more with their batch
normalisation than copies in which it is folded; where the network comes trained, they start as copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import load

from catalog.errors import RunFailed
from catalog.models.architecture import Architecture
from catalog.store import head_from_bytes
from catalog.transforms.recipe import Bench

if TYPE_CHECKING:
    from catalog.backends.part_chain import PartChain
    from catalog.models.assembly import Assembled

_COPIES_PEAK_RATE = 1e-3
_EXAMPLES = 6


class NotNeeded(RunFailed):
    """A trunk would be of no use, now that others are made."""


@dataclass(frozen=True, slots=True)
class TrainLastParts:
    """Train copies of the last parts of a stored trunk for one task; the parts before are shared.

    Args:
        arch: that the trunk is of.
        of: name of the trunk whose first parts are shared.
        own: how many last parts the task gets to itself.
        task: that they are trained for.
        whole: name of a trunk of the same family that was trained for this task alone.
        deeper: names of trunks that share more parts with the first one.
        share_loss: validation accuracy, in [0, 1], that sharing may cost the task; where a trunk that
            shares more costs no more than that, this one is not needed.
    """

    arch: Architecture
    of: str
    own: int
    task: str
    whole: str
    deeper: tuple[str, ...]
    share_loss: float

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the shared first parts and the trained last ones; see Recipe.

        Raises:
            NotNeeded: sharing more is good enough, or there is no part left to share.
        """
        from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
        from catalog.backends.part_chain import PartChain
        from catalog.training.trunk_training import make_deterministic

        self._check_needed(bench)
        start = bench.starting(self.of)
        shared = start.parts[: -self.own]
        frozen = PartChain(OnnxruntimeBackend(threads=1), shared)
        make_deterministic(bench.seed)
        fresh = self._fresh(bench, len(start.parts))
        trained = self._trained_copies(bench, frozen) if fresh is None else _trained(fresh, bench, frozen)
        return (*(path.read_bytes() for path in shared), *trained)

    def _fresh(self, bench: Bench, parts: int) -> Assembled | None:
        """Return untrained last parts; None where the network comes trained or is cut as a graph."""
        from catalog.models.assembly import assembled

        if self.arch.weights is not None:
            return None
        model = assembled(self.arch, bench.size_px, bench.classes, {}, bench.seed)
        if model.whole or len(model.parts) != parts:
            return None
        return replace(model, parts=model.parts[-self.own :], head=None)

    def _trained_copies(self, bench: Bench, frozen: PartChain) -> list[bytes]:
        import torch

        from catalog.backends.torch_graph import TorchGraph
        from catalog.canonical import canonical_bytes
        from catalog.training.schedule import Schedule
        from catalog.training.trunk_training import train_parts

        start = bench.starting(self.of)
        copied = [load(path) for path in start.parts[-self.own :]]
        head = head_from_bytes(start.heads[self.task].read_bytes(), str(start.heads[self.task]))
        graphs = [TorchGraph(model) for model in copied]
        layer = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(head.weight))
            layer.bias.copy_(torch.from_numpy(head.bias))
        train_parts(
            graphs,
            layer,
            bench.data,
            Schedule(bench.effort.epochs, _COPIES_PEAK_RATE),
            np.random.default_rng(bench.seed),
            bench.report,
            frozen,
            views_seed=bench.views_seed,
        )
        return [canonical_bytes(g.written_back(m)) for g, m in zip(graphs, copied, strict=True)]

    def _check_needed(self, bench: Bench) -> None:
        if self.own >= len(bench.starting(self.of).parts):
            raise NotNeeded(f"not needed: {self.of} has no part left to share")
        whole = bench.starting(self.whole).accuracy[self.task]
        for name in (self.of, *self.deeper):
            lost = whole - bench.starting(name).accuracy[self.task]
            if lost <= self.share_loss:
                raise NotNeeded(
                    f"not needed: {self.task} loses {100 * lost:.1f} points on {name}, "
                    f"which shares more, against {self.whole}; {100 * self.share_loss:g} are allowed"
                )


def _trained(model: Assembled, bench: Bench, frozen: PartChain) -> list[bytes]:
    import torch

    from catalog.canonical import canonical_bytes
    from catalog.models.trunk_graphs import trunk_graphs
    from catalog.training.schedule import Schedule
    from catalog.training.trunk_training import train_parts

    example = torch.from_numpy(frozen(np.ascontiguousarray(bench.data.windows[:_EXAMPLES])))
    with torch.no_grad():
        features = example
        for part in model.parts:
            features = part.eval()(features)
    head = torch.nn.Linear(features.shape[1], bench.classes)
    rng = np.random.default_rng(bench.seed)
    schedule = Schedule(bench.effort.epochs)
    views = bench.views_seed
    train_parts(model.parts, head, bench.data, schedule, rng, bench.report, frozen, views_seed=views)
    return [canonical_bytes(graph) for graph in trunk_graphs(model, example)]
