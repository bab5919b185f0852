"""What a run does on signals: end in good order, end at once, read its configuration again."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ended_by_signals(stop: Callable[[], None], within_s: float) -> Iterator[None]:
    """End in good order on the first Ctrl-C or SIGTERM; a second one does what it would do anywhere.

    Args:
        stop: begins to end; called from a signal handler of the main thread.
        within_s: what is not written by then is given up, and the process ends with status 1.
    """
    limit = threading.Timer(within_s, _give_up, (within_s,))
    limit.daemon = True

    def end(number: int, _frame: object) -> None:
        stop()
        if limit.ident is None:
            limit.start()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        signal.signal(number, end)
    try:
        yield
    finally:
        limit.cancel()
        for number in _ENDING:
            signal.signal(number, before[number])


@contextmanager
def reloaded_by_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call back on SIGHUP, from a signal handler of the main thread; what it did before is put back.

    A run that is to survive its terminal (nohup) goes on ignoring the signal, and one whose terminal was
    closed ends as on SIGTERM.
    """
    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_IGN:
        yield
        return
    had_terminal = _has_terminal()

    def hear(_number: int, _frame: object) -> None:
        if had_terminal and not _has_terminal():
            signal.raise_signal(signal.SIGTERM)
        else:
            reload()

    signal.signal(signal.SIGHUP, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _has_terminal() -> bool:
    """Tell whether this process has a terminal that could hang up."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _give_up(within_s: float) -> None:
    _log.error("not ended within %g s of the signal: what is not written yet is given up", within_s)
    os._exit(1)
