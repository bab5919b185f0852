"""From assembled modules to the graphs of a trunk: exported, cut, compared with the modules."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from onnx import ModelProto
from torch import Tensor, nn

from catalog.errors import BadInput
from catalog.models.assembly import Assembled
from catalog.models.graph_cuts import chosen_cuts, cut, cut_points, named_cuts
from catalog.training.export import compare, export_parts, exported

_FEATURES = "features"


def trunk_graphs(assembled: Assembled, example: Tensor) -> list[ModelProto]:
    """Return one graph for each part of a trunk, with the batch axis left open.

    Args:
        assembled: modules in evaluation mode, trained or not.
        example: windows on which graphs and modules are compared, two or more.

    Raises:
        BadInput: the user's own cuts do not fit.
        RunFailed: the exporter cannot express a module, or a graph gives something else.
    """
    if not assembled.whole:
        return export_parts(assembled.parts, example)
    (trunk,) = assembled.parts
    with torch.no_grad():
        features = trunk(example).numpy()
    graph = exported(_Observing(trunk, assembled.cuts).eval(), example, [*_names(assembled.cuts), _FEATURES])
    if assembled.cuts:
        tensors = dict(zip(assembled.cuts, _names(assembled.cuts), strict=True))
        graphs = cut(graph, named_cuts(graph, tensors))
    else:
        graphs = cut(graph, chosen_cuts(cut_points(graph)))
    compare(graphs, example.numpy(), features)
    return graphs


def _names(cuts: Sequence[str]) -> list[str]:
    return [f"boundary_{k}" for k in range(len(cuts))]


class _Observing(nn.Module):
    """A trunk that gives what some of the modules inside it give, then its features."""

    def __init__(self, trunk: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.trunk = trunk
        self._names = tuple(names)
        self._seen: dict[str, Tensor] = {}
        assert isinstance(trunk, nn.Sequential)
        for name in names:
            module = dict(trunk[1].named_modules()).get(name)
            if module is None:
                known = ", ".join(n for n, _ in trunk[1].named_children())
                raise BadInput(f"parts: no module {name!r}: expected some of {known}, or of what is in them")
            module.register_forward_hook(lambda _m, _i, y, name=name: self._seen.update({name: y}))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        self._seen.clear()
        features = self.trunk(x)
        return (*(self._seen[name] for name in self._names), features)
