"""The backends by name."""

from __future__ import annotations

from catalog.backends.protocol import Backend
from catalog.errors import BadInput


def open_backend(name: str, threads: int = 1) -> Backend:
    """Return a backend by name; its package is imported only now.

    Raises:
        BadInput: no such backend.
        MissingExtra: the backend's package is not installed.
    """
    if name == "onnxruntime":
        from catalog.backends.onnxruntime_backend import OnnxruntimeBackend

        return OnnxruntimeBackend(threads)
    if name == "torch":
        from catalog.backends.torch_reference import TorchReference

        return TorchReference(threads)
    raise BadInput(f"backend {name!r}: expected onnxruntime or torch")
