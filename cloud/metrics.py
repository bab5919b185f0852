"""What an operator watches, in the text format of Prometheus."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, RestrictedRegistry

from cloud.hosting import MemoryFigures
from engine.offload import OffloadAnswer

Noted = TypeVar("Noted")

_MOST_UNCOUNTED = 32  # more would hold up the one answer that waits for their counting
_WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128)
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class ServerState:
    """What is in the server now.

    Args:
        requests: prepared, queued or running.
        held_bytes: of their pictures as they came.
        drained_in_s: when they should be done.
        memory: parts and heads.
        trainings: of heads, waiting or running.
    """

    requests: int
    held_bytes: int
    drained_in_s: float
    memory: MemoryFigures
    trainings: int = 0


class _SettledRegistry(CollectorRegistry):
    """Counts what was put down before anybody reads, all metrics or some by name (`?name[]=`)."""

    def __init__(self, settle: Callable[[], None]) -> None:
        super().__init__()
        self._settle = settle

    def collect(self) -> Iterable[Metric]:
        self._settle()
        return super().collect()

    def restricted_registry(self, names: Iterable[str]) -> RestrictedRegistry:
        self._settle()
        return super().restricted_registry(names)


class _StateCollector(Collector):
    """Read when it is asked for: it costs a request nothing."""

    def __init__(self, state: Callable[[], ServerState]) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        state = self._state()
        memory = state.memory
        yield GaugeMetricFamily("mcdnn_requests_waiting", "Queued or running.", state.requests)
        yield GaugeMetricFamily("mcdnn_waiting_bytes", "Of their pictures.", state.held_bytes)
        yield GaugeMetricFamily("mcdnn_drained_in_seconds", "Until they are done.", state.drained_in_s)
        yield GaugeMetricFamily("mcdnn_trainings_waiting", "Heads, queued or trained.", state.trainings)
        yield GaugeMetricFamily("mcdnn_resident_bytes", "Of parts and heads.", memory.resident_bytes)
        yield CounterMetricFamily("mcdnn_loads", "Parts and heads loaded.", memory.loads)
        yield CounterMetricFamily("mcdnn_evictions", "Parts and heads evicted.", memory.evictions)
        yield CounterMetricFamily("mcdnn_failed_loads", "Not loaded.", memory.failed_loads)


class ServerMetrics:
    """Counts requests and batches; used on the event loop.

    Answers and batches are put down and counted some at a time, or when somebody reads metrics: one
    answer in many waits for that, the others do not.

    Args:
        state: what is in the server now; asked by whoever reads the metrics.
    """

    def __init__(self, state: Callable[[], ServerState]) -> None:
        self._answered: deque[OffloadAnswer] = deque()
        self._ran: deque[tuple[int, float]] = deque()
        self.registry: CollectorRegistry = _SettledRegistry(self._settle)
        self.registry.register(_StateCollector(state))
        self._requests = Counter("mcdnn_requests", "By status.", ["status"], registry=self.registry)
        self._windows = Counter("mcdnn_windows", "Windows answered.", registry=self.registry)
        self._batches = self._histogram("mcdnn_batch_windows", "Windows of a batch.", _WINDOWS)
        self._batch_s = self._histogram("mcdnn_batch_seconds", "Loading and running a batch.", _SECONDS)
        self._queue_s = self._histogram("mcdnn_queue_seconds", "Waiting of a request.", _SECONDS)
        self._execution_s = self._histogram("mcdnn_execution_seconds", "A request's share.", _SECONDS)

        self._trainings = Counter("mcdnn_trainings", "Heads, by status.", ["status"], registry=self.registry)
        self._training_s = self._histogram("mcdnn_training_seconds", "Processor time of a head.", _SECONDS)

    def _histogram(self, name: str, about: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, about, buckets=buckets, registry=self.registry)

    def answered(self, answer: OffloadAnswer) -> None:
        """Note that a request was answered."""
        self._answered.append(answer)
        if len(self._answered) >= _MOST_UNCOUNTED:
            self._settle()

    def ended(self, status: str) -> None:
        """Note that a request ended without an answer.

        Args:
            status: name of the gRPC status.
        """
        self._requests.labels(status).inc()

    def training_ended(self, status: str, processor_s: float = 0.0) -> None:
        """Note that an order of a head ended.

        Args:
            status: name of the gRPC status.
            processor_s: of the training; 0 where none was done.
        """
        self._trainings.labels(status).inc()
        if processor_s:
            self._training_s.observe(processor_s)

    def batch(self, windows: int, took_s: float) -> None:
        """Note that a batch ran."""
        self._ran.append((windows, took_s))
        if len(self._ran) >= _MOST_UNCOUNTED:
            self._settle()

    def _settle(self) -> None:
        """Count what was put down; any thread."""
        while (answer := _first_of(self._answered)) is not None:
            self._count(answer)
        while (ran := _first_of(self._ran)) is not None:
            windows, took_s = ran
            self._batches.observe(windows)
            self._batch_s.observe(took_s)

    def _count(self, answer: OffloadAnswer) -> None:
        self._requests.labels("OK").inc()
        self._windows.inc(sum(len(row) for row in answer.answers[:1]))
        self._queue_s.observe(answer.queue_s)
        self._execution_s.observe(answer.execution_s)


def _first_of(noted: deque[Noted]) -> Noted | None:
    """Take the first out; others may be taking, too."""
    try:
        return noted.popleft()
    except IndexError:
        return None
