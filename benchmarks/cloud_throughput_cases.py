"""What benchmarks.cloud_throughput measures: each case takes turns with what it is compared with."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import grpc
import numpy as np

from benchmarks.cloud_trunks import Served, served_chain
from benchmarks.load_callers import NOT_SENT, Route
from benchmarks.load_generator import Exchanges, closed_load, open_load, percentile_ms
from benchmarks.pinned_servers import Cores, RunningServer, module_server, pin
from benchmarks.report import Row
from catalog.errors import RunFailed
from catalog.store import open_catalog
from cloud.pictures import raw_picture
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.wire import picture_to_proto

T = TypeVar("T")

CLIENTS = 16
OVERLOAD = 5.0
_PATIENCE_S = 30.0
_WARM_SHARE = 0.15
_BATCHES = (1, 2, 4, 8, 16, 32)
_SHARES = (0.5, 0.9)
_SLICES = 10
_PAIRS = 4
_WAY = "stream"  # for all that is not compared by both


@dataclass(frozen=True, slots=True)
class Scale:
    """How long to measure.

    Args:
        rounds: turns of each comparison.
        block_s: of one side's turn.
        open_s: of a load at a fixed rate.
        soak_requests: after as many as a tenth of them to warm up.
    """

    rounds: int
    block_s: float
    open_s: float
    soak_requests: int


@dataclass(frozen=True, slots=True)
class Rig:
    """Where it is measured.

    Args:
        catalog: its folder.
        cores: of clients and servers.
        clients: a process on the clients' core.
        bare: a process on the servers' core.
        scale: how long.
    """

    catalog: Path
    cores: Cores
    clients: ProcessPoolExecutor
    bare: ProcessPoolExecutor
    scale: Scale

    def closed(self, route: Route, clients: int = CLIENTS, seconds: float | None = None) -> Exchanges:
        """Let clients ask again as soon as they were answered."""
        length_s = self.scale.block_s if seconds is None else seconds
        return self.clients.submit(closed_load, route, clients, length_s).result()

    def open(self, route: Route, rate_per_s: float, seconds: float, seed: int) -> Exchanges:
        """Send requests at random times."""
        return self.clients.submit(open_load, route, CLIENTS, rate_per_s, seconds, seed).result()

    def peak_per_s(self, exchanges: Exchanges) -> float:
        """Return the answers a second of a closed load, without its beginning.

        Raises:
            RunFailed: there was none.
        """
        rate = exchanges.answers_per_s(_WARM_SHARE * self.scale.block_s, self.scale.block_s)
        if not rate:
            raise RunFailed(f"not one answer in {self.scale.block_s:g} s: is the machine busy?")
        return rate


@contextmanager
def rig(catalog: Path, cores: Cores, scale: Scale) -> Iterator[Rig]:
    """Start the processes that ask and that run the bare backend."""
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, spawn, initializer=pin, initargs=(cores.clients,)) as clients,
        ProcessPoolExecutor(1, spawn, initializer=pin, initargs=(cores.server,)) as bare,
    ):
        yield Rig(catalog, cores, clients, bare, scale)


def window_of(catalog: Path, variant: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return noise (S, S, 3) of the size that a variant reads."""
    opened = open_catalog(catalog)
    side_px = opened.trunks[opened.variants[variant].trunk].size_px
    return np.random.default_rng(0).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)


def route_to(
    server: RunningServer, kind: str, catalog: Path, variant: str, deadline_s: float = _PATIENCE_S
) -> Route:
    """Return how one question about one window, as raw pixels, is asked."""
    message = pb.ClassifyRequest(
        questions=[pb.Question(app="app", variant=variant)],
        pictures=[picture_to_proto(raw_picture(window_of(catalog, variant)))],
        deadline_s=deadline_s,
    )
    return Route(kind, server.address, message.SerializeToString(), deadline_s)


