"""A results file as figures over time: accuracy, which trunks answered, and energy, in equal bins."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.errors import BadInput
from engine.results import Result
from engine.sinks.result_lines import line_to_result

Float64 = npt.NDArray[np.float64]

UNSERVED = "unserved"
_BINS = 120
_ROLLING_BINS = 6


@dataclass(frozen=True, slots=True, eq=False)
class ResultHistory:
    """One run over time; every array has a value for each of the B bins, NaN where nothing was asked.

    Args:
        t_s: (B,) end of each bin, on the source's clock.
        accuracy: (B,) share of right answers, unserved requests being wrong, rolling over a
            twentieth of the run; of all requests whose truth is known, or None where none is.
        served: (B,) share of requests that were served, rolling likewise.
        mix: (B,) share of requests by trunk and "unserved".
        places: (B,) share of requests by the place of their answer and "unserved".
        energy_j: (B,) what answers took so far; decoding, extraction and base load are not in it.
    """

    t_s: Float64
    accuracy: Float64 | None
    served: Float64
    mix: dict[str, Float64]
    places: dict[str, Float64]
    energy_j: Float64


def read_history(path: Path) -> ResultHistory:
    """Read a results file written by mcdnn run --out.

    Raises:
        BadInput: the file is missing, holds no result, or a line is none, by number.
    """
    columns = _Columns()
    for result in read_results(path):
        columns.add(result)
    if not columns.t_s:
        raise BadInput(f"{path}: no result in it: nothing to draw")
    return columns.history()


def read_results(path: Path) -> Iterator[Result]:
    """Read results one by one; a last line that was cut off while being written is left out.

    Raises:
        BadInput: the file cannot be read, or a line is no result, by number.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.endswith("\n"):
                    yield line_to_result(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as e:
        raise BadInput(f"{path}: cannot be read: {e}") from e


class _Columns:
    """Results, one number a column each, so that a million of them fit."""

    def __init__(self) -> None:
        self.t_s = array("d")
        self.energy_j = array("d")
        self.served = array("b")
        self.right = array("b")  # 1 right, 0 wrong or unserved, -1 unknown
        self.trunk = array("i")
        self.trunks: dict[str, int] = {}
        self.place = array("b")
        self.places: dict[str, int] = {}

    def add(self, result: Result) -> None:
        name = UNSERVED if not result.served else (result.variant or "").partition("/")[0]
        self.t_s.append(result.t_s)
        self.energy_j.append(result.energy_j)
        self.served.append(result.served)
        self.right.append(-1 if result.truth is None else result.served and result.answer == result.truth)
        self.trunk.append(self.trunks.setdefault(name, len(self.trunks)))
        place = str(result.place) if result.served else UNSERVED
        self.place.append(self.places.setdefault(place, len(self.places)))

    def history(self) -> ResultHistory:
        t_s = np.array(self.t_s)
        end_s = max(float(t_s.max()), 1e-9)
        edges = np.linspace(0.0, end_s, _BINS + 1)
        bin_of = np.clip(np.searchsorted(edges, t_s, side="left") - 1, 0, _BINS - 1)
        asked = _per_bin(bin_of, np.ones(len(t_s)))
        right = np.array(self.right)
        known = _per_bin(bin_of, (right >= 0).astype(np.float64))
        correct = _per_bin(bin_of, (right == 1).astype(np.float64))
        served = _per_bin(bin_of, np.array(self.served, np.float64))
        return ResultHistory(
            edges[1:],
            _rolling_share(correct, known) if known.any() else None,
            _rolling_share(served, asked),
            _shares(self.trunks, np.array(self.trunk), bin_of, asked),
            _shares(self.places, np.array(self.place), bin_of, asked),
            np.cumsum(_per_bin(bin_of, np.array(self.energy_j))),
        )


def _shares(
    numbers: dict[str, int],
    number: npt.NDArray[np.integer[Any]],
    bin_of: npt.NDArray[np.intp],
    asked: Float64,
) -> dict[str, Float64]:
    """Return by name what share of requests has its number."""
    return {
        name: _rolling_share(_per_bin(bin_of, (number == i).astype(np.float64)), asked)
        for name, i in numbers.items()
    }


def _per_bin(bin_of: npt.NDArray[np.intp], weights: Float64) -> Float64:
    return np.bincount(bin_of, weights, minlength=_BINS).astype(np.float64)


def _rolling_share(part: Float64, whole: Float64) -> Float64:
    """Return sums of part over sums of whole, each over the last bins; NaN where whole is 0."""
    window = np.ones(_ROLLING_BINS)
    parts = np.convolve(part, window)[:_BINS]
    wholes = np.convolve(whole, window)[:_BINS]
    shares = np.full(_BINS, np.nan)
    np.divide(parts, wholes, out=shares, where=wholes > 0.0)
    return shares
