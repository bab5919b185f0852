"""What tests of several packages need: a small catalog that was really compiled."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from catalog.meters import MeterPlaces
from tests.tiny_compile import compile_tiny, tiny_request

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")

# A shell's background jobs ignore Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_meter_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide what this machine can measure, so that tests find the same everywhere."""
    nothing = tmp_path_factory.mktemp("no-meters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog.meters.table.HERE", MeterPlaces(nothing, nothing, str(nothing / "vcgencmd")))
        yield


@pytest.fixture(scope="session")
def tiny_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled catalog: digits at 16 px, three trunks of which two share a first part.

    Do not write into it: it is made once for all tests.
    """
    root = tmp_path_factory.mktemp("tiny") / "catalog"
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = tmp_path_factory.getbasetemp().parent / "tiny" / "catalog"  # of all workers
    root.parent.mkdir(exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            compile_tiny(tiny_request(), root)
    return root
