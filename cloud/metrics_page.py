"""Metrics over HTTP, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from catalog.errors import BadInput
from cloud.endpoint import Endpoint


@contextmanager
def exposed(registry: CollectorRegistry, listen: Endpoint | None) -> Iterator[Endpoint | None]:
    """Answer HTTP requests for the metrics meanwhile, at the real address that is given.

    Args:
        registry: what is told.
        listen: None for nowhere.

    Raises:
        BadInput: the address cannot be had.
    """
    if listen is None:
        yield None
        return
    try:
        server, thread = start_http_server(listen.port, listen.host, registry)
    except OSError as e:
        raise BadInput(f"--metrics {listen}: {e.strerror}: choose another address or port") from e
    try:
        yield Endpoint(listen.host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
