"""What the cloud server does a second, against the bare backend, a bare echo and LitServe.

    python -m benchmarks.cloud_throughput --data DIR [--work DIR] [--out DIR] [--quick]

Compiles two trunks from CIFAR-10 images (kept in --work), serves them with `mcdnn serve` on one core
and asks from the other one: 16 clients in one process, each with a connection of its own. Whatever is
compared takes turns. LitServe comes with `pip install 'mcdnn[peers]'`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import cloud_throughput_cases as cases
from benchmarks.cloud_peer import against_peer, best_setting, check_peer
from benchmarks.cloud_soak import soak_row
from benchmarks.cloud_throughput_cases import Rig, Scale
from benchmarks.cloud_throughput_report import body_lines, claim_rows
from benchmarks.cloud_trunks import HEAVY, LIGHT, TINY, Served, compiled, folder_of
from benchmarks.pinned_servers import RunningServer, mcdnn_server, two_cores
from benchmarks.report import RESULTS, Row, write_report
from catalog.errors import McdnnError, MissingExtra

FULL = Scale(rounds=5, block_s=4.0, open_s=8.0, soak_requests=57_600)
QUICK = Scale(rounds=1, block_s=1.0, open_s=1.0, soak_requests=400)
_HEAVY_DEADLINE_S = 1.5
_LIGHT_DEADLINE_S = 0.5
_PACKAGES = ("mcdnn", "grpcio", "onnxruntime", "openvino", "numpy", "litserve", "uvicorn", "uvloop")

NOTES = [
    "Every server has all of its processes on one core, and so does the bare backend; all clients are one "
    "process on the other core. Inference uses one thread everywhere. A request is one question about one "
    "window of 32 x 32 pixels, as raw RGB. Trunks have three parts, compiled from 80 images by one epoch: "
    "how fast a network runs does not hang on its weights. `unary` is a gRPC call for each request, "
    "`stream` one stream for each client. Clients send bytes encoded beforehand.",
    "Throughput: 16 clients, each asks again as soon as it was answered. Latency: requests come at random "
    "(a Poisson process), and what an answer takes counts from when its request should have been sent. "
    "LitServe runs the same parts by the same backends; a window goes there as its bytes over HTTP "
    "connections that stay open, and class and confidence come back as eight bytes. Each of its settings "
    "was tried once, the best one took turns with this server.",
    "An echo is a grpc.aio server that sends back the bytes that it gets. A lone request besides inference "
    "is the round trip of a client that asks alone, less the execution time that the answer tells.",
    "Overload: a turn is four loads at five times the peak that was measured just before, and as many of "
    "the peak between them, all equally long, their beginnings left out alike. Goodput counts answers within "
    "the deadline of being sent; refused are those to which the server said no as they came, given up those "
    "that it had let in and then did not answer, or whose deadline had passed when it read them. As the "
    "library's streams do, a client sends less where the server is behind or refuses; not sent is what it "
    "refused itself, at once, and what its connection did not take in half of its time. "
    "An hour's requests: 16 cameras at one request a second.",
]

Tables = dict[str, list[Row]]


def main() -> None:
    """Measure, print and write docs/results/cloud_throughput."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--work", type=Path, help="where the catalog is kept (default: a temporary folder)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report goes")
    parser.add_argument("--quick", action="store_true", help="a second each, small trunks, LitServe if there")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "objects").is_dir():
        parser.error("no data: give --data DIR or set MCDNN_DATA; docs/data.md says where it comes from")
    try:
        text = run(data.resolve(), args.work, args.out, QUICK if args.quick else FULL, args.quick)
    except McdnnError as e:
        sys.exit(f"cloud_throughput: {e}")
    print(text)


def run(data: Path, work: Path | None, out: Path, scale: Scale, quick: bool) -> str:
    """Measure and write the report.

    Raises:
        McdnnError: LitServe is missing, or something does not run.
    """
    with_peer = _with_peer(quick)
    sizes = (LIGHT, TINY) if quick else (HEAVY, LIGHT)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (work or Path(temporary)).resolve()
        heavy, light = compiled(data, folder, sizes)
        tables = measured(folder_of(folder), heavy, light, scale, with_peer)
    claims = claim_rows(tables)
    notes = [*NOTES, *([] if with_peer else ["LitServe was not there: it is not compared with."])]
    title = "What the cloud server does a second"
    body = body_lines(claims, tables)
    return write_report("cloud_throughput", title, claims, notes, _PACKAGES, out, body, tables)


def _with_peer(quick: bool) -> bool:
    try:
        check_peer()
    except MissingExtra:
        if not quick:
            raise
        return False
    return True


def measured(catalog: Path, heavy: Served, light: Served, scale: Scale, with_peer: bool) -> Tables:
    """Serve a catalog and return all figures, by table.

    Args:
        catalog: its folder.
        heavy: compared with the bare backend, and overloaded.
        light: compared with LitServe and with an echo, overloaded; takes an hour's requests.
        scale: how long to measure.
        with_peer: whether LitServe is there.
    """
    cores = two_cores()
    with cases.rig(catalog, cores, scale) as bench, mcdnn_server(catalog, cores.server) as server:
        tables = _of_heavy(bench, server, heavy)
        for name, rows in _of_light(bench, server, light, with_peer).items():
            tables[name] = [*tables.get(name, []), *rows]
    return tables


def _of_heavy(bench: Rig, server: RunningServer, served: Served) -> Tables:
    tables: Tables = {"trunks": _told("bare", cases.bare_rows(bench, served))}
    best = cases.best_batch(tables["trunks"])
    tables["against_bare"] = _told("against bare", cases.against_bare(bench, server, served, best))
    peak_per_s = _median(tables["against_bare"], "served_per_s")
    tables["latency"] = _told("latency", cases.latency_rows(bench, server, served, peak_per_s))
    overloaded = cases.overload_rows(bench, server, served, _HEAVY_DEADLINE_S)
    tables["overload"] = _told("overload", overloaded)
    return tables


def _of_light(bench: Rig, server: RunningServer, served: Served, with_peer: bool) -> Tables:
    tables: Tables = {"trunks": _told("bare", cases.bare_rows(bench, served))}
    best = cases.best_batch(tables["trunks"])
    tables["light_against_bare"] = _told("against bare", cases.against_bare(bench, server, served, best))
    peak_per_s = _median(tables["light_against_bare"], "served_per_s")
    tables["latency"] = _told("latency", cases.latency_rows(bench, server, served, peak_per_s))
    tables["overhead"] = _told("overhead", cases.overhead_rows(bench, server, served))
    if with_peer:
        setting, tried = best_setting(bench, served)
        tables["litserve_settings"] = _told("settings", tried)
        compared = against_peer(bench, server, served, setting)
        tables["against_litserve"] = _told("against LitServe", compared)
    overloaded = cases.overload_rows(bench, server, served, _LIGHT_DEADLINE_S)
    tables["overload"] = _told("overload", overloaded)
    tables["soak"] = _told("soak", [soak_row(bench, server, served)])
    return tables


def _told(case: str, rows: list[Row]) -> list[Row]:
    """Show figures as soon as they are there: a run that is broken off was not for nothing."""
    for row in rows:
        figures = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
        print(f"{case}: {', '.join(figures)}", file=sys.stderr, flush=True)
    return rows


def _median(rows: Sequence[Row], figure: str) -> float:
    return median(float(r[figure] or 0.0) for r in rows)


if __name__ == "__main__":
    main()
