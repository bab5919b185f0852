"""The device's side of one request: the message that travels, and the check of what comes back."""

from __future__ import annotations

from collections.abc import Callable

from cloud.errors import CloudIncompatible, CloudRefused
from cloud.messages import ClassifyCall, Picture
from cloud.pictures import UInt8, half_precision
from engine.offload import OffloadAnswer, OffloadRequest


def call_of(
    request: OffloadRequest,
    encode: Callable[[UInt8], Picture],
    left_s: float,
    head_ids: tuple[str, ...] = (),
) -> ClassifyCall:
    """Return a request as it travels, its windows or features encoded.

    Args:
        request: the engine's.
        encode: how a window (H, W, 3) uint8 RGB becomes a picture.
        left_s: to its deadline.
        head_ids: of the variants that are asked, "" for any.
    """
    pictures = tuple(encode(w) for w in request.windows)
    passed = request.features
    features = None if passed is None else half_precision(passed.values, passed.part_ids)
    return ClassifyCall(request.id, request.questions, pictures, left_s, features, head_ids)


def check_size(size_bytes: int, most_bytes: int, where: str) -> None:
    """Refuse what the server would not take.

    Raises:
        CloudRefused: the message is larger.
    """
    if size_bytes > most_bytes:
        raise CloudRefused(
            f"{where}: {size_bytes} bytes: the limit is {most_bytes}: send fewer or smaller windows"
        )


def check_answer(answer: OffloadAnswer, request: OffloadRequest, where: str) -> None:
    """Check that an answer has a row for each question and an answer in it for each window.

    Raises:
        CloudIncompatible: it has not, or is to another request.
    """
    windows = len(request.windows) if request.features is None else len(request.features.values)
    expected = [windows] * len(request.questions)
    if answer.request_id != request.id or [len(row) for row in answer.answers] != expected:
        raise CloudIncompatible(f"{where}: the answer is to something else")
