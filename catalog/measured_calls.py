"""Calls to be measured: a part as one backend runs it, checked to give what it should."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.backends.part_input import read_stored_model
from catalog.backends.protocol import Array, Backend, LoadedPart
from catalog.backends.table import DEFAULT, open_backend
from catalog.backends.unrounded import unrounded
from catalog.errors import BackendError, CatalogError
from catalog.parts import Part
from catalog.store import read_checked

Clock = Callable[[], float]

_LOADS = 3
# Largest difference from the first backend's answers, as a share of the largest value among them.
_TOLERANCES = {"f32": 1e-3, "bf16": 0.05}
# Runtimes round int8 graphs in different places, so that they differ by about as much as each is off:
# how far one may be from what the graph means, against the first backend. Over 65 parts of three
# catalogs openvino was .59 to 1.08 times as far as onnxruntime (benchmarks/int8_rounding.py).
_INT8_TOLERANCE = 1.25
_ROUNDING_BATCH = 8


@dataclass(frozen=True, slots=True)
class Runtime:
    """A backend opened in one precision."""

    backend: Backend
    precision: str


@dataclass(slots=True)
class MeasuredCall:
    """One part as one backend runs it at one batch size, with what its calls took so far."""

    part: Part
    backend: str
    precision: str
    batch: int
    run: LoadedPart
    inputs: Array
    load_s: float
    samples_s: list[float] = field(default_factory=list)
    energy_j: float = 0.0


class PartTrial:
    """Opens one part by one backend after another; the first that works gives the expected answers.

    Args:
        part: what the catalog says of it.
        path: its file.
        reads_pixels: whether it is a first part.
        batches: sizes at which it is to run.
    """

    def __init__(self, part: Part, path: Path, reads_pixels: bool, batches: Sequence[int]) -> None:
        self._part = part
        self._path = path
        self._inputs = {n: _example(part, n, reads_pixels) for n in batches}
        self._expected: npt.NDArray[np.float32] | None = None
        self._rounding: float | None = None

    def calls(self, runtime: Runtime, timer: Clock) -> list[MeasuredCall]:
        """Return the calls to measure, one for each batch size; loading is measured by a timer.

        Raises:
            BackendError: the file is damaged, or the backend cannot run the part, gives values that are
                not finite, or others than the first backend did.
        """
        try:
            read_checked(self._path, self._part.id)
        except CatalogError as e:
            raise BackendError(str(e)) from e
        backend = runtime.backend
        load_s = _load_time(backend, self._path, next(iter(self._inputs.values())), timer)
        loaded = backend.load(self._path)
        answers = [loaded(x) for x in self._inputs.values()]
        self._check(answers, runtime)
        return [
            MeasuredCall(self._part, backend.name, runtime.precision, n, loaded, x, load_s)
            for n, x in self._inputs.items()
        ]

    def _check(self, answers: Sequence[npt.NDArray[np.float32]], runtime: Runtime) -> None:
        for answer in answers:
            if answer.shape[1:] != self._part.output_shape:
                expected = self._part.output_shape
                raise BackendError(f"gives {answer.shape[1:]} a window, catalog.json says {expected}")
            if not np.isfinite(answer).all():
                raise BackendError("gives values that are not finite")
        if self._part.precision == "int8":
            self._check_rounding(answers[-1], runtime)
            return
        if self._expected is None:
            self._expected = answers[-1]
            return
        largest = float(np.abs(self._expected).max())
        off = float(np.abs(answers[-1] - self._expected).max())
        if off > _TOLERANCES[runtime.precision] * largest:
            raise BackendError(f"differs from the default backend by up to {off:.3g} of {largest:.3g}")

    def _check_rounding(self, answer: npt.NDArray[np.float32], runtime: Runtime) -> None:
        """Check an int8 part's answers: about as near to what the graph means as the first backend's."""
        if self._expected is None or self._rounding is None:
            self._expected = self._unrounded(runtime.backend)
            self._rounding = _root_mean_square(answer - self._expected)
            return
        off = _root_mean_square(answer - self._expected)
        size = _root_mean_square(self._expected)
        if off > max(_INT8_TOLERANCE * self._rounding, _TOLERANCES["f32"] * size):
            raise BackendError(
                f"rounds by {off / size:.2g} of its values' size, the default backend by "
                f"{self._rounding / size:.2g}"
            )

    def _unrounded(self, backend: Backend) -> npt.NDArray[np.float32]:
        return _meant(self._path, backend, list(self._inputs.values())[-1])


def rounding(part: Part, path: Path, reads_pixels: bool, backend: Backend) -> float:
    """Return how far a backend is from what an int8 part means, root mean square over eight windows.

    What it means is worked out by the default backend.

    Raises:
        BackendError: the part cannot be run.
    """
    inputs = _example(part, _ROUNDING_BATCH, reads_pixels)
    return _root_mean_square(backend.load(path)(inputs) - _meant(path, open_backend(DEFAULT), inputs))


def _meant(path: Path, backend: Backend, inputs: Array) -> npt.NDArray[np.float32]:
    model = unrounded(read_stored_model(path, backend.name))
    with tempfile.TemporaryDirectory() as folder:
        meant = Path(folder) / path.name
        meant.write_bytes(model.SerializeToString())
        return backend.load(meant)(inputs)


def _root_mean_square(values: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def resident_groups(parts: Sequence[Part], most_bytes: int) -> Iterator[list[Part]]:
    """Yield parts in order, as many together as may be in memory at the same time; at least one."""
    group: list[Part] = []
    held_bytes = 0
    for part in parts:
        if group and held_bytes + part.memory_bytes > most_bytes:
            yield group
            group, held_bytes = [], 0
        group.append(part)
        held_bytes += part.memory_bytes
    if group:
        yield group


def _example(part: Part, batch: int, pixels: bool) -> Array:
    """Return pixels of noise, or activations as a rectifier leaves them."""
    rng = np.random.default_rng(0)
    shape = (batch, *part.input_shape)
    if pixels:
        return rng.integers(0, 256, shape, dtype=np.uint8)
    return np.maximum(rng.standard_normal(shape, dtype=np.float32), 0.0)


def _load_time(backend: Backend, path: Path, inputs: Array, timer: Clock) -> float:
    """Return the median time from the file to the first answer; the file is in the system's cache."""
    times_s = []
    for _ in range(_LOADS):
        start_s = timer()
        backend.load(path)(inputs)
        times_s.append(timer() - start_s)
    return float(np.median(times_s))
