"""Whether a server can be reached, what it answers, and what the way to it is like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloud.connection import Connection, Reply
from cloud.errors import CloudError
from cloud.link_estimates import Exchange
from cloud.rpc.v1 import classify_pb2 as pb

_FIRST_LISTING_S = 30.0
_TIMEOUT_S = 5.0
_UNMEASURED = 1


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe that got through has found.

    Args:
        listing: of the catalog; says only so if it is the one that was known.
        exchanges: an empty message and one as large as a request.
    """

    listing: pb.ListCatalogResponse
    exchanges: tuple[Exchange, ...]


class Probe:
    """Four small calls over a new connection, one after another; used once.

    The first finds the server and lists its catalog; its time holds the handshakes, and that of the
    second, as measured, one more round trip of HTTP/2's own: they tell nothing about the way. The other
    two are an empty message and a large one: from their times follow the round trip and the bandwidth,
    before the first request depends on them.

    Args:
        connection: new.
        known_hash: of the catalog that is known already, "" for none.
        full_bytes: of the large message.
        ended: told, in a thread of grpc's, what was found or why there is nothing.
    """

    def __init__(
        self,
        connection: Connection,
        known_hash: str,
        full_bytes: int,
        ended: Callable[[Probed | CloudError], None],
    ) -> None:
        self._connection = connection
        self._known_hash = known_hash
        self._paddings = [0] * _UNMEASURED + [0, full_bytes]
        self._ended = ended
        self._listing: pb.ListCatalogResponse | None = None
        self._exchanges: list[Exchange] = []

    def begin(self) -> None:
        """Begin; returns at once."""
        timeout_s = _TIMEOUT_S if self._known_hash else _FIRST_LISTING_S
        self._connection.list_catalog(self._known_hash, 0, timeout_s, self._listed)

    def _listed(self, outcome: Reply[pb.ListCatalogResponse] | CloudError) -> None:
        if isinstance(outcome, CloudError):
            self._ended(outcome)
            return
        self._listing = outcome.message
        self._measure(outcome.message)

    def _measure(self, listing: pb.ListCatalogResponse) -> None:
        if not self._paddings:
            self._ended(Probed(listing, tuple(self._exchanges[_UNMEASURED:])))
            return
        padding = self._paddings.pop(0)
        self._connection.list_catalog(listing.catalog_hash, padding, _TIMEOUT_S, self._measured)

    def _measured(self, outcome: Reply[pb.ListCatalogResponse] | CloudError) -> None:
        if isinstance(outcome, CloudError):
            self._ended(outcome)
            return
        self._exchanges.append(outcome.exchange)
        assert self._listing is not None
        self._measure(self._listing)
