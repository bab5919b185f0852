"""Peak memory of one part, taken in a process that does nothing else.

Run as `python -m catalog.peak_memory BACKEND PRECISION THREADS BATCH FILE`: loads the part and runs it,
then prints by how many bytes the process grew at its peak beyond what the backend alone takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from catalog.backends.part_input import input_of, read_stored_model
from catalog.backends.protocol import Backend
from catalog.backends.table import open_backend

_STATUS = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs")
_CALLS = 3
_TIMEOUT_S = 120.0


def peak_memory_bytes(backend: str, precision: str, threads: int, batch: int, path: Path) -> int | None:
    """Measure a part in a fresh process; None where the system does not tell or the process fails."""
    if not _STATUS.is_file():
        return None
    arguments = [backend, precision, str(threads), str(batch), str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "catalog.peak_memory", *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env=environment,
            check=True,
        )
        return int(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        return None


def _grown_bytes(backend: Backend, batch: int, path: Path) -> int:
    """Return the growth of this process; a part of one operator comes first, for the backend's own."""
    reads = input_of(read_stored_model(path, backend.name), path)
    inputs = np.zeros((batch, *reads.shape), reads.dtype)
    with tempfile.TemporaryDirectory() as folder:
        least = Path(folder) / "least.onnx"
        least.write_bytes(_least_part())
        kept = backend.load(least)
        kept(np.zeros((1, 1), np.float32))
    _FORGET_PEAK.write_text("5")
    before = _status_bytes("VmRSS")
    part = backend.load(path)
    for _ in range(_CALLS):
        part(inputs)
    return max(0, _status_bytes("VmHWM") - before)


def _least_part() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "least",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
    )
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


def _status_bytes(key: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return 1024 * int(line.split()[1])


def _main(backend: str, precision: str, threads: str, batch: str, path: str) -> None:
    opened = open_backend(backend, int(threads), precision)
    sys.stdout.write(str(_grown_bytes(opened, int(batch), Path(path))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
