"""How far an answer about a thing still holds, some time later.

With c the calibrated confidence of the answer, t the seconds since its frame, d the distance of the
looks now and then, D the most distance at which it may be the same thing, and A and a the larger and
the smaller area of its boxes now and then:

    c * 2^(-t / half_life_s) * max(0, 1 - d / D) * sqrt(a / A)

So an answer that was unsure is asked for again sooner, one about a thing that looks different almost
at once, and one about a thing that came closer before long: it may be seen better now.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.frames import Box
from engine.tracking.appearance import Look, distance


@dataclass(frozen=True, slots=True)
class ReuseSettings:
    """For how long answers stand.

    Args:
        least_confidence: below which an app is asked again.
        half_life_s: in which confidence halves.
        most_distance: of looks, at which nothing of it is left.
    """

    least_confidence: float = 0.5
    half_life_s: float = 5.0
    most_distance: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A thing as it was seen at one moment."""

    t_s: float
    box: Box
    look: Look


def standing_confidence(confidence: float, then: Sight, now: Sight, settings: ReuseSettings) -> float:
    """Return what is left of a confidence; see this module.

    Args:
        confidence: of the answer, in [0, 1].
        then: what it was about.
        now: the same thing.
        settings: half-life and most distance.
    """
    alike = max(0.0, 1.0 - distance(then.look, now.look) / settings.most_distance)
    age: float = 2.0 ** ((then.t_s - now.t_s) / settings.half_life_s)
    smaller, larger = sorted((_area(then.box), _area(now.box)))
    return confidence * age * alike * math.sqrt(smaller / larger)


def _area(box: Box) -> int:
    return box[2] * box[3]
