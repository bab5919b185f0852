"""What native libraries print on their own."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_STDOUT = 1


@contextmanager
def native_output_dropped() -> Iterator[None]:
    """Drop what is written to standard output meanwhile, by whomever.

    HiGHS prints a line of its own where it mends a solution, whatever it is told; it would lie in the
    midst of results that a program reads. It is buffered in C, hence the flush before standard output
    is given back.
    """
    kept, nowhere = os.dup(_STDOUT), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDOUT)
    os.close(nowhere)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, _STDOUT)
        os.close(kept)