def bare_per_s(catalog: Path, variant: str, batch: int, seconds: float) -> float:
    """Return the windows a second of a trunk in a loop, nothing around it."""
    opened = open_catalog(catalog)
    chain = served_chain(opened, opened.variants[variant].trunk)
    windows = np.repeat(window_of(catalog, variant)[np.newaxis], batch, axis=0)  # (N, S, S, 3)
    chain(windows)
    ran, began_s = 0, time.perf_counter()
    while (taken_s := time.perf_counter() - began_s) < seconds:
        chain(windows)
        ran += batch
    return ran / taken_s


def bare_rows(bench: Rig, served: Served) -> list[Row]:
    """Return a row for each size of a batch of the bare backend."""
    rows: list[Row] = []
    for batch in _BATCHES:
        rate = bench.bare.submit(
            bare_per_s, bench.catalog, served.variant, batch, bench.scale.block_s / 4
        ).result()
        rows.append({"trunk": served.trunk, "batch": batch, "windows_per_s": rate, "ms_a_window": 1e3 / rate})
    return rows


def best_batch(rows: list[Row]) -> int:
    """Return the size of a batch that does most windows a second."""
    return int(max(rows, key=lambda r: float(r["windows_per_s"] or 0.0))["batch"] or 1)


def against_bare(bench: Rig, server: RunningServer, served: Served, batch: int) -> list[Row]:
    """Compare the server with the bare backend at a size of a batch, in turns."""
    route = route_to(server, _WAY, bench.catalog, served.variant)
    half_s = bench.scale.block_s / 2
    rows: list[Row] = []
    for turn in range(bench.scale.rounds):
        sides: list[Callable[[], float]] = [
            lambda: bench.bare.submit(bare_per_s, bench.catalog, served.variant, batch, half_s).result(),
            lambda: bench.peak_per_s(bench.closed(route)),
        ]
        bare_rate, own_rate = in_turn(sides, turn)
        rows.append(
            {
                "trunk": served.trunk,
                "way": _WAY,
                "bare_per_s": bare_rate,
                "served_per_s": own_rate,
                "share_pct": 100.0 * own_rate / bare_rate,
            }
        )
    return rows


def in_turn(sides: list[Callable[[], T]], turn: int) -> list[T]:
    """Return what the sides give, in their order; every other turn the last one goes first."""
    order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
    given = {i: sides[i]() for i in order}
    return [given[i] for i in range(len(sides))]


def latency_rows(bench: Rig, server: RunningServer, served: Served, peak_per_s: float) -> list[Row]:
    """Return what answers take at shares of the peak, requests coming at random."""
    route = route_to(server, _WAY, bench.catalog, served.variant)
    rows: list[Row] = []
    for share in _SHARES:
        found = bench.open(route, share * peak_per_s, bench.scale.open_s, seed=1)
        rows.append(
            {
                "trunk": served.trunk,
                "way": _WAY,
                "load_pct": 100.0 * share,
                "requests_per_s": share * peak_per_s,
                "answered": int(found.answered.sum()),
                "refused": int((~found.answered).sum()),
                "p50_ms": found.percentile_ms(50),
                "p99_ms": found.percentile_ms(99),
                "windows_a_batch": float(found.batch_windows.mean()),
                "sent_late_p99_ms": percentile_ms(found.sent_s - found.due_s, 99),
            }
        )
    return rows


def overload_rows(bench: Rig, server: RunningServer, served: Served, deadline_s: float) -> list[Row]:
    """Compare goodput at several times the peak with the peak, in turns; every request has a deadline.

    A turn is a few short loads of each kind, one after the other: the pace of a shared machine moves by
    more than what is asked within the seconds that one long load takes.
    """
    patient = route_to(server, _WAY, bench.catalog, served.variant)
    hurried = route_to(server, _WAY, bench.catalog, served.variant, deadline_s)
    rows: list[Row] = []
    for turn in range(bench.scale.rounds):
        last_per_s = bench.peak_per_s(bench.closed(patient))
        peaks_per_s: list[float] = []
        loads: list[Exchanges] = []
        for pair in range(turn * _PAIRS, (turn + 1) * _PAIRS):
            closed, opened = _peak_and_overload(bench, patient, hurried, last_per_s, pair)
            last_per_s = bench.peak_per_s(closed)
            peaks_per_s.append(last_per_s)
            loads.append(opened)
        rows.append(_overload_row(bench, served, deadline_s, fmean(peaks_per_s), loads))
    return rows


