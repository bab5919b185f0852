"""What is left in the cloud server of very many requests: memory, connections, work."""

from __future__ import annotations

import time
from math import inf

from benchmarks.cloud_throughput_cases import CLIENTS, Rig, route_to
from benchmarks.cloud_trunks import Served
from benchmarks.load_generator import closed_load
from benchmarks.pinned_servers import RunningServer
from benchmarks.report import Row

_SETTLING_S, _POLL_S = 5.0, 0.05


def soak_row(bench: Rig, server: RunningServer, served: Served) -> Row:
    """Send many requests as fast as they are answered, half of them in streams, and see what is left."""
    routes = [route_to(server, kind, bench.catalog, served.variant) for kind in ("stream", "unary")]
    whole = bench.scale.soak_requests

    def ask(requests: int) -> int:
        each = requests // len(routes)
        loads = [bench.clients.submit(closed_load, r, CLIENTS, inf, each).result() for r in routes]
        return sum(int(e.answered.sum()) for e in loads)

    files = server.open_files()
    ask(whole // 10)
    _settle(server, files)
    before = server.resident_bytes()
    began_s = time.perf_counter()
    answered = ask(whole)
    took_s = time.perf_counter() - began_s
    _settle(server, files)
    after = server.resident_bytes()
    return {
        "trunk": served.trunk,
        "way": "+".join(r.kind for r in routes),
        "requests": whole,
        "answered": answered,
        "requests_per_s": whole / took_s,
        "resident_before_mb": before / 1e6,
        "resident_after_mb": after / 1e6,
        "growth_pct": 100.0 * (after / before - 1.0),
        "open_files_left": server.open_files() - files,
        "requests_waiting": int(server.metric("mcdnn_requests_waiting")),
        "bytes_waiting": int(server.metric("mcdnn_waiting_bytes")),
    }


def _settle(server: RunningServer, files: int) -> None:
    """Let the server see that its clients have gone."""
    given_up_s = time.monotonic() + _SETTLING_S
    while server.open_files() > files and time.monotonic() < given_up_s:
        time.sleep(_POLL_S)
