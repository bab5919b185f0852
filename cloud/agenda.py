"""A thread that does things in order, at once or at a time."""

from __future__ import annotations

import heapq
import itertools
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

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
        self._lock = threading.Lock()
        self._due: list[tuple[float, int, Task]] = []  # the number keeps what is due together in order
        self._numbers = itertools.count()
        # Woken only by what has become the first: most tasks are deadlines, each later than the last.
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def soon(self, task: Task) -> None:
        """Run a task after those that were given before to be run soon."""
        self._add(-math.inf, task)

    def after(self, pause_s: float, task: Task) -> None:
        """Run a task in so many seconds."""
        self._add(self._clock() + pause_s, task)

    def close(self) -> None:
        """End the thread after what was to be run soon; what is due later is not run."""
        self.soon(self._end)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _end(self) -> None:
        self._closing = True

    def _add(self, due_s: float, task: Task) -> None:
        item = (due_s, next(self._numbers), task)
        with self._lock:
            heapq.heappush(self._due, item)
            is_first = self._due[0] is item
        if is_first:
            self._woken.put(None)

    def _work(self) -> None:
        while not self._closing:
            task, idle_s = self._next()
            if task is None:
                with suppress(queue.Empty):
                    self._woken.get(timeout=idle_s)
            else:
                self._run(task)

    def _next(self) -> tuple[Task | None, float | None]:
        """Return the task that is due, or how long to wait for one; None for until one is added."""
        with self._lock:
            if not self._due:
                return None, None
            left_s = self._due[0][0] - self._clock()
            return (None, left_s) if left_s > 0.0 else (heapq.heappop(self._due)[2], None)

    def _run(self, task: Task) -> None:
        try:
            task()
        except Exception as e:
            threading.excepthook(threading.ExceptHookArgs((type(e), e, e.__traceback__, self._thread)))
