"""Has heads trained by a server; needs no torch."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import isfinite

import grpc

from catalog.store import Catalog
from cloud.connection import Connection, Reply
from cloud.credentials import PLAIN, Credentials
from cloud.endpoint import Endpoint
from cloud.errors import (
    CloudBusy,
    CloudError,
    CloudIncompatible,
    CloudRefused,
    CloudTimeout,
    CloudUnreachable,
)
from cloud.head_messages import TrainingCall, special_head_from_proto, training_call_to_proto
from cloud.limits import Limits
from cloud.rpc.v1 import classify_pb2 as pb
from specializer.errors import (
    HeadRejected,
    NotTrainable,
    TrainerBroke,
    TrainerBusy,
    TrainingFailed,
    TrainingLate,
)
from specializer.head_trainer import TrainingOrder, TrainingResult
from specializer.training_effort import TrainingEffort

_SEEDS = 1 << 64


class _Outcome(Future[TrainingResult]):
    """What becomes of an order that has left the device: cancelled, it still ends, to tell what it took."""

    call: grpc.Future[pb.TrainHeadResponse] | None = None

    def cancel(self) -> bool:
        """Have the server give it up; see HeadTrainer."""
        if self.call is not None:
            self.call.cancel()
        return False


@dataclass(slots=True, eq=False)
class _Flight:
    order: TrainingOrder
    began_s: float
    up_bytes: int = 0
    result: _Outcome = field(default_factory=_Outcome)


class RemoteHeadTrainer:
    """Implements HeadTrainer by a server's train-a-head call, one connection for all orders.

    Nothing is retried: who wants the head knows best whether it is still wanted, and may have it
    trained here.

    Args:
        endpoint: of the server; connected to with the first order.
        catalog: of this device; a head comes only from a server that has the same trunk and classes.
        credentials: what is shown to the server.
        limits: what the server takes.
        clock: seconds, monotonic.

    Raises:
        BadInput: a token would travel unencrypted between machines.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        catalog: Catalog,
        credentials: Credentials = PLAIN,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        credentials.check(endpoint)
        self._where = f"cloud {endpoint}"
        self._catalog = catalog
        self._clock = clock
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._flights: set[_Flight] = set()
        self._closed = False
        self._connection = Connection(endpoint, credentials, limits or Limits(), clock, _nothing_listed)

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        """Send an order; see HeadTrainer. Cancelled, it ends at the server too."""
        flight = _Flight(order, self._clock())
        try:
            message = training_call_to_proto(self._call_of(order))
            flight.up_bytes = message.ByteSize()
            with self._lock:
                if self._closed:
                    raise TrainerBroke(f"{self._where}: closed")
                self._flights.add(flight)
        except TrainingFailed as e:
            flight.result.set_exception(e)
            return flight.result
        ended = partial(self._ended, flight)
        flight.result.call = self._connection.train_head(message, order.deadline_s, ended)
        flight.result.add_done_callback(partial(self._over, flight))
        return flight.result

    def _call_of(self, order: TrainingOrder) -> TrainingCall:
        name = f"head of {order.trunk}/{order.task}"
        if not (isfinite(order.deadline_s) and order.deadline_s > 0.0):
            raise TrainingLate(f"{name}: no time left to train it")
        variant = next(
            (v for v in self._catalog.variants.values() if (v.trunk, v.task) == (order.trunk, order.task)),
            None,
        )
        if variant is None:
            raise NotTrainable(f"{name}: not in the catalog")
        classes = len(self._catalog.tasks[order.task].classes)
        unknown = [c for c in order.dominant if not 0 <= c < classes]
        if unknown:
            raise NotTrainable(f"{name}: classes {unknown}: expected 0 to {classes - 1}")
        return TrainingCall(
            f"head-{next(self._numbers)}",
            variant.id,
            self._catalog.trunks[order.trunk].parts,
            variant.head,
            order.dominant,
            order.seed % _SEEDS,
            order.aim,
            order.generic_trunk,
            order.deadline_s,
        )

    def close(self) -> None:
        """End the orders under way and the connection; see HeadTrainer."""
        with self._lock:
            self._closed = True
            flights = list(self._flights)
        for flight in flights:
            closed = CloudUnreachable(f"{self._where}: closed")
            self._ended(flight, closed)
        self._connection.close()

    def _ended(self, flight: _Flight, outcome: Reply[pb.TrainHeadResponse] | CloudError) -> None:
        try:
            self._end(flight, self._read(flight, outcome))
        except Exception as e:  # one that is not ended here would never end
            broke = TrainerBroke(f"{self._where}: a head that makes no sense")
            broke.__cause__ = e
            self._end(flight, broke.took(self._effort(flight, outcome)))

    def _read(
        self, flight: _Flight, outcome: Reply[pb.TrainHeadResponse] | CloudError
    ) -> TrainingResult | TrainingFailed:
        effort = self._effort(flight, outcome)
        if isinstance(outcome, CloudError):
            return _failure(outcome).took(effort)
        message, exchange = outcome.message, outcome.exchange
        if message.WhichOneof("outcome") == "rejected":
            return HeadRejected(f"{self._where}: {message.rejected}").took(effort)
        trunk = self._catalog.trunks[flight.order.trunk]
        classes = len(self._catalog.tasks[flight.order.task].classes)
        head = special_head_from_proto(message.head, flight.order.dominant, trunk.feature_dim, classes)
        return TrainingResult(
            head,
            self._clock() - flight.began_s,
            effort.processor_s,
            exchange.up_bytes,
            exchange.down_bytes,
        )

    def _effort(self, flight: _Flight, outcome: Reply[pb.TrainHeadResponse] | CloudError) -> TrainingEffort:
        """Return what an order took; where the server does not say how long it worked, all of the time."""
        if isinstance(outcome, Reply):
            told_s = outcome.message.processor_s
            sense = isfinite(told_s) and told_s >= 0.0
            exchange = outcome.exchange
            return TrainingEffort(told_s if sense else 0.0, exchange.up_bytes, exchange.down_bytes)
        waited_s = self._clock() - flight.began_s if outcome.may_have_run else 0.0
        return TrainingEffort(waited_s, flight.up_bytes, at_most=True)

    def _end(self, flight: _Flight, outcome: TrainingResult | TrainingFailed) -> None:
        """End an order, unless it has ended: the first outcome stands."""
        with suppress(InvalidStateError):
            if isinstance(outcome, TrainingFailed):
                flight.result.set_exception(outcome)
            else:
                flight.result.set_result(outcome)

    def _over(self, flight: _Flight, result: Future[TrainingResult]) -> None:  # noqa: ARG002
        with self._lock:
            self._flights.discard(flight)
        if flight.result.call is not None:
            flight.result.call.cancel()


def _nothing_listed(up_bytes: int, down_bytes: int) -> None:
    raise AssertionError(f"listing of {up_bytes} and {down_bytes} bytes: this connection never asks for one")


def _failure(error: CloudError) -> TrainingFailed:
    """Return what the failure of a call means for an order; the cause is kept."""
    failure: TrainingFailed
    if isinstance(error, CloudBusy):
        failure = TrainerBusy(str(error), error.retry_after_s)
    elif isinstance(error, CloudTimeout):
        failure = TrainingLate(str(error))
    elif isinstance(error, CloudRefused | CloudIncompatible):
        failure = NotTrainable(str(error))
    else:
        failure = TrainerBroke(str(error))
    failure.__cause__ = error
    return failure
