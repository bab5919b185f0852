"""Which window shows which thing that is really there, and how many things are found at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.frames import Box, TruthWindow

LEAST_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class TruthCounts:
    """What an extractor found, over the frames whose truth is known.

    Args:
        present: things that were there.
        found: of these, the ones that a window was found for.
        false_windows: windows that show none of them.
        frames: how many frames were counted.
    """

    present: int = 0
    found: int = 0
    false_windows: int = 0
    frames: int = 0

    @property
    def recall(self) -> float | None:
        """Share of what was there that was found, or None where nothing was there."""
        return self.found / self.present if self.present else None


class TruthMatcher:
    """Matches the windows of one input type frame by frame, and counts."""

    def __init__(self) -> None:
        self._counts = TruthCounts()

    @property
    def counts(self) -> TruthCounts:
        """Everything counted so far; any thread may read it."""
        return self._counts

    def match(
        self, boxes: Sequence[Box], truth: Sequence[TruthWindow] | None
    ) -> tuple[TruthWindow | None, ...]:
        """Return what each box shows; see `match_truth`. A frame without known truth counts nothing."""
        if truth is None:
            return (None,) * len(boxes)
        matched = match_truth(boxes, truth)
        found = sum(m is not None for m in matched)
        before = self._counts
        self._counts = TruthCounts(
            present=before.present + len(truth),
            found=before.found + found,
            false_windows=before.false_windows + len(boxes) - found,
            frames=before.frames + 1,
        )
        return matched


def match_truth(boxes: Sequence[Box], truth: Sequence[TruthWindow]) -> tuple[TruthWindow | None, ...]:
    """Return what each box shows, None where it shows nothing that is known.

    One to one, the best overlap first, from an overlap (intersection over union) of LEAST_OVERLAP.
    """
    pairs = (
        (overlap, i, j)
        for i, box in enumerate(boxes)
        for j, thing in enumerate(truth)
        if (overlap := intersection_over_union(box, thing.box)) >= LEAST_OVERLAP
    )
    matched: list[TruthWindow | None] = [None] * len(boxes)
    taken: set[int] = set()
    for _, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if matched[i] is None and j not in taken:
            matched[i] = truth[j]
            taken.add(j)
    return tuple(matched)


def intersection_over_union(a: Box, b: Box) -> float:
    """Return the shared area over the joint area of two boxes, in [0, 1]."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    joint = a[2] * a[3] + b[2] * b[3] - shared
    return shared / joint if joint else 0.0
