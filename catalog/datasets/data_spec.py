"""What a task file says about a task's data."""

from __future__ import annotations

import math
from dataclasses import dataclass

from catalog.errors import BadInput

SPLITS = ("train", "validation", "test")
DEFAULT_SHARES = (0.7, 0.15, 0.15)
DIGITS = "digits"
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class DataSpec:
    """Where a task's windows come from and how they are split.

    Args:
        source: "digits", or the path of a folder of class folders or of a CSV of file,label.
        shares: of train, validation and test; they also share out a path that several splits name.
        paths: of train, validation and test, each like source and relative to it, where the data is
            split already; None otherwise.

    Raises:
        BadInput: shares that are not three numbers in (0, 1) with sum 1, or not three paths.
    """

    source: str
    shares: tuple[float, ...] = DEFAULT_SHARES
    paths: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if (
            len(self.shares) != len(SPLITS)
            or not all(0.0 < s < 1.0 for s in self.shares)
            or not math.isclose(sum(self.shares), 1.0, abs_tol=_SUM_TOLERANCE)
        ):
            raise BadInput(
                f"split = {list(self.shares)}: expected shares of train, validation and test with sum 1"
            )
        if self.paths is not None and len(self.paths) != len(SPLITS):
            raise BadInput(f"split = {list(self.paths)}: expected three paths: train, validation, test")
        if self.paths is not None and self.source == DIGITS:
            raise BadInput(f"split = {list(self.paths)}: the built-in set digits is split already")
