"""What a compile tells of itself while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from catalog.training.schedule import Progress


@dataclass(frozen=True, slots=True)
class TechniqueSkipped:
    """A technique that was asked for cannot be run on this machine; the others go on."""

    technique: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelsTried:
    """Models that the user brings are built, split and exported once, before data is prepared."""

    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataPrepared:
    """The windows of a task are ready.

    Skipped names the files that could not be read, with reasons; unseen the classes without a window, by
    split.
    """

    task: str
    windows: int
    classes: int
    skipped: tuple[str, ...]
    unseen: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class DataJoined:
    """Tasks train the trunks of an input type together, with so many windows.

    Windows that are held out for one of its tasks train none.
    """

    input_type: str
    windows: int
    labelled: dict[str, int]
    held_out: int


@dataclass(frozen=True, slots=True)
class Planned:
    """These trunks are to be made; those that an earlier compile left are done."""

    candidates: tuple[str, ...]
    done: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CandidateStarted:
    """A worker began with a trunk."""

    candidate: str


@dataclass(frozen=True, slots=True)
class CandidateProgress:
    """An epoch of a trunk's training ended."""

    candidate: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class CandidateFinished:
    """A trunk and its heads are stored; accuracy by task is that of the validation split, in [0, 1]."""

    candidate: str
    accuracy: dict[str, float]


@dataclass(frozen=True, slots=True)
class CandidateFailed:
    """A trunk was given up; the others go on."""

    candidate: str
    reason: str


@dataclass(frozen=True, slots=True)
class CandidateStopped:
    """A trunk was not trained to its end: a cheaper one had learned more by then."""

    candidate: str
    reason: str


@dataclass(frozen=True, slots=True)
class SearchStarted:
    """So many combinations may be tried, most of them (None: as many as time allows); so many are."""

    combinations: int
    most: int | None
    tried: int


@dataclass(frozen=True, slots=True)
class MeasuringStarted:
    """Latency and load time of so many parts are being measured."""

    parts: int


@dataclass(frozen=True, slots=True)
class JpegStarted:
    """It is being measured what JPEG costs the accuracy of so many trunks."""

    trunks: int


Event = (
    TechniqueSkipped
    | ModelsTried
    | DataPrepared
    | DataJoined
    | Planned
    | CandidateStarted
    | CandidateProgress
    | CandidateFinished
    | CandidateFailed
    | CandidateStopped
    | SearchStarted
    | MeasuringStarted
    | JpegStarted
)


class Observer(Protocol):
    """Is told what happens; called in the process that compiles, one event at a time."""

    def __call__(self, event: Event) -> None:
        """Take note of an event."""


def unobserved(event: Event) -> None:
    """Take no note: the null observer."""
