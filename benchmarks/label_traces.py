"""What was seen, as labels over time: faces in films and shows, and generated skews."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sim.label_replay import Sighting
from specializer.cascade import CascadeRates, RatesByCount

TV_TRACES = ("departed", "ellen", "friends", "goodwill", "ocean")
TV_CLASSES = 201  # of the face task, by the code of its authors
_FRAMES_A_SECOND = 30.0


def tv_faces(data: Path, name: str) -> list[Sighting]:
    """Read one of the traces of faces.

    Args:
        data: folder of docs/data.md.
    """
    with (data / "traces" / "tv_faces" / f"{name}.csv").open() as file:
        rows = [(int(r["frame"]), int(r["class_id"])) for r in csv.DictReader(file)]
    return [Sighting(frame / _FRAMES_A_SECOND, class_id) for frame, class_id in rows]


def with_classes(trace: Sequence[Sighting], classes: int, rng: np.random.Generator) -> Iterator[Sighting]:
    """Give a trace of other classes: each of its own becomes one that is drawn, the rarest ones may share it.

    Args:
        trace: whose order and times stay.
        classes: how many there are to draw from.
    """
    own = [c for c, _ in Counter(s.class_id for s in trace).most_common()]
    drawn = rng.permutation(classes)
    becomes = {c: int(drawn[min(i, classes - 1)]) for i, c in enumerate(own)}
    for seen in trace:
        yield Sighting(seen.t_s, becomes[seen.class_id])


def tabled_rates(data: Path, model: str) -> RatesByCount:
    """Read the published rates of a specialised model."""
    with (data / "traces" / "tv_faces" / "specialized_models.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["model"] == model]
    return RatesByCount(
        {
            int(r["n_classes"]): CascadeRates(float(r["a_in"]), float(r["e_in_to_out"]), float(r["a_out"]))
            for r in rows
        }
    )


def skewed_stretches(
    dominant: int,
    share: float,
    stretch_s: float,
    lasts_s: float,
    classes: int,
    rng: np.random.Generator,
    windows_hz: float = 10.0,
) -> Iterator[Sighting]:
    """Give stretches in which some classes, drawn anew for each, have a share, and all others the rest.

    Args:
        dominant: how many classes dominate; as many as there are for none, which are then all the rest.
        share: of them together.
    """
    stretch, favourites, others = -1, np.empty(0, np.int64), np.arange(classes)
    for i in range(int(lasts_s * windows_hz)):
        t_s = i / windows_hz
        if int(t_s / stretch_s) > stretch:
            stretch = int(t_s / stretch_s)
            favourites = rng.choice(classes, dominant, replace=False)
            if dominant < classes:
                others = np.setdiff1d(np.arange(classes), favourites)
        drawn = rng.choice(favourites if rng.random() < share else others)
        yield Sighting(t_s, int(drawn))


def slow_drift(
    lasts_s: float, every_s: float, classes: int, rng: np.random.Generator, windows_hz: float = 10.0
) -> Iterator[Sighting]:
    """Give three classes of which one makes way for a new one every now and then, nine in ten windows; the
    tenth is of any class."""
    present = list(rng.choice(classes, 3, replace=False))
    steps = 0
    for i in range(int(lasts_s * windows_hz)):
        t_s = i / windows_hz
        if int(t_s / every_s) > steps:
            steps += 1
            present = [*present[1:], int(rng.integers(classes))]
        drawn = rng.choice(present) if rng.random() < 0.9 else rng.integers(classes)
        yield Sighting(t_s, int(drawn))


def there_and_back(
    away_s: float, stays_s: float, classes: int, rng: np.random.Generator, windows_hz: float = 10.0
) -> Iterator[Sighting]:
    """Give two classes, then only others for a while, one at a time in any order, then the two again."""
    first, second = (int(c) for c in rng.choice(classes, 2, replace=False))
    others = rng.permutation([c for c in range(classes) if c not in (first, second)]).tolist()
    for i in range(int((away_s + 2 * stays_s) * windows_hz)):
        t_s = i / windows_hz
        at_home = t_s < stays_s or t_s >= stays_s + away_s
        class_id = (first, second)[i % 2] if at_home else others[int(t_s / 120.0) % len(others)]
        yield Sighting(t_s, class_id)
