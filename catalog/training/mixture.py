"""Windows mixed with others: more to ask a teacher about than there are training windows.

Two windows are blended (Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018) or a square of
the one is put into the other (Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with
Localizable Features, ICCV 2019). What a mixed window shows is the teacher's to say, so no labels are mixed
(Beyer et al., Knowledge distillation: a good teacher is patient and consistent, CVPR 2022, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]

_WAYS = 3  # as it is, blended, with a square of the other
_MOST_AREA = 0.75  # of such a square


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """What else each of N windows shows.

    Args:
        partner: (N,) row of the other window.
        blended: (N,) weight of the other one in every pixel, in [0, 1].
        square: (N,) side of the square that is the other one alone, as a share of the window's, in [0, 1].
        place: (N, 2) where that is, down and across, as shares of the room that it has, in [0, 1].
    """

    partner: Int64
    blended: Float32
    square: Float32
    place: Float32

    @property
    def is_mixed(self) -> npt.NDArray[np.bool_]:
        """Which windows show anything of another, (N,)."""
        return (self.blended > 0.0) | (self.square > 0.0)

    def __call__(self, windows: UInt8, others: UInt8) -> UInt8:
        """Mix windows (N, S, S, 3) of any side with their partners, row by row."""
        size = windows.shape[1]
        side = np.rint(self.square * size)[:, np.newaxis]  # (N, 1)
        first = np.minimum(np.floor(self.place * (size - side + 1.0)), size - side)  # (N, 2)
        places = np.arange(size)
        down, across = ((places >= f) & (places < f + side) for f in (first[:, :1], first[:, 1:]))  # (N, S)
        inside = down[:, :, np.newaxis] & across[:, np.newaxis]
        weight = np.where(inside, np.float32(1.0), self.blended[:, np.newaxis, np.newaxis])[..., np.newaxis]
        own = windows.astype(np.float32)
        return np.asarray(np.rint(own + weight * (others.astype(np.float32) - own)), np.uint8)

    def of(self, rows: Int64) -> Mixture:
        """Return what some of the windows show."""
        return Mixture(self.partner[rows], self.blended[rows], self.square[rows], self.place[rows])


def drawn_mixture(count: int, rng: np.random.Generator) -> Mixture:
    """Draw for each of N windows whether and how it is mixed, and with which: each way as often."""
    way = rng.integers(_WAYS, size=count)
    strength = rng.random(count)
    return Mixture(
        rng.permutation(count),
        np.where(way == 1, strength, 0.0).astype(np.float32),
        np.where(way == 2, np.sqrt(_MOST_AREA * strength), 0.0).astype(np.float32),
        rng.random((count, 2)).astype(np.float32),
    )
