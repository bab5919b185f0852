"""From what a user gives on the command line to a page about an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.tokens import read_tokens
from mcdnn.engine import Engine
from mcdnn.web.address import parse_address
from mcdnn.web.server import PageServer
from mcdnn.web.watched_run import WatchedRun


@contextmanager
def page_of(engine: Engine, title: str, listen: str, token_file: Path | None) -> Iterator[PageServer]:
    """Answer browsers about the next run of an engine meanwhile.

    Args:
        title: of the run, for people.
        listen: HOST:PORT, or :PORT for this machine alone.
        token_file: with one NAME:TOKEN a line; None where none is asked for.

    Raises:
        BadInput: the address or the file is wrong, the address is taken, or others can reach it and no
            token is asked for.
    """
    where = parse_address(listen)
    tokens = None if token_file is None else read_tokens(token_file, "--web-token-file")
    run = WatchedRun(title, engine.silent_s, engine.cloud_connected)
    server = PageServer(run, where, tokens)
    try:
        engine.add_sink(run.board)
        engine.watch_policy(run.choices)
        yield server
    finally:
        server.close()
