from __future__ import annotations

import grpc
import pytest

from cloud.errors import (
    RETRY_AFTER_KEY,
    CloudBroken,
    CloudBusy,
    CloudError,
    CloudRefused,
    CloudUnreachable,
    translated,
)
from engine.errors import OffloadFailed


class Failed(grpc.RpcError, grpc.Call):
    """What grpc raises: an error that is also the call that failed."""

    def __init__(self, code, details="said so", metadata=()):
        self._code, self._details, self._metadata = code, details, metadata

    def code(self):
        return self._code

    def details(self):
        return self._details

    def trailing_metadata(self):
        return self._metadata

    def initial_metadata(self):
        return ()

    def is_active(self):
        return False

    def time_remaining(self):
        return None

    def cancel(self):
        return False

    def add_callback(self, callback):
        return False


def caught(error: Exception) -> CloudError:
    with pytest.raises(CloudError) as raised, translated("box:1"):
        raise error
    assert raised.value.__cause__ is error
    return raised.value


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK])
def test_every_status_of_grpc_becomes_a_cloud_error_that_names_the_endpoint(code: grpc.StatusCode) -> None:
    error = caught(Failed(code))
    assert isinstance(error, OffloadFailed)
    assert str(error) == "cloud box:1: said so"


def test_a_status_without_details_is_named() -> None:
    assert str(caught(Failed(grpc.StatusCode.UNAVAILABLE, ""))) == "cloud box:1: UNAVAILABLE"


def test_a_full_queue_says_when_to_come_back() -> None:
    error = caught(Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, metadata=((RETRY_AFTER_KEY, "0.25"),)))
    assert isinstance(error, CloudBusy)
    assert error.retry_after_s == 0.25


@pytest.mark.parametrize("metadata", [(), None, ((RETRY_AFTER_KEY, "soon"),), (("other", "1"),)])
def test_a_message_over_the_limit_is_refused_and_not_busy(metadata) -> None:
    assert type(caught(Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, metadata=metadata))) is CloudRefused


def test_an_error_without_a_status_is_the_servers() -> None:
    assert type(caught(grpc.RpcError("odd"))) is CloudBroken


def test_a_closed_channel_is_unreachable() -> None:
    assert type(caught(ValueError("Cannot invoke RPC on closed channel!"))) is CloudUnreachable


def test_other_errors_pass_through() -> None:
    with pytest.raises(KeyError), translated("box:1"):
        raise KeyError("x")
