"""What a server says no to, and the status that goes with it.

McdnnError
└── Refusal              its message goes to the device: it never holds a path or an inner error
    ├── BadRequest       the request breaks a rule            INVALID_ARGUMENT
    ├── UnknownVariant   not in this server's catalog         NOT_FOUND
    ├── UnknownPiece     not in this server's catalog         NOT_FOUND
    ├── PastTheEnd       an offset behind a piece's end       OUT_OF_RANGE
    ├── DoesNotFit       larger than this server's memory     FAILED_PRECONDITION
    ├── Untrainable      no head can be trained for that      FAILED_PRECONDITION
    ├── QueueFull        come back after retry_after_s        RESOURCE_EXHAUSTED
    ├── TooLate          it waited too long for its deadline  DEADLINE_EXCEEDED
    ├── Denied           no token that the server knows       UNAUTHENTICATED
    ├── Stopping         the server takes nothing new         UNAVAILABLE
    └── Broken           the server failed; its log says how  INTERNAL
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from catalog.errors import McdnnError


class Refusal(McdnnError):
    """The answer to a request is no."""

    code: ClassVar[grpc.StatusCode]


class BadRequest(Refusal):
    """The request breaks a rule, which the message names."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class UnknownVariant(Refusal):
    """The variant is not in this server's catalog."""

    code = grpc.StatusCode.NOT_FOUND


class UnknownPiece(Refusal):
    """The part or head is not in this server's catalog."""

    code = grpc.StatusCode.NOT_FOUND


class PastTheEnd(Refusal):
    """The offset lies behind the end of a piece."""

    code = grpc.StatusCode.OUT_OF_RANGE


class DoesNotFit(Refusal):
    """What was asked for is larger than this server's memory."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class Untrainable(Refusal):
    """No head can be trained for that: no features, too few, or no training at this server at all."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class QueueFull(Refusal):
    """The queue is full.

    Args:
        retry_after_s: when there should be room.
    """

    code = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooLate(Refusal):
    """The deadline passed, or would have before the work was done."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Denied(Refusal):
    """The call carries no token that the server knows."""

    code = grpc.StatusCode.UNAUTHENTICATED


class Stopping(Refusal):
    """The server takes nothing new."""

    code = grpc.StatusCode.UNAVAILABLE


class Broken(Refusal):
    """The server failed; its log says how."""

    code = grpc.StatusCode.INTERNAL
