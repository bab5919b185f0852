"""Signs of life for a service manager: given only while the engine's loop comes round."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from mcdnn.service_manager import Supervision

_log = logging.getLogger(__name__)

_STATUS_EVERY_S = 10.0
_SIGNS_A_WATCHDOG = 3  # one that comes late, or a loop that is slow once, is no reason to kill


class LifeSigns:
    """Tells in regular intervals how a run stands, and that it lives, if it does.

    A loop that waits for frames of a dead camera comes round all the same; one that is stuck in a part
    does not, and then the manager hears nothing and ends the process. A thread of its own gives the
    signs, so that the loop does not pay for them.

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
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mcdnn-life-signs", daemon=True)

    def begin(self) -> None:
        """Tell that the service is ready, and go on giving signs."""
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
                _log.error("the engine's loop is stuck: no sign of life is given until it goes on")
            self._stuck = True
            return
        self._stuck = False
        signs = ["WATCHDOG=1"] if self._watched else []
        self._manager.tell(*signs, f"STATUS={self._status()}")

    def _run(self) -> None:
        while not self._ends.wait(self._every_s):
            self.give()
