"""A sink that calls a function of the user's with every result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from engine.frames import Frame
from engine.results import Result

_log = logging.getLogger(__name__)


class CallbackSink:
    """Calls back in order, at once; what the callback raises is logged once and does not stop the engine."""

    gather_s = 0.0  # who is called back may act on the answer

    def __init__(self, callback: Callable[[Result], None]) -> None:
        self._callback = callback
        self.failures = 0

    def __str__(self) -> str:
        return "result callback"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:  # noqa: ARG002 - results alone matter
        """Call back with each result; see Sink."""
        for result in results:
            try:
                self._callback(result)
            except Exception:
                if not self.failures:
                    _log.exception("a result callback failed; further failures are counted, not logged")
                self.failures += 1

    def close(self) -> None:
        """Nothing is held; see Sink."""
