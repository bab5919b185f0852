"""Calls to be measured: a part as one backend runs it, checked to give what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.backends.protocol import Array, Backend, LoadedPart
from catalog.errors import BackendError, CatalogError
from catalog.parts import Part
from catalog.store import read_checked

Clock = Callable[[], float]

_LOADS = 3
# Largest difference from the first backend's answers, as a share of the largest value among them. A
# quantised value on the edge between two steps may be rounded either way.
_TOLERANCES = {"f32": 1e-3, "bf16": 0.05, "int8": 0.1}


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
        if self._expected is None:
            self._expected = answers[-1]
            return
        largest = float(np.abs(self._expected).max())
        off = float(np.abs(answers[-1] - self._expected).max())
        if off > _TOLERANCES[runtime.precision] * largest:
            raise BackendError(f"differs from the default backend by up to {off:.3g} of {largest:.3g}")


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
