"""A process that makes one trunk after another, told which by a pipe."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path

from catalog.compiler.early_stopping import StoppedEarly, StopRule, watched
from catalog.compiler.outcomes import Outcome
from catalog.compiler.rehearsal import Trial, rehearse
from catalog.compiler.workplace import Workplace
from catalog.durable_file import write_whole
from catalog.errors import McdnnError, RunFailed
from catalog.training.schedule import Progress
from catalog.transforms.recipe import Candidate, StoredTrunk
from catalog.transforms.share_depth import NotNeeded


@dataclass(frozen=True, slots=True)
class Assignment:
    """One trunk to make.

    Args:
        candidate: the trunk.
        finished: the stored trunks that it starts from.
        stop: when to end its training early; None for never.
    """

    candidate: Candidate
    finished: Mapping[str, StoredTrunk]
    stop: StopRule | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trunk was given up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why a trunk was not trained to its end, though nothing was wrong with it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A trial went well."""


Report = Progress | Outcome | Failure | Stopped


def work(pipe: Connection) -> None:
    """Serve a pipe until it closes: trials may come first, then the workplace, then assignments.

    Each trial and each assignment is reported on.

    The heavy packages are imported before the first message is there, while the parent still prepares
    data. The process ends with its parent, however that ends.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from threadpoolctl import threadpool_limits

    import catalog.compiler.candidate_work  # noqa: F401

    threadpool_limits(limits=1)
    try:
        while isinstance(message := pipe.recv(), Trial):
            pipe.send(_tried(message))
        place: Workplace = message
        while True:
            assignment: Assignment = pipe.recv()
            pipe.send(_attempt(place, assignment, pipe))
    except (EOFError, BrokenPipeError):
        return


def _tried(trial: Trial) -> Passed | Failure:
    try:
        rehearse(trial)
    except McdnnError as e:
        return Failure(str(e))
    return Passed()


def _attempt(place: Workplace, assignment: Assignment, pipe: Connection) -> Outcome | Failure | Stopped:
    """Make a trunk; whatever goes wrong costs this trunk alone, so everything is caught here."""
    from catalog.compiler.candidate_work import make_candidate

    try:
        report = watched(pipe.send, assignment.stop)
        return make_candidate(place, assignment.candidate, assignment.finished, report)
    except (StoppedEarly, NotNeeded) as e:
        return Stopped(str(e))
    except McdnnError as e:
        return Failure(str(e))
    except Exception as e:
        return Failure(
            f"{type(e).__name__}: {e}{_kept_trace(failure_file(place.root, assignment.candidate.name))}"
        )


def _kept_trace(path: Path) -> str:
    """Leave the traceback of the error at hand and say where; a full disk costs the traceback alone."""
    try:
        write_whole(path, traceback.format_exc().encode())
    except RunFailed as e:
        return f" (no traceback: {e})"
    return f" (traceback in {path})"


def failure_file(root: Path, candidate: str) -> Path:
    """Return where the traceback of an unforeseen failure is left."""
    return root / "failures" / f"{candidate}.txt"


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
