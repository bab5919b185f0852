"""What a device learns when the cloud gives no answer, and the one place where grpc's errors end.

OffloadFailed (engine)
└── CloudError               a call to the server gave no answer
    ├── CloudUnreachable     no connection, a lost connection, or a server that is stopping
    ├── CloudTimeout         the deadline passed
    ├── CloudBusy            the server's queue is full; retry_after_s says when to come back
    ├── CloudRefused         the server will not answer this request, now or later
    │   ├── CloudLacksVariant    it has no such variant: its catalog is another one
    │   ├── CloudLacksMemory     the variant does not fit into its memory
    │   └── CloudDenied          it does not let this device in
    ├── CloudIncompatible    the two sides do not speak the same protocol
    └── CloudBroken          the server failed
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from engine.errors import OffloadFailed

RETRY_AFTER_KEY = "retry-after-s"


class CloudError(OffloadFailed):
    """A call to the server gave no answer."""


class CloudUnreachable(CloudError):
    """No connection, a lost connection, or a server that is stopping."""


class CloudTimeout(CloudError):
    """The deadline passed."""


class CloudBusy(CloudError):
    """The server's queue is full.

    Args:
        retry_after_s: when it expects to have room.
    """

    may_have_run = False

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CloudRefused(CloudError):
    """The server will not answer this request, now or later."""

    may_have_run = False


class CloudLacksVariant(CloudRefused):
    """The server has no such variant: its catalog is another one."""


class CloudLacksMemory(CloudRefused):
    """The variant does not fit into the server's memory."""


class CloudDenied(CloudRefused):
    """The server does not let this device in."""


class CloudIncompatible(CloudError):
    """The two sides do not speak the same protocol."""


class CloudBroken(CloudError):
    """The server failed."""


_BY_CODE: dict[grpc.StatusCode, type[CloudError]] = {
    grpc.StatusCode.CANCELLED: CloudUnreachable,
    grpc.StatusCode.UNKNOWN: CloudBroken,
    grpc.StatusCode.INVALID_ARGUMENT: CloudRefused,
    grpc.StatusCode.DEADLINE_EXCEEDED: CloudTimeout,
    grpc.StatusCode.NOT_FOUND: CloudLacksVariant,
    grpc.StatusCode.ALREADY_EXISTS: CloudRefused,
    grpc.StatusCode.PERMISSION_DENIED: CloudDenied,
    # grpc's own, for a message over the size limit; a full queue comes with RETRY_AFTER_KEY.
    grpc.StatusCode.RESOURCE_EXHAUSTED: CloudRefused,
    grpc.StatusCode.FAILED_PRECONDITION: CloudLacksMemory,
    grpc.StatusCode.ABORTED: CloudBroken,
    grpc.StatusCode.OUT_OF_RANGE: CloudRefused,
    grpc.StatusCode.UNIMPLEMENTED: CloudIncompatible,
    grpc.StatusCode.INTERNAL: CloudBroken,
    grpc.StatusCode.UNAVAILABLE: CloudUnreachable,
    grpc.StatusCode.DATA_LOSS: CloudBroken,
    grpc.StatusCode.UNAUTHENTICATED: CloudDenied,
}


@contextmanager
def translated(endpoint: str) -> Iterator[None]:
    """Turn every error of grpc into a CloudError that names the endpoint; the cause is kept."""
    try:
        yield
    except grpc.RpcError as e:
        raise _cloud_error(e, f"cloud {endpoint}") from e
    except ValueError as e:
        # How grpc says that the channel was closed while the call began.
        raise CloudUnreachable(f"cloud {endpoint}: {e}") from e


def _cloud_error(error: Exception, where: str) -> CloudError:
    if not isinstance(error, grpc.Call):
        return CloudBroken(f"{where}: {error}")
    code: grpc.StatusCode = error.code()
    message = f"{where}: {error.details() or code.name}"
    retry_after_s = _retry_after_s(error)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after_s is not None:
        return CloudBusy(message, retry_after_s)
    return _BY_CODE[code](message)


def error_of_code(number: int, message: str, retry_after_s: float | None) -> CloudError:
    """Return the error that stands for a gRPC status code, as it comes in a stream."""
    by_number: dict[int, grpc.StatusCode] = {code.value[0]: code for code in _BY_CODE}
    code = by_number.get(number, grpc.StatusCode.UNKNOWN)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after_s is not None:
        return CloudBusy(message, max(0.0, retry_after_s))
    return _BY_CODE[code](message)


def _retry_after_s(call: grpc.Call) -> float | None:
    for key, value in call.trailing_metadata() or ():
        if key == RETRY_AFTER_KEY:
            try:
                return max(0.0, float(value))
            except ValueError:
                return None
    return None
