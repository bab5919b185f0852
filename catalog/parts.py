"""Parts and trunks: the units of storage, loading, residency and sharing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One stored graph, tensor to tensor.

    Args:
        id: first 16 hex digits of the SHA-256 of the stored file, which is written in canonical form.
        input_shape: without the batch axis; a first part reads (S, S, 3) uint8 RGB.
        output_shape: without the batch axis; a last part writes (D,) float32.
        file_bytes: size on disk.
        weight_bytes: constants of the graph in memory.
        activation_bytes: largest sum of live tensors while one window runs.
        macs: multiply-accumulate operations for one window.
        precision: of the arithmetic: "f32", "bf16" or "int8".
        download_bytes: size of its compressed file, see deep_compression; None where it was never computed.
    """

    id: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    file_bytes: int
    weight_bytes: int
    activation_bytes: int
    macs: int
    precision: str = "f32"
    download_bytes: int | None = None

    @property
    def memory_bytes(self) -> int:
        """Bytes held while the part is resident: weights and peak activations."""
        return self.weight_bytes + self.activation_bytes


@dataclass(frozen=True, slots=True)
class Trunk:
    """An ordered list of parts from window to feature vector.

    Args:
        name: unique in a catalog, readable: "conv-w32-d3-r32".
        input_type: name of the input type that it reads.
        size_px: windows are resized to size_px x size_px for this trunk.
        parts: part ids in order; any prefix may be shared with another trunk.
        feature_dim: length D of the feature vector.
        lineage: what made it, in order: "arch convnet width=32 depth=3", "lowrank share=0.5", ...
    """

    name: str
    input_type: str
    size_px: int
    parts: tuple[str, ...]
    feature_dim: int
    lineage: tuple[str, ...] = ()
