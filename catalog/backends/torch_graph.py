"""A stored graph as a torch module: run as it is, or trained further and written back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from catalog.backends.torch_operators import OPERATORS, Attributes, Operator
from catalog.errors import BackendError

_WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})


@dataclass(frozen=True, slots=True)
class _Step:
    operator: Operator
    inputs: tuple[str, ...]
    output: str
    attributes: Attributes


class TorchGraph(nn.Module):
    """A graph with one input and one output, node by node in torch.

    The weights and biases of its convolutions and linear layers are parameters; every other constant
    (pixel means, scales, axes) stays as stored.

    Raises:
        BackendError: an operator that the table lacks, by name.
    """

    def __init__(self, model: ModelProto) -> None:
        super().__init__()
        graph = model.graph
        self._input = graph.input[0].name
        self._output = graph.output[0].name
        self._constants: dict[str, Tensor] = {}
        self._trained: dict[str, nn.Parameter] = {}
        weights = set(_weight_names(model))
        for stored in graph.initializer:
            values = _stored_values(stored)
            if stored.name in weights and values.dtype == torch.float32:
                self._trained[stored.name] = nn.Parameter(values)
            else:
                self._constants[stored.name] = values
        self.weights = nn.ParameterList(self._trained.values())
        self._steps = tuple(_step(node) for node in graph.node)

    @property
    def by_name(self) -> Mapping[str, nn.Parameter]:
        """The weights and biases by the names of the stored tensors."""
        return self._trained

    def forward(self, x: Tensor) -> Tensor:
        """Run a batch (N, ...)."""
        values: dict[str, Tensor | None] = {"": None, **self._constants, **self._trained, self._input: x}
        for step in self._steps:
            values[step.output] = step.operator([values[n] for n in step.inputs], step.attributes)
        result = values[self._output]
        assert result is not None
        return result

    def written_back(self, model: ModelProto) -> ModelProto:
        """Return a copy of the model that it was made of with the weights as they are now."""
        copy = ModelProto()
        copy.CopyFrom(model)
        for tensor in copy.graph.initializer:
            if tensor.name in self._trained:
                values = self._trained[tensor.name].detach().contiguous().numpy()
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        return copy


def _stored_values(stored: TensorProto) -> Tensor:
    values = np.array(numpy_helper.to_array(stored))
    if stored.data_type == TensorProto.BFLOAT16:  # numpy has no such type of its own
        return torch.from_numpy(values.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(values)


def _weight_names(model: ModelProto) -> Iterator[str]:
    for node in model.graph.node:
        if node.op_type in _WEIGHTED:
            yield from node.input[1:]


def _step(node: NodeProto) -> _Step:
    operator = OPERATORS.get(node.op_type)
    if operator is None or node.domain not in ("", "ai.onnx"):
        raise BackendError(
            f"operator {node.domain or 'ai.onnx'}.{node.op_type}: the torch reference lacks it"
        )
    if sum(1 for name in node.output if name) != 1:
        raise BackendError(f"operator {node.op_type}: the torch reference gives one output, not several")
    attributes = {a.name: _attribute(a) for a in node.attribute}
    return _Step(operator, tuple(node.input), node.output[0], attributes)


def _attribute(attribute: AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if attribute.type == AttributeProto.TENSOR:
        return _stored_values(attribute.t)
    return value
