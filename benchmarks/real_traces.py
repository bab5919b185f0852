"""Readers of published traces: minutes of people's days, link speeds, faces in films, objects in hands.

docs/data.md names the sources. Nothing here is drawn at random.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

FRAMES_HZ = 30.0
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Minute:
    """What a phone and its owner said about a minute.

    Args:
        t_s: since the first minute of the day.
        length_s: until the next one, at most 60.
        connected: whether the phone reached a network.
        labels: what its owner did, and where.
    """

    t_s: float
    length_s: float
    connected: bool
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that was seen: a moment, and the class of what was there."""

    t_s: float
    class_id: int


def read_day(path: Path, user: str, hours: float) -> list[Minute]:
    """Return the most eventful hours on end that a user recorded: those with most waking minutes.

    Minutes that the phone did not record are missing.
    """
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["user"] == user]
    times_s = np.array([float(r["unix_time"]) for r in rows])
    awake = np.array([bool(r["labels"]) and "SLEEPING" not in r["labels"] for r in rows])
    ends = np.searchsorted(times_s, times_s + 3600.0 * hours)
    before = np.concatenate([[0], np.cumsum(awake)])
    start = int(np.argmax(before[ends] - before[:-1]))
    chosen = rows[start : int(ends[start])]
    moments_s = [float(r["unix_time"]) - float(chosen[0]["unix_time"]) for r in chosen]
    following_s = [*moments_s[1:], math.inf]
    return [_minute(*three) for three in zip(chosen, moments_s, following_s, strict=True)]


def _minute(row: dict[str, str], t_s: float, next_s: float) -> Minute:
    labels = frozenset(x for x in row["labels"].split(";") if x)
    return Minute(t_s, min(_MINUTE_S, next_s - t_s), row["wifi_status"] == "reachable_via_wifi", labels)


def read_minute_speeds(path: Path) -> Iterator[float]:
    """Yield mean speeds (megabits a second) minute by minute, trace after trace; remainders are left out."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for _, trace in groupby(csv.DictReader(file), lambda r: r["trace"]):
            samples = [(float(r["time_s"]), float(r["mbps"])) for r in trace]
            for _, minute in groupby(
                (s for s in samples if s[0] < samples[-1][0] // _MINUTE_S * _MINUTE_S),
                lambda s: s[0] // _MINUTE_S,
            ):
                yield float(np.mean([mbps for _, mbps in minute]))


def read_faces(path: Path, every: int) -> list[Sighting]:
    """Read the faces of a film, in every so many frames."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(int(r["frame"]), int(r["class_id"])) for r in csv.DictReader(file)]
    return [Sighting(frame / FRAMES_HZ, class_id) for frame, class_id in rows if frame % every == 0]


def read_objects(path: Path, participant: str, every_s: float) -> list[Sighting]:
    """Read the objects in a participant's hands, every so many seconds of an action, video after video."""
    found: list[Sighting] = []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["participant"] == participant]
    offset_s = 0.0
    for _, video in groupby(rows, lambda r: r["video"]):
        actions = [(float(r["start_s"]), float(r["stop_s"]), int(r["noun_class"])) for r in video]
        for start_s, stop_s, noun in actions:
            moments = np.arange(start_s, max(stop_s, start_s + 1e-3), every_s).tolist()
            found += [Sighting(offset_s + t, noun) for t in moments]
        offset_s += max(stop_s for _, stop_s, _ in actions)
    return sorted(found, key=lambda s: s.t_s)
