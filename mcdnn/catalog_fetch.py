"""mcdnn catalog fetch: bring a server's catalog to this device."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from catalog.errors import BadInput


def add_fetch(verbs: Any) -> None:
    """Add the verb to those of mcdnn catalog."""
    fetch = verbs.add_parser("fetch", help="bring a server's catalog to this device, or what it lacks of it")
    fetch.add_argument("server", metavar="HOST:PORT", help="where mcdnn serve listens")
    fetch.add_argument("--out", type=Path, required=True, metavar="CATALOG", help="folder of the catalog")
    fetch.add_argument(
        "--plain", action="store_true", help="unencrypted; without it only a server on this machine is"
    )
    fetch.add_argument("--ca", type=Path, metavar="PEM", help="who signs the server's certificate")
    fetch.add_argument("--certificate", type=Path, metavar="PEM", help="this device's own, with --key")
    fetch.add_argument("--key", type=Path, metavar="PEM", help="its key, not encrypted")
    fetch.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token of this device")
    fetch.add_argument(
        "--timeout", type=float, default=300.0, metavar="S", help="for one part (default: %(default)s)"
    )


def run_fetch(args: argparse.Namespace) -> int:
    """Fetch a catalog.

    Raises:
        BadInput: a flag is wrong.
        McdnnError: the catalog did not come.
    """
    from rich.console import Console
    from rich.progress import Progress

    from cloud.catalog_fetching import fetch_catalog
    from cloud.client import CloudClient
    from cloud.credentials import read_credentials, uses_tls
    from cloud.endpoint import parse_endpoint

    if not (args.timeout > 0.0 and math.isfinite(args.timeout)):
        raise BadInput(f"--timeout {args.timeout}: expected seconds above 0")
    endpoint = parse_endpoint(args.server, "HOST:PORT")
    named = args.ca is not None or args.certificate is not None
    if args.plain and named:
        raise BadInput("--plain: expected without --ca and --certificate")
    encrypted = uses_tls(endpoint, False if args.plain else None, named)
    credentials = read_credentials(args.ca, args.certificate, args.key, args.token_file, encrypted)
    console = Console()
    with (
        CloudClient(endpoint, credentials=credentials) as client,
        Progress(console=console, disable=not console.is_terminal) as progress,
    ):
        bar = progress.add_task("parts and heads", total=None)
        fetched = fetch_catalog(
            client, args.out, args.timeout, lambda done, of: progress.update(bar, completed=done, total=of)
        )
    print(
        f"{args.out}: {fetched.variants} variants; {fetched.pieces} parts and heads came "
        f"({fetched.piece_bytes / 1e6:.1f} MB), {fetched.kept} were there"
    )
    print(f"measure it on this device: mcdnn catalog profile {args.out}")
    return 0
