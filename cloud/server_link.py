"""One server as a device sees it: whether it can be asked, what it offers, what the way to it is like."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from cloud.agenda import Agenda
from cloud.circuit_breaker import CircuitBreaker
from cloud.connection import Connection, Reply
from cloud.errors import (
    CloudBroken,
    CloudBusy,
    CloudError,
    CloudIncompatible,
    CloudLacksMemory,
    CloudLacksVariant,
    CloudRefused,
    CloudUnreachable,
)
from cloud.link_estimates import Exchange, LinkEstimates
from cloud.offering import Offering
from cloud.probing import Probe, Probed
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.wire import listing_from_proto
from engine.offload import LinkState, Question, Upkeep

_LISTING_TIMEOUT_S = 5.0
# While answers come: an empty message each so often keeps round trip and bandwidth apart, and the radio
# is awake anyway.
_PING_EVERY_S, _PING_UNSURE_EVERY_S = 2.0, 0.5
_RELIST_EVERY_S = 0.5
_WITHDRAWN_S = 30.0
_LEAST_FULL_BYTES, _MOST_FULL_BYTES = 4096, 16384


class ServerLink:
    """Connects, looks again after losses, and learns; may be used by several threads.

    Every probe makes a new connection, which replaces the one before when it gets through: after an
    outage TCP may wait for a minute before it tries the old one again.

    Args:
        name: of the server, for errors.
        connect: makes a connection, which connects when it is first used and tells what listings take.
        breaker: open.
        agenda: of the client.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[Callable[[int, int], None]], Connection],
        breaker: CircuitBreaker,
        agenda: Agenda,
        clock: Callable[[], float],
    ) -> None:
        self._name = name
        self._connect = connect
        self._breaker = breaker
        self._agenda = agenda
        self._clock = clock
        self._lock = threading.Lock()
        self._estimates = LinkEstimates()
        self._offering = Offering()
        self._upkeep = Upkeep()
        self._counting = threading.Lock()
        self._connection: Connection | None = None
        self._probing: Connection | None = None
        self._why = f"cloud {name}: not connected yet"
        self._full_bytes = _LEAST_FULL_BYTES
        self._is_listing = False
        self._listed_s = -math.inf
        self._up = threading.Event()
        self._closed = False
        agenda.soon(self._probe)

    @property
    def connection(self) -> Connection | None:
        """The last one that a probe got through on."""
        return self._connection

    def wait_connected(self, timeout_s: float) -> bool:
        """Return whether it is connected, as soon as it is."""
        return self._up.wait(timeout_s)

    def check(self) -> None:
        """Check that requests may be sent.

        Raises:
            CloudUnreachable: they may not; tells why the server was last given up.
        """
        if not self._breaker.closed:
            raise CloudUnreachable(self._why)

    def state(self) -> LinkState:
        """Return what is known; see engine.offload.Offload."""
        now_s = self._clock()
        with self._lock:
            link = self._estimates
            return LinkState(
                self._breaker.closed,
                link.round_trip_s,
                link.up_bytes_per_s,
                link.down_bytes_per_s,
                link.lost_share(now_s),
                link.queue_s(now_s),
                self._offering.offered,
                self._upkeep,
            )

    def head_ids(self, questions: Iterable[Question]) -> tuple[str, ...]:
        """Return by which heads the variants are known that are asked."""
        with self._lock:
            return self._offering.head_ids(questions)

    def sending(self, up_bytes: int) -> None:
        """Note how large a request is: the way is measured with messages of that size."""
        self._full_bytes = min(max(_LEAST_FULL_BYTES, up_bytes), _MOST_FULL_BYTES)

    def expected_s(self, up_bytes: int) -> float:
        """Return what a request takes, without the work itself."""
        with self._lock:
            return self._estimates.expected_s(up_bytes, self._clock())

    def answered(
        self, exchange: Exchange, questions: tuple[Question, ...], windows: int, reply: pb.ClassifyResponse
    ) -> None:
        """Learn from an answer.

        Args:
            exchange: that brought it, without the server's time.
            questions: that were asked.
            windows: that the server ran as a whole; 0 where it went on from features.
            reply: the message.
        """
        now_s = exchange.received_s
        with self._lock:
            self._breaker.answered(now_s)
            self._estimates.exchanged(replace(exchange, server_s=reply.queue_s + reply.execution_s))
            self._estimates.answered(reply.queue_s, now_s)
            if windows:
                self._offering.ran(questions, windows, reply.execution_s)
            pause_s = _PING_UNSURE_EVERY_S if self._estimates.unsure else _PING_EVERY_S
            is_other = reply.catalog_hash != self._offering.catalog_hash
            if is_other or now_s - self._listed_s > pause_s:
                self._list_soon(now_s)

    def attempt_failed(self, connection: Connection, error: CloudError, variants: Iterable[str]) -> None:
        """Learn from an attempt that brought no answer.

        Args:
            connection: that was used; one that has been replaced since tells nothing.
            error: how it ended.
            variants: that were asked.
        """
        now_s = self._clock()
        with self._lock:
            if self._closed or connection is not self._connection:
                return
            if isinstance(error, CloudBusy):
                self._estimates.busy(error.retry_after_s, now_s)
            elif isinstance(error, CloudLacksVariant):
                self._list_soon(now_s)
            elif isinstance(error, CloudLacksMemory | CloudBroken):
                self._withdraw(tuple(variants))
            elif not isinstance(error, CloudRefused):
                self._fail(error)

    def lost(self) -> None:
        """Note that a request got no answer in time."""
        with self._lock:
            self._estimates.lost(self._clock())

    def given_up(self, connection: Connection) -> None:
        """Note that somebody waited for an answer for long and then no longer."""
        late = CloudUnreachable(f"cloud {self._name}: no answers in time")
        self.attempt_failed(connection, late, ())
        self.lost()

    def close(self) -> None:
        """Let go of the connections; what is under way ends."""
        with self._lock:
            self._closed = True
            self._breaker.open()
            self._why = f"cloud {self._name}: closed"
            self._up.clear()
            connections = (self._connection, self._probing)
        for connection in connections:
            if connection is not None:
                connection.close()

    def _fail(self, error: CloudError) -> None:
        pause_s = self._breaker.failed(self._clock())
        if pause_s is not None:
            self._opened(pause_s, str(error))

    def _opened(self, pause_s: float, why: str) -> None:
        self._up.clear()
        self._why = why
        self._agenda.after(pause_s, self._probe)

    def _withdraw(self, variants: tuple[str, ...]) -> None:
        self._offering.withdraw(variants)
        self._agenda.after(_WITHDRAWN_S, partial(self._restore, variants))

    def _restore(self, variants: tuple[str, ...]) -> None:
        with self._lock:
            self._offering.restore(variants)

    def _kept_up(self, up_bytes: int, down_bytes: int) -> None:
        with self._counting:
            before = self._upkeep
            calls = before.calls + (up_bytes > 0 or not down_bytes)
            self._upkeep = Upkeep(calls, before.up_bytes + up_bytes, before.down_bytes + down_bytes)

    def _probe(self) -> None:
        connection = self._connect(self._kept_up)
        with self._lock:
            if self._closed:
                return
            self._probing = connection
            known, full_bytes = self._offering.catalog_hash, self._full_bytes
        Probe(connection, known, full_bytes, partial(self._probed, connection)).begin()

    def _probed(self, connection: Connection, outcome: Probed | CloudError) -> None:
        replaced: Connection | None = connection
        with self._lock:
            if self._closed:
                return
            self._probing = None
            try:
                if isinstance(outcome, CloudError):
                    raise outcome
                self._take_listing(outcome.listing)
            except CloudError as e:
                self._opened(self._breaker.probe_failed(), str(e))
            else:
                replaced, self._connection = self._connection, connection
                self._connected(outcome)
        if replaced is not None:
            self._agenda.soon(replaced.close)
        if replaced is not connection:
            connection.watch(partial(self._gone, connection))

    def _connected(self, found: Probed) -> None:
        self._estimates.reconnected()
        for exchange in found.exchanges:
            self._estimates.exchanged(exchange)
        self._listed_s = self._clock()
        self._breaker.probe_answered(self._listed_s)
        self._up.set()

    def _gone(self, connection: Connection, why: str) -> None:
        """Give up on the server at once: what watches the connection says that it is no more."""
        with self._lock:
            if self._closed or connection is not self._connection:
                return
            pause_s = self._breaker.open()
            if pause_s is not None:
                self._opened(pause_s, why)

    def _list_soon(self, now_s: float) -> None:
        if not self._is_listing:
            self._is_listing = True
            self._agenda.after(max(0.0, self._listed_s + _RELIST_EVERY_S - now_s), self._list)

    def _list(self) -> None:
        connection, known = self._connection, self._offering.catalog_hash
        assert connection is not None
        connection.list_catalog(known, 0, _LISTING_TIMEOUT_S, partial(self._listed, connection))

    def _listed(self, connection: Connection, outcome: Reply[pb.ListCatalogResponse] | CloudError) -> None:
        with self._lock:
            self._is_listing = False
            self._listed_s = self._clock()
            if self._closed or connection is not self._connection:
                return
            try:
                if isinstance(outcome, CloudError):
                    raise outcome
                self._take_listing(outcome.message)
            except CloudError as e:
                self._fail(e)
            else:
                self._estimates.exchanged(outcome.exchange)

    def _take_listing(self, message: pb.ListCatalogResponse) -> None:
        if not message.unchanged:
            self._offering.listed(listing_from_proto(message), message.catalog_hash)
        elif message.catalog_hash != self._offering.catalog_hash:
            raise CloudIncompatible(f"cloud {self._name}: a catalog that is said to be known is not")
