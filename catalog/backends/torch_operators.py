"""ONNX operators as torch operations: what the torch reference can run, one function an operator.

Meaning of every operator: https://onnx.ai/onnx/operators/. A function is given the node's inputs (an
optional input that is absent is None) and its attributes, and returns its one output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor
from torch.nn import functional

Inputs = Sequence[Any]
Attributes = Mapping[str, Any]
Operator = Callable[[Inputs, Attributes], Tensor]

_DTYPES = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT8: torch.int8,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.DOUBLE: torch.float64,
}


def _padded(x: Tensor, a: Attributes, spatial: int, fill: float) -> Tensor:
    """Pad the spatial axes as ONNX says it (all starts, then all ends); fill is for pooling."""
    if a.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotImplementedError(f"auto_pad {a['auto_pad']}")
    pads = a.get("pads", [0] * (2 * spatial))
    if not any(pads):
        return x
    pairs = [(pads[i], pads[i + spatial]) for i in reversed(range(spatial))]
    return functional.pad(x, [p for pair in pairs for p in pair], value=fill)


def _conv(i: Inputs, a: Attributes) -> Tensor:
    spatial = i[1].ndim - 2
    pads = a.get("pads", [0] * (2 * spatial))
    symmetric = list(pads[:spatial]) == list(pads[spatial:]) and a.get("auto_pad", "NOTSET") == "NOTSET"
    x = i[0] if symmetric else _padded(i[0], a, spatial, 0.0)
    run = (functional.conv1d, functional.conv2d, functional.conv3d)[spatial - 1]
    return run(
        x,
        i[1],
        i[2] if len(i) > 2 else None,
        stride=tuple(a.get("strides", [1] * spatial)),
        padding=tuple(pads[:spatial]) if symmetric else 0,
        dilation=tuple(a.get("dilations", [1] * spatial)),
        groups=a.get("group", 1),
    )


def _gemm(i: Inputs, a: Attributes) -> Tensor:
    left = i[0].T if a.get("transA", 0) else i[0]
    right = i[1].T if a.get("transB", 0) else i[1]
    product: Tensor = a.get("alpha", 1.0) * (left @ right)
    return product if len(i) < 3 or i[2] is None else product + a.get("beta", 1.0) * i[2]


def _max_pool(i: Inputs, a: Attributes) -> Tensor:
    spatial = len(a["kernel_shape"])
    x = _padded(i[0], a, spatial, float("-inf"))
    return functional.max_pool2d(
        x,
        tuple(a["kernel_shape"]),
        tuple(a.get("strides", [1] * spatial)),
        dilation=tuple(a.get("dilations", [1] * spatial)),
        ceil_mode=bool(a.get("ceil_mode", 0)),
    )


def _average_pool(i: Inputs, a: Attributes) -> Tensor:
    spatial = len(a["kernel_shape"])
    pads = a.get("pads", [0] * (2 * spatial))
    if any(pads) and list(pads[:spatial]) != list(pads[spatial:]):
        raise NotImplementedError("AveragePool with different padding on two sides")
    return functional.avg_pool2d(
        i[0],
        tuple(a["kernel_shape"]),
        tuple(a.get("strides", [1] * spatial)),
        padding=tuple(pads[:spatial]),
        ceil_mode=bool(a.get("ceil_mode", 0)),
        count_include_pad=bool(a.get("count_include_pad", 0)),
    )


def _axes(i: Inputs, a: Attributes, position: int = 1) -> list[int] | None:
    """Axes are an attribute in older operator sets and an input in newer ones."""
    if len(i) > position and i[position] is not None:
        return [int(x) for x in i[position].tolist()]
    return list(a["axes"]) if "axes" in a else None


def _reduce_mean(i: Inputs, a: Attributes) -> Tensor:
    axes = _axes(i, a)
    if not axes:
        if a.get("noop_with_empty_axes", 0):
            return _tensor(i[0])
        axes = list(range(i[0].ndim))
    return _tensor(i[0].mean(axes, keepdim=bool(a.get("keepdims", 1))))


def _reduce_sum(i: Inputs, a: Attributes) -> Tensor:
    axes = _axes(i, a)
    if not axes and a.get("noop_with_empty_axes", 0):
        return _tensor(i[0])
    return _tensor(i[0].sum(axes or list(range(i[0].ndim)), keepdim=bool(a.get("keepdims", 1))))


def _pad(i: Inputs, a: Attributes) -> Tensor:
    """Pad all axes, or those that are named; ONNX gives all starts, then all ends."""
    x, widths = i[0], [int(n) for n in i[1].tolist()]
    axes = _axes(i, {}, 3) or list(range(x.ndim))
    pairs = [(0, 0)] * x.ndim
    for k, axis in enumerate(axes):
        pairs[axis % x.ndim] = (widths[k], widths[k + len(axes)])
    mode = a.get("mode", "constant")
    if mode != "constant":
        raise NotImplementedError(f"Pad with mode {mode}")
    fill = 0.0 if len(i) < 3 or i[2] is None else float(i[2])
    return functional.pad(x, [n for pair in reversed(pairs) for n in pair], value=fill)


def _slice(i: Inputs, a: Attributes) -> Tensor:
    x = _tensor(i[0])
    starts, ends = ([int(n) for n in bounds.tolist()] for bounds in i[1:3])
    axes = _axes(i, a, 3) or list(range(len(starts)))
    steps = [int(n) for n in i[4].tolist()] if len(i) > 4 and i[4] is not None else [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        picked = torch.tensor(range(x.shape[axis])[start:end:step], dtype=torch.int64)
        contiguous = step == 1 and len(picked) > 0
        x = x.narrow(axis, int(picked[0]), len(picked)) if contiguous else x.index_select(axis, picked)
    return x


def _prelu(i: Inputs, _: Attributes) -> Tensor:
    x, slope = i[0], i[1]
    if slope.ndim == x.ndim - 1 and slope.numel() == slope.shape[0] == x.shape[1]:
        return functional.prelu(x, slope.flatten())
    return torch.where(x < 0, x * slope, x)


def _reshape(i: Inputs, a: Attributes) -> Tensor:
    x, wanted = i[0], [int(n) for n in i[1].tolist()]
    if not a.get("allowzero", 0):
        wanted = [x.shape[k] if n == 0 else n for k, n in enumerate(wanted)]
    return _tensor(x.reshape(wanted))


def _flatten(i: Inputs, a: Attributes) -> Tensor:
    axis = a.get("axis", 1) % (i[0].ndim + 1)
    rows = 1
    for n in i[0].shape[:axis]:
        rows *= n
    return _tensor(i[0].reshape(rows, -1))


def _clip(i: Inputs, a: Attributes) -> Tensor:
    low = i[1] if len(i) > 1 else a.get("min")
    high = i[2] if len(i) > 2 else a.get("max")
    return torch.clamp(i[0], low, high)


def _along_axis(values: Tensor, x: Tensor, axis: int) -> Tensor:
    """Shape per-channel scales or zero points so that they broadcast along one axis of x."""
    if values.ndim == 0 or values.numel() == 1:
        return values.reshape(())
    shape = [1] * x.ndim
    shape[axis % x.ndim] = values.numel()
    return values.reshape(shape)


def _quantize(i: Inputs, a: Attributes) -> Tensor:
    x, axis = i[0], a.get("axis", 1)
    zero = i[2] if len(i) > 2 and i[2] is not None else torch.zeros((), dtype=torch.uint8)
    limits = torch.iinfo(zero.dtype)
    steps = torch.round(x / _along_axis(i[1], x, axis))  # half to even, as ONNX asks
    shifted = steps + _along_axis(zero, x, axis).to(torch.float32)
    return shifted.clamp(limits.min, limits.max).to(zero.dtype)


def _dequantize(i: Inputs, a: Attributes) -> Tensor:
    x, axis = i[0], a.get("axis", 1)
    real = x.to(torch.float32)
    if len(i) > 2 and i[2] is not None:
        real = real - _along_axis(i[2], x, axis).to(torch.float32)
    return _tensor(real * _along_axis(i[1], x, axis))


def _batch_normalization(i: Inputs, a: Attributes) -> Tensor:
    x, scale, bias, mean, variance = i[:5]
    return functional.batch_norm(x, mean, variance, scale, bias, training=False, eps=a.get("epsilon", 1e-5))


def _layer_normalization(i: Inputs, a: Attributes) -> Tensor:
    shape = i[0].shape[a.get("axis", -1) % i[0].ndim :]
    return functional.layer_norm(i[0], shape, i[1], i[2] if len(i) > 2 else None, a.get("epsilon", 1e-5))


def _gather(i: Inputs, a: Attributes) -> Tensor:
    axis = a.get("axis", 0) % i[0].ndim
    picked = i[0].index_select(axis, i[1].reshape(-1).to(torch.int64))
    return _tensor(picked.reshape(*i[0].shape[:axis], *i[1].shape, *i[0].shape[axis + 1 :]))


def _squeeze(i: Inputs, a: Attributes) -> Tensor:
    axes = _axes(i, a)
    return _tensor(i[0].squeeze() if axes is None else i[0].squeeze(tuple(axes)))


def _unsqueeze(i: Inputs, a: Attributes) -> Tensor:
    axes = _axes(i, a) or []
    x: Tensor = i[0]
    rank = x.ndim + len(axes)
    for axis in sorted(k % rank for k in axes):
        x = x.unsqueeze(axis)
    return x


def _expand(i: Inputs, _: Attributes) -> Tensor:
    shape = np.broadcast_shapes(tuple(i[0].shape), tuple(i[1].tolist()))
    return _tensor(i[0].expand(shape))


def _hard_sigmoid(i: Inputs, a: Attributes) -> Tensor:
    return torch.clamp(a.get("alpha", 0.2) * i[0] + a.get("beta", 0.5), 0.0, 1.0)


def _gelu(i: Inputs, a: Attributes) -> Tensor:
    return functional.gelu(i[0], approximate=a.get("approximate", "none"))


def _tensor(x: Any) -> Tensor:
    return torch.as_tensor(x)


OPERATORS: dict[str, Operator] = {
    "Add": lambda i, _: _tensor(i[0] + i[1]),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalization,
    "Cast": lambda i, a: _tensor(i[0].to(_DTYPES[a["to"]])),
    "Clip": _clip,
    "Concat": lambda i, a: torch.cat(list(i), a["axis"]),
    "Constant": lambda _, a: _tensor(a["value"]),
    "Conv": _conv,
    "DequantizeLinear": _dequantize,
    "Div": lambda i, _: _tensor(i[0] / i[1]),
    "Erf": lambda i, _: torch.erf(i[0]),
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda i, _: _tensor(i[0].mean(tuple(range(2, i[0].ndim)), keepdim=True)),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda i, _: functional.hardswish(i[0]),
    "Identity": lambda i, _: _tensor(i[0]),
    "LayerNormalization": _layer_normalization,
    "LeakyRelu": lambda i, a: functional.leaky_relu(i[0], a.get("alpha", 0.01)),
    "MatMul": lambda i, _: _tensor(i[0] @ i[1]),
    "MaxPool": _max_pool,
    "Mul": lambda i, _: _tensor(i[0] * i[1]),
    "PRelu": _prelu,
    "Pad": _pad,
    "Pow": lambda i, _: _tensor(i[0] ** i[1]),
    "QuantizeLinear": _quantize,
    "ReduceMean": _reduce_mean,
    "ReduceSum": _reduce_sum,
    "Relu": lambda i, _: torch.relu(i[0]),
    "Reshape": _reshape,
    "Shape": lambda i, _: torch.tensor(i[0].shape, dtype=torch.int64),
    "Sigmoid": lambda i, _: torch.sigmoid(i[0]),
    "Slice": _slice,
    "Softmax": lambda i, a: torch.softmax(i[0], a.get("axis", -1)),
    "Sqrt": lambda i, _: torch.sqrt(i[0]),
    "Squeeze": _squeeze,
    "Sub": lambda i, _: _tensor(i[0] - i[1]),
    "Tanh": lambda i, _: torch.tanh(i[0]),
    "Transpose": lambda i, a: _tensor(i[0].permute(a.get("perm", list(reversed(range(i[0].ndim)))))),
    "Unsqueeze": _unsqueeze,
}
