"""What a stored part reads: told from its file, and checked before a runtime sees the values.

Runtimes differ in what they let pass: some reshape and convert without a word what does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, helper

from catalog.backends.protocol import Array
from catalog.errors import BackendError

_READABLE = (TensorProto.UINT8, TensorProto.FLOAT)


@dataclass(frozen=True, slots=True)
class PartInput:
    """The one input of a part.

    Args:
        file: name of the part's file, for errors.
        shape: without the batch axis.
        dtype: uint8 or float32.
    """

    file: str
    shape: tuple[int, ...]
    dtype: npt.DTypeLike

    def check(self, inputs: Array) -> None:
        """Check a batch.

        Raises:
            BackendError: it is empty, or of another shape or element type.
        """
        if (
            inputs.ndim == 0
            or inputs.shape[1:] != self.shape
            or inputs.dtype != self.dtype
            or not len(inputs)
        ):
            raise self.error(
                inputs, f"expected (N, {', '.join(map(str, self.shape))}) {np.dtype(self.dtype)}"
            )

    def error(self, inputs: Array, what: object) -> BackendError:
        """Return an error that names the part and what it was given."""
        return BackendError(f"part {self.file}: input {inputs.shape} {inputs.dtype}: {what}")


def read_stored_model(path: Path, runtime: str) -> ModelProto:
    """Read and check a part's file.

    Raises:
        BackendError: it cannot be read, or is no valid graph from one uint8 or float32 input.
    """
    model = ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
        onnx.checker.check_model(model)
    except (OSError, DecodeError, onnx.checker.ValidationError) as e:
        raise BackendError(f"{path}: {runtime} cannot load it: {e}") from e
    inputs = model.graph.input
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type not in _READABLE:
        raise BackendError(f"{path}: {runtime} reads one input, uint8 or float32")
    return model


def input_of(model: ModelProto, path: Path) -> PartInput:
    """Return what a model that was read from a file reads."""
    tensor = model.graph.input[0].type.tensor_type
    shape = tuple(d.dim_value for d in tensor.shape.dim[1:])
    return PartInput(path.name, shape, helper.tensor_dtype_to_np_dtype(tensor.elem_type))
