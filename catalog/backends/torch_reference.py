"""The reference backend: a stored part run by torch, operator by operator, slowly and plainly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, helper

from catalog.backends.protocol import Array, LoadedPart
from catalog.backends.torch_graph import TorchGraph
from catalog.errors import BackendError


class TorchReferencePart:
    """A torch graph that takes and gives numpy arrays."""

    __slots__ = ("_dtype", "_graph", "_path", "_shape", "_threads")

    def __init__(self, model: ModelProto, path: Path, threads: int) -> None:
        tensor = model.graph.input[0].type.tensor_type
        self._shape = tuple(d.dim_value for d in tensor.shape.dim[1:])
        self._dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        self._graph = TorchGraph(model).eval()
        self._path = path
        self._threads = threads

    def __call__(self, inputs: Array) -> npt.NDArray[np.float32]:
        """Run on a batch; see LoadedPart."""
        where = f"part {self._path.name}: input {inputs.shape} {inputs.dtype}"
        if inputs.ndim == 0 or inputs.shape[1:] != self._shape or inputs.dtype != self._dtype:
            raise BackendError(f"{where}: expected (N, {', '.join(map(str, self._shape))}) {self._dtype}")
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                result = self._graph(torch.from_numpy(np.array(inputs))).numpy()
        except Exception as e:
            raise BackendError(f"{where}: {e}") from e
        return np.asarray(result, dtype=np.float32)


class TorchReference:
    """Loads parts into torch graphs.

    Args:
        threads: threads that one call may use; torch keeps this number for the whole process.
    """

    name = "torch"

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def load(self, path: Path) -> LoadedPart:
        """Load a stored part; see Backend."""
        model = ModelProto()
        try:
            model.ParseFromString(path.read_bytes())
            onnx.checker.check_model(model)
        except (OSError, DecodeError, onnx.checker.ValidationError) as e:
            raise BackendError(f"{path}: torch reference cannot load it: {e}") from e
        if model.graph.input[0].type.tensor_type.elem_type not in (TensorProto.UINT8, TensorProto.FLOAT):
            raise BackendError(f"{path}: torch reference reads uint8 or float32 inputs")
        try:
            return TorchReferencePart(model, path, self.threads)
        except BackendError as e:
            raise BackendError(f"{path}: {e}") from e
