"""Worker processes and which trunk each of them makes next."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Protocol

from catalog.compiler.events import (
    CandidateFailed,
    CandidateFinished,
    CandidateProgress,
    CandidateStarted,
    CandidateStopped,
    Observer,
)
from catalog.compiler.outcomes import Outcome
from catalog.compiler.rehearsal import Trial
from catalog.compiler.worker import Assignment, Failure, Passed, Report, Stopped, work
from catalog.compiler.workplace import Workplace
from catalog.errors import ModelError
from catalog.training.schedule import Progress
from catalog.transforms.recipe import Candidate, StoredTrunk


class Queue(Protocol):
    """Which trunk is made next."""

    def next(self) -> Assignment | None:
        """Take what can be begun now; None where nothing can before another report."""

    def note(self, candidate: Candidate, progress: Progress) -> None:
        """Take note of an epoch of a trunk's training."""

    def finish(self, outcome: Outcome, trunk: StoredTrunk) -> None:
        """Take note of a finished trunk, which others can start from."""

    def give_up(
        self, candidate: Candidate, report: Failure | Stopped
    ) -> Iterator[tuple[str, Failure | Stopped]]:
        """Yield what is given up with a trunk, itself first, and why."""


class OutcomeLog(Protocol):
    """Keeps what came of each candidate."""

    def finish(self, outcome: Outcome) -> StoredTrunk:
        """Keep a finished trunk and return it as something to start from."""

    def fail(self, candidate: str, reason: str) -> None:
        """Keep that a trunk was given up."""


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    assigned: Candidate | None = None


class WorkerPool:
    """Processes that make trunks side by side. Use as a context: leaving it ends them all.

    They are spawned, not forked, because torch's threads do not survive a fork, and they start at once,
    so that they import while the data is being prepared.

    Args:
        jobs: how many processes.
    """

    def __init__(self, jobs: int) -> None:
        self._place: Workplace | None = None
        self._workers = [_start_worker() for _ in range(jobs)]

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all workers at once: what they have finished is on disk, and the rest is made anew."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()

    def rehearse(self, trials: Sequence[Trial]) -> None:
        """Try models out, as many at a time as there are workers; before anything is made.

        Raises:
            ModelError: the first of them, in their order, that cannot be used.
        """
        for start in range(0, len(trials), len(self._workers)):
            busy = list(zip(self._workers, trials[start:], strict=False))
            for worker, trial in busy:
                _send(worker, trial)
            for worker, trial in busy:
                report = self._received(worker)
                if isinstance(report, Failure):
                    model = f"model {trial.architecture.arch}: "
                    raise ModelError(model + report.reason.removeprefix(model))

    def make_all(self, place: Workplace, queue: Queue, log: OutcomeLog, observe: Observer) -> None:
        """Make what a queue asks for until it asks for nothing more; may be called again at the same place.

        Args:
            place: where workers read and write.
            queue: says what to make next.
            log: keeps what came of each.
            observe: told what happens.
        """
        if self._place is None:
            self._place = place
            for worker in self._workers:
                _send(worker, place)
        assert self._place is place
        while True:
            self._assign(queue, observe)
            busy = [w for w in self._workers if w.assigned is not None]
            if not busy:
                return
            for pipe in wait([w.pipe for w in busy]):
                worker = next(w for w in busy if w.pipe is pipe)
                self._take_report(worker, queue, log, observe)

    def _assign(self, queue: Queue, observe: Observer) -> None:
        for worker in self._workers:
            if worker.assigned is not None:
                continue
            assignment = queue.next()
            if assignment is None:
                return
            worker.assigned = assignment.candidate
            observe(CandidateStarted(assignment.candidate.name))
            _send(worker, assignment)

    def _take_report(self, worker: _Worker, queue: Queue, log: OutcomeLog, observe: Observer) -> None:
        candidate = worker.assigned
        assert candidate is not None
        report = self._received(worker)
        assert not isinstance(report, Passed)
        if isinstance(report, Progress):
            queue.note(candidate, report)
            observe(CandidateProgress(candidate.name, report))
            return
        worker.assigned = None
        if isinstance(report, Outcome):
            queue.finish(report, log.finish(report))
            accuracy = {v.task: v.validation_accuracy for v in report.variants}
            observe(CandidateFinished(candidate.name, accuracy))
            return
        for name, end in queue.give_up(candidate, report):
            if isinstance(end, Failure):
                log.fail(name, end.reason)
                observe(CandidateFailed(name, end.reason))
            else:
                observe(CandidateStopped(name, end.reason))

    def _received(self, worker: _Worker) -> Report | Passed:
        """Receive a report; a worker that died is replaced, and its trunk has failed."""
        try:
            report: Report | Passed = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            status = worker.process.exitcode
            fresh = _start_worker()
            if self._place is not None:
                _send(fresh, self._place)
            worker.process, worker.pipe = fresh.process, fresh.pipe
            return Failure(
                f"its process ended with status {status}; a negative one is a signal (-9: out of memory)"
            )
        return report


class ListedQueue:
    """A list of candidates, worked off in order, each after those that it starts from.

    Args:
        candidates: in the order of preference.
        finished: trunks that are stored already.
    """

    def __init__(self, candidates: Sequence[Candidate], finished: Mapping[str, StoredTrunk]) -> None:
        self._waiting = [c for c in candidates if c.name not in finished]
        self._finished = dict(finished)

    def next(self) -> Assignment | None:
        """Take the first candidate whose beginnings are finished."""
        for candidate in self._waiting:
            if all(name in self._finished for name in candidate.after):
                self._waiting.remove(candidate)
                return Assignment(candidate, {name: self._finished[name] for name in candidate.after})
        return None

    def note(self, candidate: Candidate, progress: Progress) -> None:
        """Take no note: nothing that is listed depends on it."""

    def finish(self, outcome: Outcome, trunk: StoredTrunk) -> None:
        """Let others start from a finished trunk."""
        self._finished[outcome.trunk.name] = trunk

    def give_up(
        self, candidate: Candidate, report: Failure | Stopped
    ) -> Iterator[tuple[str, Failure | Stopped]]:
        """Yield the candidate and all that start from it."""
        yield candidate.name, report
        for follower in [c for c in self._waiting if candidate.name in c.after]:
            if follower in self._waiting:
                self._waiting.remove(follower)
                yield from self.give_up(follower, _report_on_follower(candidate.name, report))


def _report_on_follower(name: str, report: Failure | Stopped) -> Failure | Stopped:
    if isinstance(report, Failure):
        return Failure(f"starts from {name}, which failed")
    return Stopped(f"starts from {name}, which was not made")


def _send(worker: _Worker, message: object) -> None:
    """Send to a worker; that it has died shows when its report is received."""
    with suppress(BrokenPipeError, ConnectionResetError):
        worker.pipe.send(message)


def _start_worker() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs,), daemon=True)
    with _interrupts_held_back():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start a process that never sees Ctrl-C: it is for the parent to end its workers."""
    resource_tracker.ensure_running()  # its own start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
