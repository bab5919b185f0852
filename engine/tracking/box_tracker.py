"""Which box of a frame shows the thing that a box of the frame before showed.

Tracks are predicted at constant speed and assigned to boxes so that overlap and likeness add up to
the most (Hungarian method, as in SORT: Bewley et al., ICIP 2016). Time is in seconds, not in frames,
since frames are dropped, capped and passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from engine.frames import Box
from engine.tracking.appearance import Look, distance
from engine.truth import intersection_over_union

_NEVER = -1e6
_NEW_SPEED = 0.5  # what the latest step says of the speed


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What belongs together.

    Args:
        least_overlap: intersection over union of a box and where its track was or should be.
        most_distance: of the looks of a box and its track: beyond, it is another thing in its place.
        lost_s: a thing that was not found for longer begins a new track.
    """

    least_overlap: float = 0.2
    most_distance: float = 0.25
    lost_s: float = 1.0


@dataclass(slots=True, eq=False)
class Track:
    """One thing.

    Args:
        id: never given twice.
        box: where it was seen last.
        look: that it had there.
        seen_s: when that was.
        speed: of its centre, right and down, in pixels a second.
    """

    id: int
    box: Box
    look: Look
    seen_s: float
    speed: tuple[float, float] = (0.0, 0.0)

    def expected(self, now: float) -> Box:
        """Return where it should be now."""
        x, y, w, h = self.box
        passed_s = now - self.seen_s
        return round(x + self.speed[0] * passed_s), round(y + self.speed[1] * passed_s), w, h

    def see(self, box: Box, look: Look, now: float) -> None:
        """Take where it is now."""
        passed_s = now - self.seen_s
        if passed_s > 0.0:
            moved = zip(_centre(box), _centre(self.box), self.speed, strict=True)
            right, down = (
                (1.0 - _NEW_SPEED) * speed + _NEW_SPEED * (new - old) / passed_s for new, old, speed in moved
            )
            self.speed = (right, down)
        self.box, self.look, self.seen_s = box, look, now


class BoxTracker:
    """Follows the things of one input type before one camera.

    Args:
        settings: what belongs together.
        next_id: gives the ids of new tracks.
    """

    def __init__(self, settings: TrackerSettings, next_id: Callable[[], int]) -> None:
        self._settings = settings
        self._next_id = next_id
        self._tracks: list[Track] = []
        self._before_s = float("-inf")

    @property
    def tracks(self) -> Sequence[Track]:
        """Those that go on or may still do so."""
        return tuple(self._tracks)

    def follow(self, boxes: Sequence[Box], looks: Sequence[Look], now: float) -> list[Track]:
        """Return the track of each box, new ones included."""
        lost_s = self._settings.lost_s
        self._tracks = [t for t in self._tracks if now - t.seen_s <= lost_s]
        self._before_s = now
        found = self._assigned(boxes, looks, now)
        for i, (box, look) in enumerate(zip(boxes, looks, strict=True)):
            if i in found:
                found[i].see(box, look, now)
            else:
                found[i] = Track(self._next_id(), box, look, now)
                self._tracks.append(found[i])
        return [found[i] for i in range(len(boxes))]

    def stand_still(self, now: float) -> None:
        """Take everything to be where it was: nothing moved since the frame before."""
        passed_s, self._before_s = now - self._before_s, now
        for track in self._tracks:
            track.seen_s += passed_s
            track.speed = (0.0, 0.0)

    def _assigned(self, boxes: Sequence[Box], looks: Sequence[Look], now: float) -> dict[int, Track]:
        """Return tracks by the index of their box."""
        if not boxes or not self._tracks:
            return {}
        worth = np.array(
            [[self._worth(t, b, k, now) for b, k in zip(boxes, looks, strict=True)] for t in self._tracks]
        )
        rows, columns = linear_sum_assignment(worth, maximize=True)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return {box: self._tracks[track] for track, box in pairs if worth[track, box] > 0.0}

    def _worth(self, track: Track, box: Box, look: Look, now: float) -> float:
        overlap = max(
            intersection_over_union(track.expected(now), box), intersection_over_union(track.box, box)
        )
        if overlap < self._settings.least_overlap:
            return _NEVER
        away = distance(track.look, look)
        return overlap + 1.0 - away if away <= self._settings.most_distance else _NEVER


def _centre(box: Box) -> tuple[float, float]:
    x, y, w, h = box
    return x + w / 2.0, y + h / 2.0
