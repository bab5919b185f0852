"""The demonstration with a server: a device too small for good models, and a link that is cut for a while."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catalog.errors import RunFailed
from catalog.store import Catalog
from cloud.endpoint import Endpoint, parse_endpoint
from cloud.link_conditions import Cut, LinkConditions
from cloud.link_trace import LinkChange
from mcdnn.demonstration import apps

POLICY = "paced"
LINK = LinkConditions(delay_s=0.01, up_bytes_per_s=2.5e6, down_bytes_per_s=2.5e6)
_CUT = (0.4, 0.7)  # shares of the run
_ROOM = 1.5  # of what the smallest trunk takes: no other fits
_STOPS_S = 10.0


def cut_s(seconds: float) -> tuple[float, float]:
    """Return from when to when a run of some seconds is without a link."""
    begins, ends = _CUT
    return begins * seconds, ends * seconds


def link_changes(seconds: float) -> tuple[LinkChange, ...]:
    """Return what becomes of the link during a run of some seconds."""
    begins_s, ends_s = cut_s(seconds)
    silent = LinkConditions(LINK.delay_s, LINK.up_bytes_per_s, LINK.down_bytes_per_s, cut=Cut.STALL)
    return LinkChange(0.0, LINK), LinkChange(begins_s, silent), LinkChange(ends_s, LINK)


def cloud_config(catalog: Catalog, endpoint: Endpoint) -> dict[str, Any]:
    """Return the configuration of a device that has memory for the smallest trunk only."""
    parts = {p.id: p for p in catalog.contents.parts}
    smallest = min(sum(parts[p].memory_bytes for p in t.parts) for t in catalog.contents.trunks)
    return {
        "catalog": str(catalog.root),
        "policy": POLICY,
        "budget": {"memory_mb": _ROOM * smallest / 1e6},
        "cloud": {"endpoint": str(endpoint)},
        "app": apps(),
    }


@contextmanager
def served(catalog: Path) -> Iterator[Endpoint]:
    """Run mcdnn serve in a process of its own meanwhile, at a free port of this machine.

    Raises:
        RunFailed: it does not start; what it said stands above.
    """
    command = [sys.executable, "-m", "mcdnn", "serve", str(catalog), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if not ready:
                raise RunFailed("mcdnn serve ended before it was ready: what it said stands above")
            yield parse_endpoint(ready.split()[-1], "address of the server")
        finally:
            process.terminate()
            try:
                process.wait(_STOPS_S)
            except subprocess.TimeoutExpired:
                process.kill()
