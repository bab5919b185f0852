"""What the engine needs from a cloud: its verbs, their values, and the cloud that is not there."""

from __future__ import annotations

import math
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import OffloadFailed

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Question:
    """One app asking one variant.

    Args:
        app: name of the app; once a request.
        variant: id of the variant that shall answer, "<trunk>/<task>".
    """

    app: str
    variant: str


@dataclass(frozen=True, slots=True, eq=False)
class PassedFeatures:
    """What the first parts of a trunk gave here for some windows.

    Args:
        part_ids: those parts, in order; every variant that is asked begins with them and goes on.
        values: (N, ...) float32, the output of the last of them; travels in half precision.
    """

    part_ids: tuple[str, ...]
    values: Float32


@dataclass(frozen=True, slots=True, eq=False)
class OffloadRequest:
    """Questions about the same windows; parts that they share run once, and pixels are sent once.

    Args:
        id: comes back in the answer.
        questions: at least one; all about the same input type.
        windows: at least one crop with its margin, (H, W, 3) uint8 RGB, of any size: the other side
            resizes by the input type's rule, which leaves a crop of the trunk's size as it is. An
            array (N, S, S, 3) is such a sequence: tuple(array). Empty where there are features.
        deadline_s: for how long an answer is of use, from now; positive and finite.
        features: in place of windows: the device has run the first parts itself.
    """

    id: str
    questions: tuple[Question, ...]
    windows: tuple[UInt8, ...]
    deadline_s: float
    features: PassedFeatures | None = None


@dataclass(frozen=True, slots=True)
class OffloadedAnswer:
    """The answer about one window.

    Args:
        class_name: one of the task's classes.
        confidence: calibrated, in [0, 1].
    """

    class_name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class OffloadAnswer:
    """What came back, and what it took.

    Args:
        request_id: of the request.
        answers: one row a question, in the order asked; in it one answer a window, in the order sent.
        queue_s: from the request's arrival at the server to the start of its work.
        execution_s: of that work, loading included.
        batch_windows: windows that ran together.
        up_bytes: payload sent by the device.
        down_bytes: payload received by the device.
        round_trip_s: from sending to receiving, at the device.
    """

    request_id: str
    answers: tuple[tuple[OffloadedAnswer, ...], ...]
    queue_s: float
    execution_s: float
    batch_windows: int
    up_bytes: int = 0
    down_bytes: int = 0
    round_trip_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OfferedVariant:
    """A variant that the other side answers with, known by the hashes of what it consists of.

    Args:
        id: "<trunk>/<task>".
        part_ids: of its trunk, in order.
        head_id: of its head.
        run_s: execution time of one window there, as far as the other side has told; None before.
    """

    id: str
    part_ids: tuple[str, ...]
    head_id: str
    run_s: float | None = None


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What has gone to and fro beside requests since the start: looking for the other side, measuring.

    Args:
        calls: that were begun.
        up_bytes: payload sent by the device.
        down_bytes: payload received by the device.
    """

    calls: int = 0
    up_bytes: int = 0
    down_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LinkState:
    """What is known of the way to the other side, from the requests of the last minutes.

    Args:
        connected: whether a request sent now is expected to be answered.
        round_trip_s: of a message of no size, the other side's work left out.
        up_bytes_per_s: from here; infinite where nothing is known.
        down_bytes_per_s: to here; likewise.
        lost_share: of requests that got no answer in time, in [0, 1].
        queue_s: how long requests wait at the other side, as it last said.
        offered: what it answers with; empty before it has said so.
        upkeep: since the start.
    """

    connected: bool = False
    round_trip_s: float = 0.0
    up_bytes_per_s: float = math.inf
    down_bytes_per_s: float = math.inf
    lost_share: float = 0.0
    queue_s: float = 0.0
    offered: tuple[OfferedVariant, ...] = ()
    upkeep: Upkeep = Upkeep()


@dataclass(frozen=True, slots=True)
class ExpectedPicture:
    """A window as it travels when one variant is asked about it; with others it loses as much or less.

    Args:
        size_bytes: as far as is known.
        accuracy_loss: share of right answers that the variant loses by it, in [0, 1].
    """

    size_bytes: float
    accuracy_loss: float = 0.0


class Offload(Protocol):
    """Answers questions somewhere else; may be called by several threads at once."""

    def submit(self, request: OffloadRequest) -> Future[OffloadAnswer]:
        """Begin a request and return at once; what is done at the other side after a cancel is unknown.

        The future ends with an answer, or with OffloadFailed, by the request's deadline.
        """

    def state(self) -> LinkState:
        """Return what is known of the way to the other side; takes microseconds, waits for nothing."""

    def picture(self, variant: str, size_px: int, /) -> ExpectedPicture:
        """Return as what a window of that side travels when a variant is asked about it."""

    def close(self) -> None:
        """End what is under way and let go of the connection."""


_NOWHERE = LinkState()


class NoCloud:
    """The cloud of an engine that has none."""

    def submit(self, request: OffloadRequest) -> Future[OffloadAnswer]:
        """Fail; see Offload."""
        failed: Future[OffloadAnswer] = Future()
        failed.set_exception(
            OffloadFailed(f"request {request.id}: no cloud is configured: add [cloud] endpoint to use one")
        )
        return failed

    def state(self) -> LinkState:
        """Return that there is none; see Offload."""
        return _NOWHERE

    def picture(self, _: str, size_px: int, /) -> ExpectedPicture:
        """Return plain pixels; see Offload."""
        return ExpectedPicture(3.0 * size_px * size_px)

    def close(self) -> None:
        """There is nothing to close; see Offload."""
