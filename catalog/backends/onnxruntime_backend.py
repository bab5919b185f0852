"""onnxruntime: the default backend, portable and fast on a processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from catalog.backends.part_input import PartInput
from catalog.backends.protocol import Array, LoadedPart
from catalog.backends.split_prelu import loadable
from catalog.errors import BackendError

_ERRORS_ONLY = 3
_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}


class OnnxruntimePart:
    """An inference session with one input and one output; sessions serve several threads at once."""

    __slots__ = ("_feed", "_input", "_outputs", "_session")

    def __init__(self, session: ort.InferenceSession, path: Path) -> None:
        feed = session.get_inputs()[0]
        if feed.type not in _DTYPES:
            raise BackendError(f"{path}: onnxruntime reads uint8 or float32 inputs, not {feed.type}")
        self._session = session
        self._input = PartInput(path.name, tuple(feed.shape[1:]), _DTYPES[feed.type])
        self._feed = feed.name
        self._outputs = [session.get_outputs()[0].name]

    def __call__(self, inputs: Array) -> npt.NDArray[np.float32]:
        """Run on a batch; see LoadedPart."""
        self._input.check(inputs)
        try:
            result: npt.NDArray[np.float32] = self._session.run(self._outputs, {self._feed: inputs})[0]
        except Exception as e:
            raise self._input.error(inputs, e) from e
        return result


class OnnxruntimeBackend:
    """Loads parts into onnxruntime sessions.

    Args:
        threads: threads that one call may use. They do not spin while idle: an always-on device
            would pay for it.
    """

    name = "onnxruntime"

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def load(self, path: Path) -> LoadedPart:
        """Load a stored part; see Backend."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        try:
            session = ort.InferenceSession(loadable(path), options, providers=["CPUExecutionProvider"])
        except Exception as e:
            raise BackendError(f"{path}: onnxruntime cannot load it: {e}") from e
        return OnnxruntimePart(session, path)
