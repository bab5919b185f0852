"""In which orders real images are shown to the live engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.label_traces import TV_TRACES, skewed_stretches, there_and_back, tv_faces, with_classes
from sim.label_replay import Sighting

WINDOWS_HZ = 10.0
_AWAY_HZ = 2.0  # an hour is long


@dataclass(frozen=True, slots=True)
class Case:
    """One order of images.

    Args:
        dominant: classes that dominate; 0 for all classes equally often.
        share: of windows that are of those; all other classes have the rest.
        stretch_s: after which others take over.
        lasts_s: in all.
        real: whether windows come by the clock.
        away_s: two classes, others for so long, and the two again, instead.
        seeds: that it is drawn from, 0 and on.
    """

    dominant: int
    share: float
    stretch_s: float
    lasts_s: float
    real: bool = False
    away_s: float = 0.0
    seeds: int = 5

    @property
    def name(self) -> str:
        """For people."""
        if self.away_s:
            return f"2 classes, away for {self.away_s / 60:.0f} min, back"
        if not self.dominant:
            return "all classes equal"
        if self.share == 1.0:
            return "one class only" if self.dominant == 1 else f"{self.dominant} classes only"
        return f"{self.dominant} classes, {self.share:.0%}, {self.stretch_s:.0f} s"

    def sightings(self, classes: int, rng: np.random.Generator) -> list[Sighting]:
        """Return what is seen and when."""
        if self.away_s:
            return list(there_and_back(self.away_s, self.stretch_s, classes, rng, _AWAY_HZ))
        dominant = self.dominant or classes
        return list(
            skewed_stretches(dominant, self.share, self.stretch_s, self.lasts_s, classes, rng, WINDOWS_HZ)
        )


@dataclass(frozen=True, slots=True)
class FilmOrShow:
    """The order of faces in a film or show, of other classes; see Case.

    Args:
        name: of the trace.
        trace: itself.
    """

    name: str
    trace: Sequence[Sighting]
    real: bool = False
    seeds: int = 1

    def sightings(self, classes: int, rng: np.random.Generator) -> list[Sighting]:
        """Return what is seen and when."""
        return list(with_classes(self.trace, classes, rng))


Order = Case | FilmOrShow


def films_and_shows(data: Path) -> list[FilmOrShow]:
    """Return the orders of the traces of faces; see tv_faces."""
    return [FilmOrShow(name, tv_faces(data, name)) for name in TV_TRACES]


QUICK = (Case(2, 0.9, 30.0, 30.0, seeds=1),)
_LONG_S = 300.0
_SHORT_S = 120.0
_FEW, _MANY = 3, 10  # five classes may be five that look alike
OBJECTS = (
    *(Case(n, 0.9, _LONG_S, 60.0, real=True, seeds=1) for n in (2, 5)),
    Case(0, 0.0, _LONG_S, 60.0, real=True, seeds=1),
    *(Case(n, 0.6, _LONG_S, _LONG_S, seeds=_FEW) for n in (2, 5)),
    *(Case(n, p, _LONG_S, _LONG_S, seeds=_MANY) for n in (2, 5) for p in (0.9, 0.95)),
    *(Case(n, 0.9, stretch_s, _SHORT_S, seeds=_FEW) for n in (2, 5) for stretch_s in (10.0, 15.0, 60.0)),
    Case(1, 1.0, _LONG_S, _LONG_S, seeds=_FEW),
    Case(0, 0.0, _LONG_S, _LONG_S, seeds=_FEW),
    Case(2, 1.0, 60.0, 0.0, away_s=600.0, seeds=_FEW),
)
BY_THE_CLOCK = tuple(
    Case(n, 0.9, _LONG_S, _LONG_S, real=True, seeds=seeds) for n, seeds in ((2, _FEW), (5, _MANY))
)
FACES = (
    Case(2, 0.9, _LONG_S, 60.0, real=True, seeds=1),
    *(Case(n, p, _LONG_S, _LONG_S, seeds=_FEW) for n in (2, 5) for p in (0.9, 0.95)),
    Case(10, 0.9, _LONG_S, _LONG_S, seeds=_FEW),
    Case(0, 0.0, _LONG_S, _SHORT_S, seeds=1),
)
