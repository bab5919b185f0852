"""Signs of life for a service manager: given only while the engine's loop comes round."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from mcdnn.service_manager import Supervision

_log = logging.getLogger(__name__)

_STATUS_EVERY_S = 10.0
_SIGNS_A_WATCHDOG = 3  # one that comes late, or a loop that is slow once, is no reason to kill
_CALLS_TOLD = 8


class LifeSigns:
    """Tells in regular intervals how a run stands, and that it lives, if it does.

    A loop that waits for frames of a dead camera comes round all the same; one that is stuck in a part
    does not, and then the manager hears nothing and ends the process; the log has said before where the
    loop was. A thread of its own gives the signs, so that the loop does not pay for them.

    Args:
        supervision: who is told, and how often.
        silent_s: how long ago the loop came round; None where there is no loop.
        status: how it stands, for people, in one line.
    """

    def __init__(
        self, supervision: Supervision, silent_s: Callable[[], float | None], status: Callable[[], str]
    ) -> None:
        self._manager = supervision.manager
        self._watched = supervision.watchdog_s is not None
        watchdog_s = supervision.watchdog_s or float("inf")
        self._every_s = min(_STATUS_EVERY_S, watchdog_s / _SIGNS_A_WATCHDOG)
        self._silent_s = silent_s
        self._status = status
        self._stuck = False
        self._loop: int | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mcdnn-life-signs", daemon=True)

    def begin(self) -> None:
        """Tell that the service is ready, and go on giving signs; called by the thread of the loop."""
        self._loop = threading.get_ident()
        self._manager.tell("READY=1", f"STATUS={self._status()}")
        self._thread.start()

    def end(self) -> None:
        """Give no more signs."""
        self._ends.set()
        if self._thread.ident is not None:
            self._thread.join()

    def give(self) -> None:
        """Give one sign, or none where the loop has not come round since about the last one."""
        silent_s = self._silent_s()
        if silent_s is None:
            return
        if silent_s > self._every_s:
            if not self._stuck:
                where = _calls(self._loop)
                _log.error("the engine's loop is stuck: no sign of life is given until it goes on%s", where)
            self._stuck = True
            return
        self._stuck = False
        signs = ["WATCHDOG=1"] if self._watched else []
        self._manager.tell(*signs, f"STATUS={self._status()}")

    def _run(self) -> None:
        while not self._ends.wait(self._every_s):
            self.give()


def _calls(thread: int | None) -> str:
    """Return where a thread is, the innermost call first; empty where that cannot be told."""
    frame = None if thread is None else sys._current_frames().get(thread)
    if frame is None:
        return ""
    calls = reversed(traceback.extract_stack(frame)[-_CALLS_TOLD:])
    told = (f"{Path(*Path(c.filename).parts[-2:])}:{c.lineno} in {c.name}" for c in calls)
    return f"; it is at {', called from '.join(told)}"
