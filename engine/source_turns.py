"""Several sources as one: frames on one clock, in fair turns; none waits for one that is dead."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from engine.capture import Capture, CaptureCounts, SourceFigures
from engine.frames import Frame

_log = logging.getLogger(__name__)

REMOVED = "the source was taken out of the configuration"


@dataclass(slots=True)
class _Turn:
    """One source: its capture, and what its clock is behind that of the run."""

    capture: Capture
    behind_s: float | None = None
    over: bool = False


class SourceTurns:
    """Gives the frames of several captures.

    Live sources are asked in turn, beginning behind the one that was served last, so that a source
    with many frames takes no turn of another. Their times count from the first frame of all of them.
    Recordings at full speed go in step: the frame with the earliest media time is next, so what
    happened first comes first, and it is waited for. A source that breaks is named in the log and
    the others go on.

    Args:
        captures: owned from here on; at least one.
        in_step: whether all are recordings that are taken at full speed.
        clock: monotonic.
    """

    def __init__(
        self, captures: Sequence[Capture], in_step: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._turns = [_Turn(c, behind_s=0.0 if in_step else None) for c in captures]
        self._in_step = in_step
        self._clock = clock
        self._changed = threading.Condition()
        self._news = self._woken = False
        self._next = self._latest = 0
        self._given: set[int] = set()
        self._moment_s = 0.0
        self._began_s: float | None = None
        self._gone: dict[str, SourceFigures] = {}
        for capture in captures:
            capture.listen(self._tell)

    @property
    def name(self) -> str:
        """Names of all sources."""
        return ", ".join(t.capture.name for t in self._turns)

    @property
    def live(self) -> bool:
        """Whether frames come by the clock."""
        return not self._in_step

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Return the next frame on the run's clock, or None when all sources are over.

        Raises:
            queue.Empty: none came within timeout_s, or before somebody called wake().
            SourceError: all are over, and one of them broke.
        """
        until_s = None if timeout_s is None else self._clock() + timeout_s
        while True:
            with self._changed:
                self._news = False
            self._given.clear()
            index = self._earliest() if self._in_step else self._first_in_turn(self._given)
            frame = None if index is None else self._take(index)
            if frame is not None:
                return frame
            if self._all_over():
                return None
            self._wait(until_s)

    def more(self) -> Frame | None:
        """Return a frame of a source that has given none since get(), on the run's clock, if one waits.

        Recordings in step give only what has the same media time.
        """
        index = self._earliest() if self._in_step else self._first_in_turn(self._given)
        if index is None or index in self._given:
            return None
        if self._in_step:
            head = self._turns[index].capture.head()
            if head is None or head.t_s > self._moment_s:
                return None
        return self._take(index)

    def put_back(self, frame: Frame) -> None:
        """Give back the frame that was returned last: it was not used."""
        self._turns[self._latest].capture.put_back(frame)

    def change(self, gone: Collection[str], further: Sequence[Capture]) -> list[Capture]:
        """Go on without some sources and with further ones; called between two frames.

        Args:
            gone: names; their frames that wait are dropped, and their figures stay.
            further: owned from here on, live like the others, with names that no other has then.

        Returns:
            Those that went: they end, and are closed by who called, which may take a while.
        """
        went = [t.capture for t in self._turns if t.capture.name in gone]
        for capture in went:
            capture.end()
            (figures,) = capture.figures()
            self._gone[capture.name] = _closed(figures, self._gone.get(capture.name))
        for capture in further:
            capture.listen(self._tell)
        kept = [t for t in self._turns if t.capture.name not in gone]
        self._turns = [*kept, *(_Turn(c) for c in further)]
        self._next = self._latest = 0
        self._given.clear()
        self._tell()
        return went

    def counts(self) -> CaptureCounts:
        """Return how many frames went where, of all sources together."""
        figures = self.figures()
        return CaptureCounts(
            sum(f.read for f in figures),
            sum(f.taken for f in figures),
            sum(sum(f.dropped.values()) for f in figures),
            sum(f.left for f in figures),
        )

    def figures(self) -> tuple[SourceFigures, ...]:
        """Return the same for every source that there is or was."""
        there = [f for t in self._turns for f in t.capture.figures()]
        names = {f.source for f in there}
        joined = [_joined(f, self._gone.get(f.source)) for f in there]
        return (*joined, *(f for name, f in self._gone.items() if name not in names))

    def take_busy_s(self) -> float:
        """Return the processor time that reading all of them took since the last call."""
        return sum(t.capture.take_busy_s() for t in self._turns)

    def wake(self) -> None:
        """Have a get() that waits, or else the next one, not wait any longer; any thread may call."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """End all threads and let go of the sources; may be called twice."""
        for turn in self._turns:
            turn.capture.end()
        for turn in self._turns:
            turn.capture.close()

    def _tell(self) -> None:
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def _wait(self, until_s: float | None) -> None:
        timeout_s = None if until_s is None else max(0.0, until_s - self._clock())
        with self._changed:
            heard = self._changed.wait_for(lambda: self._news or self._woken, timeout_s)
            if self._woken or not heard:
                self._woken = False
                raise queue.Empty

    def _take(self, index: int) -> Frame | None:
        """Take the next frame of a source, if one still waits."""
        turn = self._turns[index]
        frame = turn.capture.take()
        if frame is None:
            return None
        if not self._given:
            self._moment_s = frame.t_s
        self._given.add(index)
        self._latest, self._next = index, (index + 1) % len(self._turns)
        return self._on_the_runs_clock(turn, frame)

    def _first_in_turn(self, but: Collection[int]) -> int | None:
        """Return the first source with a frame, beginning behind the one that was served last."""
        count = len(self._turns)
        order = (i % count for i in range(self._next, self._next + count))
        return next((i for i in order if i not in but and self._turns[i].capture.head() is not None), None)

    def _earliest(self) -> int | None:
        """Return the source whose next frame is the earliest; None while one is still to tell its next."""
        heads = [(i, t.capture.head(), t.capture) for i, t in enumerate(self._turns)]
        if any(head is None and not capture.is_over for _, head, capture in heads):
            return None
        times = [(head.t_s, i) for i, head, _ in heads if head is not None]
        return min(times)[1] if times else None

    def _on_the_runs_clock(self, turn: _Turn, frame: Frame) -> Frame:
        if turn.behind_s is None:
            zero_s = frame.captured_s - frame.t_s
            if self._began_s is None:
                self._began_s = zero_s
            turn.behind_s = max(0.0, zero_s - self._began_s)
        return replace(frame, t_s=frame.t_s + turn.behind_s) if turn.behind_s else frame

    def _all_over(self) -> bool:
        """Tell whether no frame can come any more; name in the log what has ended, once.

        Raises:
            BaseException: all are over; what broke the first of those that broke.
        """
        for turn in self._turns:
            if turn.capture.is_over and not turn.over:
                turn.over = True
                error = turn.capture.error
                if error is not None and len(self._turns) > 1:
                    _log.warning("source %s: broke, the others go on: %s", turn.capture.name, error)
        if not all(t.over for t in self._turns):
            return False
        errors = [t.capture.error for t in self._turns]
        for error in errors:
            if error is not None:
                raise error
        return True


def _closed(figures: SourceFigures, before: SourceFigures | None) -> SourceFigures:
    """Return the last figures of a source: what waits will never be taken."""
    dropped = dict(figures.dropped)
    if figures.left:
        dropped[REMOVED] = dropped.get(REMOVED, 0) + figures.left
    report = replace(figures.report, trouble="")
    return _joined(replace(figures, dropped=dropped, left=0, report=report), before)


def _joined(figures: SourceFigures, before: SourceFigures | None) -> SourceFigures:
    """Return figures with those of an earlier source of the same name."""
    if before is None:
        return figures
    reasons = dict.fromkeys([*before.dropped, *figures.dropped])
    report, earlier = figures.report, before.report
    return replace(
        figures,
        read=before.read + figures.read,
        taken=before.taken + figures.taken,
        dropped={r: before.dropped.get(r, 0) + figures.dropped.get(r, 0) for r in reasons},
        report=replace(
            report,
            connects=earlier.connects + report.connects,
            failures=earlier.failures + report.failures,
            restarts=earlier.restarts + report.restarts,
        ),
    )
