"""What depends on the service's own clock; everything else of it is tested through a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from cloud.head_training import NoTraining
from cloud.limits import Limits
from cloud.pictures import raw_picture
from cloud.refusals import TooLate
from cloud.request_log import RequestLog
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.service import OffloadService
from cloud.tree_run import BatchResult, Job
from cloud.wire import picture_to_proto
from tests.cloud.loopback import GatedHost

PATIENCE_S = 2.0


class SlowHost(GatedHost):
    """Takes a time of its own clock for each batch, and waits for nobody."""

    def __init__(self, takes_s: float) -> None:
        super().__init__()
        self.gate.set()
        self.now_s = 100.0
        self.takes_s = takes_s

    def clock(self) -> float:
        return self.now_s

    def run(self, jobs: Sequence[Job]) -> BatchResult:
        self.now_s += self.takes_s
        return super().run(jobs)


class Context:
    """Of one call, that has no deadline of its own; keeps what it was ended with."""

    ended: tuple[grpc.StatusCode, str] | None = None

    def time_remaining(self) -> None:
        return None

    def peer(self) -> str:
        return "here"

    async def abort(self, code: grpc.StatusCode, details: str, _: object) -> None:
        self.ended = code, details
        raise grpc.aio.AbortError


def asked(host: SlowHost, context: Context) -> pb.ClassifyResponse | None:
    """Ask once; None for no answer."""
    window = picture_to_proto(raw_picture(np.zeros((16, 16, 3), np.uint8)))
    question = pb.Question(app="a", variant="v")
    message = pb.ClassifyRequest(
        request_id="r", questions=[question], pictures=[window], deadline_s=PATIENCE_S
    )

    async def ask() -> pb.ClassifyResponse | None:
        log = RequestLog(lambda _: None, 200)
        with ThreadPoolExecutor(1) as preparing:
            service = OffloadService(
                host, preparing, Limits(), log, lambda c: c.peer(), NoTraining(), host.clock
            )
            try:
                return await service.Classify(message, context)
            except grpc.aio.AbortError:
                return None
            finally:
                service.stop()

    return asyncio.run(ask())


@pytest.mark.parametrize("takes_s", [0.0, 0.9 * PATIENCE_S])
def test_what_is_done_by_its_deadline_is_answered(takes_s: float) -> None:
    answer = asked(SlowHost(takes_s), Context())
    assert answer is not None
    assert answer.request_id == "r"


def test_what_was_done_after_its_deadline_is_not_sent() -> None:
    context = Context()
    assert asked(SlowHost(1.5 * PATIENCE_S), context) is None
    assert context.ended == (TooLate.code, "it was done 1.000 s after its deadline")
