"""What a user sees of a run in which not every frame is asked about, against a run in which every one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.frames import Box, Frame
from engine.results import Result
from engine.truth import intersection_over_union

_SAME_PLACE = 0.3


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame and the answers about it.

    Args:
        index: of the frame.
        still: it was passed over: the answers before it stand.
        results: about its windows.
    """

    index: int
    still: bool
    results: Sequence[Result]


@dataclass(slots=True)
class Shown:
    """A sink that keeps what was shown, without the pictures."""

    frames: list[Seen] = field(default_factory=list)

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Keep one frame; see Sink."""
        self.frames.append(Seen(frame.index, frame.still, list(results)))

    def close(self) -> None:
        """Do nothing; see Sink."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a run's standing answers compare with those of a run that asked about every window.

    Args:
        answers: of the other run.
        missing: those for which none stands in the same place.
        different: those for which another one stands.
        known: windows whose truth is known.
        right: of these, the ones whose standing answer is right.
        right_asked: of these, the ones that the other run answered right.
    """

    answers: int = 0
    missing: int = 0
    different: int = 0
    known: int = 0
    right: int = 0
    right_asked: int = 0


def agreement(asked: Sequence[Seen], spared: Sequence[Seen]) -> Agreement:
    """Compare, frame by frame, what stands in a run that spared requests.

    Args:
        asked: frames of the run in which nothing was spared.
        spared: the same frames of the other one.
    """
    answers = missing = different = known = right = right_asked = 0
    standing: Sequence[Result] = ()
    for full, less in zip(asked, spared, strict=True):
        assert full.index == less.index, "runs on the same frames are compared"
        if not less.still:
            standing = less.results
        for result in full.results:
            there = _at(standing, result.app, result.box)
            answers += 1
            missing += there is None
            different += there is not None and there.answer != result.answer
            if result.truth is not None:
                known += 1
                right += there is not None and there.answer == result.truth
                right_asked += result.answer == result.truth
    return Agreement(answers, missing, different, known, right, right_asked)


def _at(standing: Sequence[Result], app: str, box: Box) -> Result | None:
    """Return what stands for an app where a box lies."""
    overlaps = [(intersection_over_union(r.box, box), i) for i, r in enumerate(standing) if r.app == app]
    overlap, best = max(overlaps, default=(0.0, -1))
    return standing[best] if overlap >= _SAME_PLACE else None
