"""The cloud server against LitServe at the best setting of its batching that a search finds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.util import find_spec

from benchmarks.cloud_throughput_cases import Rig, in_turn, route_to, window_of
from benchmarks.cloud_trunks import Served
from benchmarks.load_callers import Route
from benchmarks.load_generator import Exchanges
from benchmarks.pinned_servers import RunningServer, module_server
from benchmarks.report import Row
from catalog.errors import MissingExtra

_BATCHES = (4, 8, 16)
_TIMEOUTS_S = (0.0005, 0.002, 0.005)
_MOST_WORKERS = 2


@dataclass(frozen=True, slots=True)
class PeerSetting:
    """How LitServe batches.

    Args:
        batch: most windows that run together; 1 for no batching.
        timeout_s: how long a batch waits for more windows.
        workers: processes that run the model.
        fast_queue: requests and answers go through ZeroMQ.
    """

    batch: int
    timeout_s: float = 0.0
    workers: int = 1
    fast_queue: bool = False

    def __str__(self) -> str:
        """Return it as LitServe's arguments."""
        return (
            f"max_batch_size={self.batch} batch_timeout={self.timeout_s:g} "
            f"workers_per_device={self.workers} fast_queue={self.fast_queue}"
        )


def check_peer() -> None:
    """Check that LitServe is there.

    Raises:
        MissingExtra: it is not.
    """
    if find_spec("litserve") is None:
        raise MissingExtra("litserve", "peers", "comparing the cloud server")


def best_setting(bench: Rig, served: Served) -> tuple[PeerSetting, list[Row]]:
    """Search LitServe's settings and return the one with most answers a second, and a row for each."""
    rates: dict[PeerSetting, float] = {}
    rows: list[Row] = []

    def best() -> PeerSetting:
        return max((s for s in rates if s.batch > 1), key=rates.__getitem__)

    def try_out(settings: list[PeerSetting]) -> None:
        for setting in settings:
            if setting not in rates:
                found = _tried(bench, served, setting)
                rates[setting] = bench.peak_per_s(found)
                rows.append(_row(served, setting, rates[setting], found))

    try_out([PeerSetting(1)])
    try_out([PeerSetting(b, fast_queue=fast) for fast in (False, True) for b in _BATCHES])
    try_out([replace(best(), timeout_s=t) for t in _TIMEOUTS_S])
    try_out([replace(best(), workers=_MOST_WORKERS)])
    return best(), rows


def _tried(bench: Rig, served: Served, setting: PeerSetting) -> Exchanges:
    with peer_server(bench, served, setting) as peer:
        return bench.closed(peer_route(bench, peer, served))


def _row(served: Served, setting: PeerSetting, rate_per_s: float, found: Exchanges) -> Row:
    return {
        "trunk": served.trunk,
        "setting": str(setting),
        "answers_per_s": rate_per_s,
        "p50_ms": found.percentile_ms(50),
        "p99_ms": found.percentile_ms(99),
    }


def peer_server(bench: Rig, served: Served, setting: PeerSetting) -> AbstractContextManager[RunningServer]:
    """Run LitServe with a variant, all of its processes on the servers' core."""
    words = ["--catalog", str(bench.catalog), "--variant", served.variant]
    words += ["--batch", str(setting.batch), "--timeout-s", str(setting.timeout_s)]
    words += ["--workers", str(setting.workers), *(["--fast-queue"] if setting.fast_queue else [])]
    return module_server("benchmarks.litserve_peer", words, bench.cores.server, health="/health")


def peer_route(bench: Rig, peer: RunningServer, served: Served) -> Route:
    """Return how LitServe is asked about one window, as raw pixels."""
    return Route("http", peer.address, window_of(bench.catalog, served.variant).tobytes(), 0.0)


def against_peer(bench: Rig, server: RunningServer, served: Served, setting: PeerSetting) -> list[Row]:
    """Compare the server, by both of its ways, with LitServe, in turns."""
    ways = {kind: route_to(server, kind, bench.catalog, served.variant) for kind in ("unary", "stream")}
    rows: list[Row] = []
    with peer_server(bench, served, setting) as peer:
        asked = peer_route(bench, peer, served)

        def own(route: Route) -> Exchanges:
            with peer.paused():
                return bench.closed(route)

        for turn in range(bench.scale.rounds):
            sides: list[Callable[[], Exchanges]] = [
                lambda: bench.closed(asked),
                lambda: own(ways["unary"]),
                lambda: own(ways["stream"]),
            ]
            theirs, *ours = in_turn(sides, turn)
            rows += [_compared(bench, served, way, o, theirs) for way, o in zip(ways, ours, strict=True)]
    return rows


def _compared(bench: Rig, served: Served, way: str, ours: Exchanges, theirs: Exchanges) -> Row:
    own_per_s, peer_per_s = bench.peak_per_s(ours), bench.peak_per_s(theirs)
    return {
        "trunk": served.trunk,
        "way": way,
        "litserve_per_s": peer_per_s,
        "served_per_s": own_per_s,
        "x_litserve": own_per_s / peer_per_s,
        "litserve_p99_ms": theirs.percentile_ms(99),
        "served_p99_ms": ours.percentile_ms(99),
        "p99_x_litserve": ours.percentile_ms(99) / theirs.percentile_ms(99),
        "windows_a_batch": float(ours.batch_windows.mean()),
    }
