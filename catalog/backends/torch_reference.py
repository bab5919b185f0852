"""The reference backend: a stored part run by torch, operator by operator, slowly and plainly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from catalog.backends.part_input import PartInput, input_of, read_stored_model
from catalog.backends.protocol import Array, LoadedPart
from catalog.backends.torch_graph import TorchGraph
from catalog.errors import BackendError


class TorchReferencePart:
    """A torch graph that takes and gives numpy arrays."""

    __slots__ = ("_bf16", "_graph", "_input", "_threads")

    def __init__(self, graph: TorchGraph, reads: PartInput, threads: int, bf16: bool) -> None:
        self._graph = graph.eval()
        self._input = reads
        self._threads = threads
        self._bf16 = bf16

    def __call__(self, inputs: Array) -> npt.NDArray[np.float32]:
        """Run on a batch; see LoadedPart."""
        self._input.check(inputs)
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
                result = self._graph(torch.from_numpy(np.array(inputs))).float().numpy()
        except Exception as e:
            raise self._input.error(inputs, e) from e
        return np.asarray(result, dtype=np.float32)


class TorchReference:
    """Loads parts into torch graphs.

    Args:
        threads: threads that one call may use; torch keeps this number for the whole process.
        precision: of convolutions and matrix products: "f32" or "bf16".
    """

    name = "torch"

    def __init__(self, threads: int = 1, precision: str = "f32") -> None:
        self.threads = threads
        self.precision = precision

    def load(self, path: Path) -> LoadedPart:
        """Load a stored part; see Backend."""
        model = read_stored_model(path, "torch reference")
        try:
            graph = TorchGraph(model)
        except BackendError as e:
            raise BackendError(f"{path}: {e}") from e
        return TorchReferencePart(graph, input_of(model, path), self.threads, self.precision == "bf16")
