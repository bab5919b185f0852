"""What a server takes: sizes that bound the memory and time that one request can cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from cloud.messages import ClassifyCall, Encoding
from cloud.refusals import BadRequest
from engine.offload import Question

_RAW = Encoding.RAW_RGB  # to look it up in its class is a call of Python code


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on requests.

    Args:
        message_bytes: of one message, encoded.
        questions: in a request.
        windows: in a request.
        side_px: of a window.
        pixels: of all windows of a request together, as declared; a picture whose header declares
            something else is not decoded.
        name_chars: of a request id, an app or a variant.
        waiting: requests queued or running; further ones are refused at once.
        waiting_bytes: of their pictures as they came; a request with nothing before it is taken.
        streamed: requests of one stream that are under way; further ones are read later.
        batch_windows: windows that run together; further ones follow.
        classes: that a trained head may be for.
    """

    message_bytes: int = 8 * 1024 * 1024
    questions: int = 64
    windows: int = 64
    side_px: int = 4096
    pixels: int = 16 * 1024 * 1024
    name_chars: int = 200
    waiting: int = 256
    waiting_bytes: int = 256 * 1024 * 1024
    streamed: int = 64
    batch_windows: int = 16
    classes: int = 1024


def check_questions(questions: Sequence[Question], head_ids: Sequence[str], limits: Limits) -> None:
    """Check what a request asks, which needs checking once however often it is asked.

    Raises:
        BadRequest: naming the first rule that it breaks.
    """
    _check_count("questions", len(questions), limits.questions)
    for i, question in enumerate(questions):
        _check_name(f"questions[{i}].app", question.app, limits)
        _check_name(f"questions[{i}].variant", question.variant, limits)
    if any(len(h) > limits.name_chars for h in head_ids):
        raise BadRequest(f"questions: a head_id of more than {limits.name_chars} characters")
    if len({q.app for q in questions}) != len(questions):
        raise BadRequest("questions: an app stands twice: expected one question an app")


def check_contents(call: ClassifyCall, limits: Limits) -> None:
    """Check the rest of a request before anything of it is decoded.

    Raises:
        BadRequest: naming the first rule that it breaks.
    """
    _check_name("request_id", call.request_id, limits)
    if not (isfinite(call.deadline_s) and call.deadline_s > 0.0):
        raise BadRequest(f"deadline_s = {call.deadline_s}: expected a positive number of seconds")
    if call.features is None:
        _check_count("pictures", len(call.pictures), limits.windows)
    else:
        _check_count("features: windows", call.features.windows, limits.windows)
        if call.pictures:
            raise BadRequest("pictures and features: expected one of them")
    _check_sizes(call, limits)


def _check_name(where: str, name: str, limits: Limits) -> None:
    if not 1 <= len(name) <= limits.name_chars:
        raise BadRequest(f"{where}: {len(name)} characters: expected 1 to {limits.name_chars}")


def _check_count(what: str, found: int, most: int) -> None:
    if not 1 <= found <= most:
        raise BadRequest(f"{what}: {found}: expected 1 to {most}")


def _check_sizes(call: ClassifyCall, limits: Limits) -> None:
    pixels = 0
    for i, picture in enumerate(call.pictures):
        width, height = picture.width_px, picture.height_px
        if not (1 <= width <= limits.side_px and 1 <= height <= limits.side_px):
            raise BadRequest(f"pictures[{i}]: {width} x {height}: expected sides of 1 to {limits.side_px} px")
        expected = 3 * width * height
        if picture.encoding is _RAW and len(picture.data) != expected:
            raise BadRequest(
                f"pictures[{i}]: {len(picture.data)} bytes: expected {expected} for {width} x {height} RGB"
            )
        pixels += width * height
    if pixels > limits.pixels:
        raise BadRequest(f"pictures: {pixels} pixels together: expected at most {limits.pixels}")
