"""Last parts of a task's own on the first parts of a trunk that others trained.

How much of a network tasks can share without loss depends on how deep its features have become
particular to what it was trained for (Yosinski et al., How transferable are features in deep neural
networks?, NIPS 2014, section 4). So as much as possible is shared first, and less only where
that is not enough. The parts of its own start as copies of the shared ones, which fits any stored graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import load

from catalog.errors import RunFailed
from catalog.store import head_from_bytes
from catalog.transforms.recipe import Bench

_PEAK_RATE = 1e-3


class NotNeeded(RunFailed):
    """A trunk would be of no use, now that others are made."""


@dataclass(frozen=True, slots=True)
class TrainLastParts:
    """Train copies of the last parts of a stored trunk for one task; the parts before are shared.

    Args:
        of: name of the trunk whose first parts are shared.
        own: how many last parts the task gets to itself.
        task: that they are trained for.
        whole: name of a trunk of the same family that was trained for this task alone.
        deeper: names of trunks that share more parts with the first one.
        share_loss: validation accuracy, in [0, 1], that sharing may cost the task; where a trunk that
            shares more costs no more than that, this one is not needed.
    """

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
        import torch

        from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
        from catalog.backends.part_chain import PartChain
        from catalog.backends.torch_graph import TorchGraph
        from catalog.canonical import canonical_bytes
        from catalog.training.schedule import Schedule
        from catalog.training.trunk_training import make_deterministic, train_parts

        self._check_needed(bench)
        start = bench.starting(self.of)
        shared, copied = start.parts[: -self.own], [load(path) for path in start.parts[-self.own :]]
        head = head_from_bytes(start.heads[self.task].read_bytes(), str(start.heads[self.task]))
        make_deterministic(bench.seed)
        graphs = [TorchGraph(model) for model in copied]
        layer = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(head.weight))
            layer.bias.copy_(torch.from_numpy(head.bias))
        train_parts(
            graphs,
            layer,
            bench.data,
            Schedule(bench.effort.epochs, _PEAK_RATE),
            np.random.default_rng(bench.seed),
            bench.report,
            PartChain(OnnxruntimeBackend(threads=1), shared),
        )
        trained = [canonical_bytes(g.written_back(m)) for g, m in zip(graphs, copied, strict=True)]
        return (*(path.read_bytes() for path in shared), *trained)

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
