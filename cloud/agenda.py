"""A thread that does things in order, at once or at a time."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable

Task = Callable[[], None]


class Agenda:
    """Runs tasks one after another in a thread of its own; may be given tasks by any thread.

    A task that raises is told to threading.excepthook, and the next one runs: whoever gives a task knows
    what its failure means.

    Args:
        name: of the thread.
        clock: seconds, monotonic.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given: queue.SimpleQueue[tuple[float, Task] | None] = queue.SimpleQueue()
        self._later: list[tuple[float, int, Task]] = []  # the number keeps what is due together in order
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def soon(self, task: Task) -> None:
        """Run a task after those that were given before."""
        self._given.put((0.0, task))

    def after(self, pause_s: float, task: Task) -> None:
        """Run a task in so many seconds."""
        self._given.put((self._clock() + pause_s, task))

    def close(self) -> None:
        """End the thread after what was given before; what is due later is not run."""
        self._given.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                given = self._given.get(timeout=self._idle_s())
            except queue.Empty:
                self._run(heapq.heappop(self._later)[2])
                continue
            if given is None:
                return
            due_s, task = given
            if due_s > self._clock():
                heapq.heappush(self._later, (due_s, next(self._numbers), task))
            else:
                self._run(task)

    def _run(self, task: Task) -> None:
        try:
            task()
        except Exception as e:
            threading.excepthook(threading.ExceptHookArgs((type(e), e, e.__traceback__, self._thread)))

    def _idle_s(self) -> float | None:
        return max(0.0, self._later[0][0] - self._clock()) if self._later else None
