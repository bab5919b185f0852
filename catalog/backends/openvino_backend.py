"""openvino: kernels for Intel and ARM processors; bf16 arithmetic where a processor has it."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

from catalog.backends.part_input import PartInput, input_of, read_stored_model
from catalog.backends.protocol import Array, LoadedPart
from catalog.errors import BackendError

_DEVICE = "CPU"
_TYPES = {"f32": ov.Type.f32, "bf16": ov.Type.bf16}


@cache
def _core() -> ov.Core:
    """One a process: it holds the plugin and its thread pool."""
    return ov.Core()


class OpenvinoPart:
    """A compiled model with one request, which one thread at a time may use.

    There is one stream, so calls from several threads would run one after the other in any case.
    """

    __slots__ = ("_input", "_lock", "_request")

    def __init__(self, compiled: ov.CompiledModel, reads: PartInput) -> None:
        self._input = reads
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    def __call__(self, inputs: Array) -> npt.NDArray[np.float32]:
        """Run on a batch; see LoadedPart."""
        self._input.check(inputs)
        try:
            with self._lock:
                return self._answer(np.require(inputs, requirements=("C", "W")))
        except Exception as e:
            raise self._input.error(inputs, e) from e

    def _answer(self, inputs: Array) -> npt.NDArray[np.float32]:
        """Run on writable values that lie side by side; the package's own way to pass them takes longer
        than a small part runs."""
        self._request.set_input_tensor(ov.Tensor(inputs, shared_memory=True))
        self._request.infer()
        answer: npt.NDArray[np.float32] = self._request.get_output_tensor().data
        return answer.copy()


class OpenvinoBackend:
    """Loads parts into openvino's processor plugin.

    Threads are not pinned to cores: they share the device with cameras and other applications, and
    a pinned thread waits for its core while another one is idle. One stream serves the one call.

    Args:
        threads: threads that one call may use.
        precision: of the arithmetic: "f32" or "bf16".
    """

    name = "openvino"

    def __init__(self, threads: int = 1, precision: str = "f32") -> None:
        self.threads = threads
        self.precision = precision

    def load(self, path: Path) -> LoadedPart:
        """Load a stored part; see Backend."""
        # openvino tries one reader after another on a damaged file, each with complaints of its own.
        reads = input_of(read_stored_model(path, self.name), path)
        try:
            compiled = _core().compile_model(str(path), _DEVICE, self._settings())
            given = compiled.get_property("INFERENCE_PRECISION_HINT")
        except Exception as e:
            raise BackendError(f"{path}: openvino cannot load it: {e}") from e
        if given != _TYPES[self.precision]:
            raise BackendError(f"{path}: openvino runs no {self.precision} on this processor")
        return OpenvinoPart(compiled, reads)

    def _settings(self) -> dict[str, Any]:
        return {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": _TYPES[self.precision],
        }
