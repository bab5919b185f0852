"""Training windows in shuffled batches, varied by small shifts, changes of light, mirroring and mixing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.labelled_windows import UNLABELLED, LabelledWindows
from catalog.training.joint_tasks import mixed_order
from catalog.training.mixture import Mixture, drawn_mixture

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_SHIFT_SHARE = 5 / 64  # of a window of 32 px: up to 2 px, each as likely
_GAIN = 0.15
_OFFSET = 15.0


def in_order(windows: UInt8, batch: int) -> Iterator[UInt8]:
    """Yield windows in stored order, batch by batch."""
    for start in range(0, len(windows), batch):
        yield np.ascontiguousarray(windows[start : start + batch])


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """How a batch of N windows is varied.

    Args:
        shifts: (N, 2); how far down and across each moves, as shares of its side.
        gain: (N,) float32; what pixels are multiplied by.
        offset: (N,) float32; what is added then, in steps of 0..255.
        mirrored: (N,) which ones are seen as in a mirror.
    """

    shifts: npt.NDArray[np.float64]
    gain: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    mirrored: npt.NDArray[np.bool_]

    def __call__(self, windows: UInt8) -> UInt8:
        """Vary windows (N, S, S, 3) of any side; what moves in repeats the border."""
        size = windows.shape[1]
        moved = np.rint(self.shifts * size).astype(np.int64)  # (N, 2)
        places = np.arange(size)
        rows = np.clip(places + moved[:, :1], 0, size - 1)  # (N, S)
        columns = np.clip(places + moved[:, 1:], 0, size - 1)
        columns[self.mirrored] = columns[self.mirrored, ::-1]
        numbers = np.arange(len(windows))[:, np.newaxis, np.newaxis]
        gain, offset = (values.reshape(-1, 1, 1, 1) for values in (self.gain, self.offset))
        lit = windows[numbers, rows[:, :, np.newaxis], columns[:, np.newaxis]] * gain + offset
        return np.asarray(np.clip(lit, 0.0, 255.0), dtype=np.uint8)

    def of(self, rows: Int64) -> Variation:
        """Return how some of the windows are varied."""
        return Variation(self.shifts[rows], self.gain[rows], self.offset[rows], self.mirrored[rows])


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How one pass over training windows shows them.

    Args:
        number: of the view; the same number is the same view to every trunk of a compile.
        variation: of all windows.
        mixture: what else they show; None for nothing.
    """

    number: int
    variation: Variation
    mixture: Mixture | None = None

    @property
    def name(self) -> str:
        """Tells views apart."""
        return f"{self.number}" if self.mixture is None else f"{self.number}-mixed"

    def shown(self, windows: UInt8, rows: Int64) -> UInt8:
        """Return some of all windows (N, S, S, 3) as the view shows them."""
        own = self.variation.of(rows)(windows[rows])
        if self.mixture is None:
            return own
        mixture = self.mixture.of(rows)
        return mixture(own, self.variation.of(mixture.partner)(windows[mixture.partner]))

    def labelled(self, labels: Int64, rows: Int64) -> Int64:
        """Return some of all labels (N,) or (N, T); UNLABELLED where a window shows two things."""
        own = labels[rows]
        if self.mixture is not None:
            own[self.mixture.of(rows).is_mixed] = UNLABELLED
        return own


def drawn_view(number: int, data: LabelledWindows, seed: int, mixed: bool = False) -> View:
    """Draw a view that depends on nothing but its number, the seed and how many windows there are.

    Trunks that see the same views can learn from one teacher that looks at each view once.

    Args:
        mixed: whether windows are mixed with others, which only a teacher can say something about.
    """
    rng = np.random.default_rng((seed, number))
    variation = drawn_variation(len(data), rng, data.mirrored_alike)
    return View(number, variation, drawn_mixture(len(data), rng) if mixed else None)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some training windows.

    Args:
        windows: (N, S, S, 3) uint8 RGB, as the view shows them.
        labels: their rows of the labels; UNLABELLED where they show two things.
        rows: (N,) which ones they are.
        view: which shows them so.
    """

    windows: UInt8
    labels: Int64
    rows: Int64
    view: View


def shuffled(data: LabelledWindows, batch: int, rng: np.random.Generator, view: View) -> Iterator[Batch]:
    """Yield one epoch of varied windows with their labels; a last batch of one is left out.

    Windows that tasks share are mixed evenly, see mixed_order.

    Args:
        data: all windows.
        batch: how many a batch has.
        rng: draws the order.
        view: how they are shown.
    """
    order = rng.permutation(len(data)) if data.labels.ndim == 1 else mixed_order(data.labels, rng)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        if len(rows) < 2:  # batch normalisation needs more than one
            continue
        yield Batch(view.shown(data.windows, rows), view.labelled(data.labels, rows), rows, view)


def drawn_variation(count: int, rng: np.random.Generator, mirror: bool) -> Variation:
    """Draw each window's shift, by up to a thirteenth of its side, and its light.

    What is asked about a window must not depend on these.

    Args:
        count: windows, N.
        rng: draws.
        mirror: whether one in two is mirrored, too.
    """
    shifts = rng.uniform(-_SHIFT_SHARE, _SHIFT_SHARE, (count, 2))
    gain = rng.uniform(1.0 - _GAIN, 1.0 + _GAIN, count).astype(np.float32)
    offset = rng.uniform(-_OFFSET, _OFFSET, count).astype(np.float32)
    mirrored = rng.random(count) < 0.5 if mirror else np.zeros(count, np.bool_)
    return Variation(shifts, gain, offset, mirrored)
