"""The 1797 handwritten digits that come with scikit-learn, their one split, and the tasks on them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from catalog.errors import BadInput
from catalog.tasks import InputType, Resize, Task, relabelled

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
SPLIT_SHARES = (0.70, 0.15, 0.15)
SPLIT_SEED = 2016

# A digit keeps its proportions: a stretched 1 looks like a blurred 7. The margin shows the
# strokes whole where the extractor's box is a little too small.
DIGIT = InputType("digit", size_px=32, resize=Resize.LETTERBOX, margin=0.12)

IDENTITY = Task("identity", DIGIT.name, tuple("0123456789"))
PARITY = relabelled("parity", IDENTITY, {"even": list("02468"), "odd": list("13579")})
BELOW_FIVE = relabelled("below_five", IDENTITY, {"yes": list("01234"), "no": list("56789")})
# By class, as the digit is usually written: the 4 of these writers is open at the top, and the
# occasional 2 with a loop at its foot counts as none.
CLOSED_LOOP = relabelled("closed_loop", IDENTITY, {"yes": list("0689"), "no": list("123457")})
DIGIT_TASKS = (IDENTITY, PARITY, BELOW_FIVE, CLOSED_LOOP)


@dataclass(frozen=True, slots=True, eq=False)
class DigitImages:
    """Handwritten digits of one split.

    Args:
        strokes: (N, 8, 8) float32 in [0, 1], 1 is ink.
        digits: (N,) int64, 0 to 9; also the class id of IDENTITY.
        origins: (N,) int64, position in scikit-learn's set.
    """

    strokes: npt.NDArray[np.float32]
    digits: npt.NDArray[np.int64]
    origins: npt.NDArray[np.int64]


@cache
def digit_images(split: Split) -> DigitImages:
    """Return the digits of one split; the split is the same in every process and on every machine.

    Raises:
        BadInput: no such split.
    """
    if split not in SPLITS:
        raise BadInput(f"split {split!r}: expected one of {', '.join(SPLITS)}")
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    origins = stratified_split(digits.astype(np.int64), SPLIT_SHARES, SPLIT_SEED)[SPLITS.index(split)]
    strokes = (pixels[origins] / pixels.max()).reshape(-1, 8, 8).astype(np.float32)
    return DigitImages(strokes, digits[origins].astype(np.int64), origins)


def stratified_split(
    class_ids: npt.NDArray[np.int64], shares: tuple[float, ...], seed: int
) -> tuple[npt.NDArray[np.int64], ...]:
    """Return the positions of each share, sorted; every class is cut at the same shares.

    The order within a class is that of a hash of seed and position, so that the split depends on
    no library's random numbers.
    """
    cuts = np.cumsum(shares)[:-1]
    groups: list[list[int]] = [[] for _ in shares]
    for class_id in np.unique(class_ids):
        members = sorted(np.flatnonzero(class_ids == class_id).tolist(), key=lambda i: _hash(seed, i))
        ends = [0, *(round(float(c) * len(members)) for c in cuts), len(members)]
        for group, start, end in zip(groups, ends, ends[1:], strict=False):
            group.extend(members[start:end])
    return tuple(np.array(sorted(g), dtype=np.int64) for g in groups)


def _hash(seed: int, position: int) -> bytes:
    return hashlib.sha256(f"{seed}:{position}".encode()).digest()


def digit_labels(digit: int) -> dict[str, str]:
    """Return the class name of a digit by task name."""
    return {t.name: t.classes[t.class_of(digit)] for t in DIGIT_TASKS}
