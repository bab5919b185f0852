"""The backends by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from catalog.backends.processor import has_bf16
from catalog.backends.protocol import Backend
from catalog.errors import BackendError, BadInput, MissingExtra
from catalog.parts import Part

DEFAULT = "onnxruntime"


@dataclass(frozen=True, slots=True)
class BackendKind:
    """One kind of backend.

    Args:
        open: makes one for a number of threads and a precision; imports its package.
        package: what it needs.
        extra: that brings the package; None where every installation has it.
        precisions: of float arithmetic that it can be asked for, where the processor has them.
        deployed: whether parts are run by it; a reference is only compared with.
    """

    open: Callable[[int, str], Backend]
    package: str
    extra: str | None = None
    precisions: tuple[str, ...] = ("f32",)
    deployed: bool = True


def _onnxruntime(threads: int, _: str) -> Backend:
    from catalog.backends.onnxruntime_backend import OnnxruntimeBackend

    return OnnxruntimeBackend(threads)


def _openvino(threads: int, precision: str) -> Backend:
    from catalog.backends.openvino_backend import OpenvinoBackend

    return OpenvinoBackend(threads, precision)


def _torch(threads: int, precision: str) -> Backend:
    from catalog.backends.torch_reference import TorchReference

    return TorchReference(threads, precision)


BACKENDS: Mapping[str, BackendKind] = {
    "onnxruntime": BackendKind(_onnxruntime, "onnxruntime"),
    "openvino": BackendKind(_openvino, "openvino", "openvino", ("f32", "bf16")),
    "torch": BackendKind(_torch, "torch", "compile", ("f32", "bf16"), deployed=False),
}


def open_backend(name: str, threads: int = 1, precision: str = "f32") -> Backend:
    """Return a backend by name; its package is imported only now.

    Args:
        name: of BACKENDS.
        threads: threads that one call may use.
        precision: of float arithmetic; the layers of an int8 graph are int8 in any case.

    Raises:
        BadInput: no such backend, or it has no such precision.
        BackendError: this processor lacks the precision, or the package is broken.
        MissingExtra: the backend's package is not installed.
    """
    check_installed(name)
    kind = BACKENDS[name]
    if precision not in kind.precisions:
        known = ", ".join(kind.precisions)
        raise BadInput(f"backend {name}: precision {precision!r}: expected one of {known}")
    if precision not in offered_precisions(name):
        raise BackendError(f"backend {name}: this processor has no {precision}")
    try:
        return kind.open(threads, precision)
    except ImportError as e:
        raise BackendError(f"backend {name}: {kind.package} is installed but cannot be imported: {e}") from e


def check_installed(name: str) -> None:
    """Check that a backend is known and its package there, without importing it.

    Raises:
        BadInput: no such backend.
        MissingExtra: the backend's package is not installed.
    """
    kind = BACKENDS.get(name)
    if kind is None:
        raise BadInput(f"backend {name!r}: expected one of {', '.join(BACKENDS)}")
    if kind.extra is not None and find_spec(kind.package) is None:
        raise MissingExtra(kind.package, kind.extra, f"backend {name}")


def offered_precisions(name: str) -> tuple[str, ...]:
    """Return the precisions of float arithmetic that a backend has on this processor."""
    return tuple(p for p in BACKENDS[name].precisions if p != "bf16" or has_bf16())


def backend_for(precision: str, threads: int = 1) -> Backend:
    """Return a backend whose arithmetic is that of a precision, to measure accuracy with.

    int8 and f32 are run by the default backend.

    Raises:
        BackendError: no backend that is installed has it on this processor.
    """
    if precision != "bf16":
        return open_backend(DEFAULT, threads)
    for name in BACKENDS:
        if precision in offered_precisions(name) and find_spec(BACKENDS[name].package) is not None:
            return open_backend(name, threads, precision)
    raise BackendError(
        f"no backend here has {precision}: it takes openvino or torch, and a processor with it"
    )


def backend_for_parts(parts: Sequence[Part]) -> Backend:
    """Return the backend that a trunk's accuracy is measured by: one with the arithmetic of its parts.

    Raises:
        BackendError: see backend_for.
    """
    return backend_for("bf16" if any(p.precision == "bf16" for p in parts) else "f32")


def installed_backends() -> tuple[str, ...]:
    """Return the backends that can run parts here, the default first."""
    return tuple(n for n, kind in BACKENDS.items() if kind.deployed and find_spec(kind.package) is not None)
