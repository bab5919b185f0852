"""What the engine needs from a cloud: one verb, its values, and the cloud that is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import OffloadFailed

UInt8 = npt.NDArray[np.uint8]


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
class OffloadRequest:
    """Questions about the same windows; parts that they share run once, and pixels are sent once.

    Args:
        id: comes back in the answer.
        questions: at least one; all about the same input type.
        windows: at least one crop with its margin, (H, W, 3) uint8 RGB, of any size: the other side
            resizes by the input type's rule, which leaves a crop of the trunk's size as it is. An
            array (N, S, S, 3) is such a sequence: tuple(array).
        deadline_s: for how long an answer is of use, from now; positive and finite.
    """

    id: str
    questions: tuple[Question, ...]
    windows: tuple[UInt8, ...]
    deadline_s: float


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


class Offload(Protocol):
    """Answers questions somewhere else; may be called by several threads at once."""

    def classify(self, request: OffloadRequest) -> OffloadAnswer:
        """Return the answers within the request's deadline.

        Raises:
            OffloadFailed: there is no answer, or not in time.
        """


class NoCloud:
    """The cloud of an engine that has none."""

    def classify(self, request: OffloadRequest) -> OffloadAnswer:
        """Fail at once; see Offload."""
        raise OffloadFailed(f"request {request.id}: no cloud is configured: add [cloud] endpoint to use one")
