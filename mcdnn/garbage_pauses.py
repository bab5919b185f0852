"""How long Python's search for garbage stops every thread: kept short while something has a deadline.

Objects that refer to each other in a circle are found by going through all that there are, and no thread
runs meanwhile: a tenth of a second and more with the libraries of an engine loaded, on a busy processor
several. What is there when a run begins stays until its end; only what comes later need be gone through.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_holders = 0


def set_aside() -> None:
    """Leave what is there now out of the search from now on, for good."""
    gc.collect()
    gc.freeze()


@contextmanager
def short_pauses() -> Iterator[None]:
    """Leave what is there now out of the search meanwhile.

    The search is the whole process's: all is gone through again when the last who is in here leaves.
    """
    global _holders
    with _lock:
        _holders += 1
        set_aside()
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders:
                gc.unfreeze()
