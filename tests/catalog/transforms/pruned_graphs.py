"""Pruning checked against zeros: a graph whose filters are zero gives what one without them gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from onnx import ModelProto, numpy_helper

from catalog.canonical import canonical_bytes
from catalog.graph_costs import describe_part
from catalog.models.architecture import Architecture
from catalog.models.assembly import assembled
from catalog.models.trunk_graphs import trunk_graphs
from catalog.transforms.channel_following import follow_channels
from catalog.transforms.channel_units import Channels, Mask, Role
from catalog.transforms.compacting import compacted

Array = npt.NDArray[np.generic]


def built_parts(arch: Architecture, size_px: int, **shares: float) -> list[ModelProto]:
    """Return the stored graphs of a trunk as the compiler would write them."""
    model = assembled(arch, size_px, 10, shares, 0)
    for part in model.parts:
        part.eval()
    windows = torch.from_numpy(pixels(4, size_px))
    parts = []
    for graph in trunk_graphs(model, windows):
        part = ModelProto()
        part.ParseFromString(canonical_bytes(graph))
        parts.append(part)
    return parts


def pixels(count: int, size_px: int) -> npt.NDArray[np.uint8]:
    """Return seeded windows (N, S, S, 3)."""
    return np.random.default_rng(1).integers(0, 256, (count, size_px, size_px, 3), dtype=np.uint8)


def run(models: Sequence[ModelProto], inputs: Array) -> npt.NDArray[np.float32]:
    """Run graphs one after another."""
    values = inputs
    for model in models:
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (values,) = session.run(None, {session.get_inputs()[0].name: values})
    return np.asarray(values, np.float32)


def with_zeros(models: Sequence[ModelProto], channels: Channels, kept: Mask) -> list[ModelProto]:
    """Return graphs of the same shape in which the filters and offsets of removed units are zero."""
    masked = [ModelProto() for _ in models]
    for copy, model in zip(masked, models, strict=True):
        copy.CopyFrom(model)
    for cut in channels.cuts:
        if cut.role not in (Role.WRITES, Role.OFFSETS):
            continue
        (stored,) = (t for t in masked[cut.part].graph.initializer if t.name == cut.tensor)
        values = np.moveaxis(np.array(numpy_helper.to_array(stored)), cut.axis, 0)
        values[~kept[cut.units]] = 0.0
        whole = np.ascontiguousarray(np.moveaxis(values, 0, cut.axis))
        stored.CopyFrom(numpy_helper.from_array(whole, cut.tensor))
    return masked


def check_masked_is_compact(models: Sequence[ModelProto], channels: Channels, kept: Mask, x: Array) -> None:
    """Check that compact graphs give what masked ones give and cost what was foreseen."""
    small = compacted(models, channels, kept)
    expected = run(with_zeros(models, channels, kept), x)
    features = channels.boundaries[-1]
    if features is not None:
        expected = expected[:, kept[features]]
    largest = float(np.abs(expected).max())
    assert largest > 0.0
    np.testing.assert_allclose(run(small, x), expected, 1e-4, 1e-4 * largest)
    parts = [describe_part(model.SerializeToString(), "p") for model in small]
    assert sum(part.macs for part in parts) == channels.macs(kept)
    assert [b.input_shape for b in parts[1:]] == [a.output_shape for a in parts[:-1]]
    canonical = [canonical_bytes(model) for model in small]
    assert sum(map(len, canonical)) < sum(len(canonical_bytes(model)) for model in models)


def drawn(channels: Channels, seed: int, share: float = 0.4) -> Mask:
    """Return a random choice of units to keep, at least one of each group."""
    rng = np.random.default_rng(seed)
    kept = channels.everything
    for group in channels.groups():
        kept[rng.permutation(group)[: int(share * len(group))]] = False
    return kept


def channels_of(models: Sequence[ModelProto]) -> Channels:
    """Return the units of graphs and check their cost."""
    channels = follow_channels(models)
    parts = [describe_part(model.SerializeToString(), "p") for model in models]
    assert channels.macs(channels.everything) == sum(part.macs for part in parts)
    return channels