def _peak_and_overload(
    bench: Rig, patient: Route, hurried: Route, peak_per_s: float, turn: int
) -> list[Exchanges]:
    sides = [
        lambda: bench.closed(patient),
        lambda: bench.open(hurried, OVERLOAD * peak_per_s, bench.scale.block_s, seed=turn),
    ]
    return in_turn(sides, turn)


def _overload_row(
    bench: Rig, served: Served, deadline_s: float, peak_per_s: float, loads: list[Exchanges]
) -> Row:
    """Return the figures of one turn; its overloads are as long as what the peak was measured by."""
    block_s = bench.scale.block_s
    goodput = fmean(e.answers_per_s(_WARM_SHARE * block_s, block_s, deadline_s) for e in loads)
    offered = fmean(len(e.sent_s) / float(e.sent_s.max()) for e in loads)
    took_s = np.concatenate([e.done_s - e.sent_s for e in loads])
    status = np.concatenate([e.status for e in loads])
    answered = status == 0
    refused = status == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    given_up = status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    not_sent = status == NOT_SENT
    late = answered & (took_s > deadline_s)
    let_in = max(1, int((answered | given_up).sum()))
    return {
        "trunk": served.trunk,
        "way": _WAY,
        "deadline_ms": 1e3 * deadline_s,
        "peak_per_s": peak_per_s,
        "offered_per_s": offered,
        "offered_x_peak": offered / peak_per_s,
        "goodput_per_s": goodput,
        "goodput_pct_of_peak": 100.0 * goodput / peak_per_s,
        "answered": int(answered.sum()),
        "late_pct_of_answers": 100.0 * float(late.sum()) / max(1, int(answered.sum())),
        "given_up_pct_of_let_in": 100.0 * float(given_up.sum()) / let_in,
        "refused": int(refused.sum()),
        "not_sent": int(not_sent.sum()),
        "ended_otherwise": int((~answered & ~refused & ~given_up & ~not_sent).sum()),
        "refusal_p50_ms": percentile_ms(took_s[refused], 50),
        "refusal_p99_ms": percentile_ms(took_s[refused], 99),
    }


def overhead_rows(bench: Rig, server: RunningServer, served: Served) -> list[Row]:
    """Compare what a lone request takes besides inference with a bare echo of its bytes, in turns.

    A turn is the median of many short ones: what takes tens of microseconds more or less is soon lost in
    how the pace of a shared machine moves from second to second.
    """
    ways = ("unary", "stream")
    rows: list[Row] = []
    with module_server("benchmarks.grpc_echo", [], bench.cores.server) as echo:
        echoed = route_to(echo, "echo", bench.catalog, served.variant)
        asked = [route_to(server, way, bench.catalog, served.variant) for way in ways]
        for turn in range(bench.scale.rounds):
            sides = [_lone(bench, route) for route in (echoed, *asked)]
            slices = [in_turn(sides, turn + number) for number in range(_SLICES)]
            echo_us, *own_us = (float(np.median(side)) for side in zip(*slices, strict=True))
            rows += [
                {
                    "trunk": served.trunk,
                    "way": way,
                    "bytes": len(echoed.body),
                    "echo_us": echo_us,
                    "served_us": us,
                    "x_echo": us / echo_us,
                }
                for way, us in zip(ways, own_us, strict=True)
            ]
    return rows


def _lone(bench: Rig, route: Route) -> Callable[[], float]:
    return lambda: 1e3 * bench.closed(route, 1, bench.scale.block_s / 4 / _SLICES).outside_inference_ms()
