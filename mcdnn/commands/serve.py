"""mcdnn serve: answer other devices' windows from a catalog."""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import BadInput, MissingExtra
from engine.garbage_search import set_aside

if TYPE_CHECKING:
    from catalog.store import Catalog
    from cloud.access import Access
    from specializer.head_trainer import HeadTrainer

_MB = 1e6
# After which a server that is asked for no heads has the memory of the training process back.
_TRAINER_IDLE_S = 60.0
# Objects; by default 700, which a few requests make, each search being dear with cold caches.
_COLLECT_AFTER = (5_000, 20, 20)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "serve",
        help="answer other devices' windows from a catalog",
        description="Answers windows that devices send. Runs until SIGTERM or Ctrl-C, then lets requests "
        "under way finish for a while (--drain-seconds). One line of JSON on standard error tells of each "
        "request that was refused or failed.",
        epilog="example: mcdnn serve catalog/ --listen localhost:50051 --memory-mb 600",
    )
    parser.add_argument("catalog", type=Path, metavar="CATALOG", help="folder written by mcdnn compile")
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default="localhost:50051",
        help="address to listen on; port 0 takes a free one (default: %(default)s)",
    )
    _add_work(parser)
    _add_access(parser)


def _add_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--memory-mb", type=float, metavar="N", help="megabytes that models may hold (default: no limit)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="cores that one batch may use (default: all)",
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="whose measurements say what runs each part (default: host, where it was measured)",
    )
    parser.add_argument(
        "--metrics", metavar="HOST:PORT", help="answer HTTP requests for Prometheus metrics there"
    )
    parser.add_argument(
        "--no-training",
        action="store_true",
        help="train no specialised heads for devices (default: one at a time, in a process of low priority)",
    )
    parser.add_argument(
        "--drain-seconds",
        type=float,
        metavar="S",
        default=5.0,
        help="how long requests under way may go on after a stop (default: %(default)s)",
    )


def _add_access(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tls-certificate", type=Path, metavar="PEM", help="encrypt: the server's certificate chain"
    )
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="its key, not encrypted")
    parser.add_argument(
        "--client-ca", type=Path, metavar="PEM", help="let in only devices with a certificate signed by this"
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="let in only devices with a token of this file: one NAME:TOKEN a line",
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="listen unencrypted on an address that other machines can reach",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop.

    Raises:
        BadInput: the catalog, the address or a number is wrong.
    """
    from cloud.endpoint import Endpoint, parse_endpoint
    from cloud.head_training import CatalogTraining
    from cloud.hosting import HostedCatalog
    from cloud.limits import Limits

    try:
        import uvloop

        from cloud.access import check_exposure
        from cloud.metrics_page import exposed
        from cloud.server import CloudServer, serve_until_signalled
    except ModuleNotFoundError as e:
        raise MissingExtra(e.name or "a package", "cloud", "serving a catalog") from e
    from mcdnn.service_manager import supervision_here
    from mcdnn.wiring import backends_to_serve, open_catalog_to_run

    listen = parse_endpoint(args.listen, "--listen")
    access = _access(args)
    check_exposure(listen, access.credentials is not None, access.tokens is not None, args.insecure)
    metrics = None if args.metrics is None else parse_endpoint(args.metrics, "--metrics")
    drain_s = _drain_s(args.drain_seconds)
    memory_bytes = _memory_bytes(args.memory_mb)
    threads = _threads(args.threads)
    catalog = open_catalog_to_run(args.catalog)
    limits = Limits()
    backends = backends_to_serve(catalog, args.device, threads)
    host = HostedCatalog(catalog, backends, memory_bytes, limits.batch_windows)

    def ready(where: Endpoint) -> None:
        print(f"mcdnn serve: {len(catalog.variants)} variants of {args.catalog} at {where}", flush=True)
        supervision_here().manager.tell("READY=1")

    async def serve() -> None:
        server = CloudServer(host, limits, _to_stderr, drain_s, access, training)
        with exposed(server.metrics.registry, metrics):
            await serve_until_signalled(server, listen, ready)

    trainer = _trainer(catalog, args.no_training)
    training = CatalogTraining(catalog, trainer)
    _collect_seldom()
    try:
        uvloop.run(serve())
    finally:
        trainer.close()
        host.close()
    return 0


def _collect_seldom() -> None:
    """Leave what is there out of the search for cycles, and search seldom: requests leave hardly any."""
    set_aside()
    gc.set_threshold(*_COLLECT_AFTER)


def _trainer(catalog: Catalog, none: bool) -> HeadTrainer:
    from specializer.background_trainer import BackgroundHeadTrainer
    from specializer.head_trainer import NoHeadTrainer

    if none:
        return NoHeadTrainer("this server trains no heads")
    return BackgroundHeadTrainer(catalog, idle_s=_TRAINER_IDLE_S)


def _access(args: argparse.Namespace) -> Access:
    from cloud.access import Access, server_credentials
    from cloud.tokens import read_tokens

    if (args.tls_certificate is None) != (args.tls_key is None):
        raise BadInput("--tls-certificate and --tls-key: expected both or neither")
    if args.client_ca is not None and args.tls_key is None:
        raise BadInput("--client-ca: expected --tls-certificate and --tls-key with it")
    credentials = None
    if args.tls_key is not None:
        credentials = server_credentials(args.tls_certificate, args.tls_key, args.client_ca)
    return Access(credentials, None if args.token_file is None else read_tokens(args.token_file))


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _drain_s(given: float) -> float:
    if not (math.isfinite(given) and given >= 0.0):
        raise BadInput(f"--drain-seconds {given}: expected 0 or a positive number of seconds")
    return given


def _memory_bytes(memory_mb: float | None) -> float:
    if memory_mb is None:
        return math.inf
    if not (math.isfinite(memory_mb) and memory_mb > 0.0):
        raise BadInput(f"--memory-mb {memory_mb}: expected a positive number of megabytes")
    return memory_mb * _MB


def _threads(given: int | None) -> int:
    if given is None:
        return len(os.sched_getaffinity(0))
    if given < 1:
        raise BadInput(f"--threads {given}: expected at least 1")
    return given
