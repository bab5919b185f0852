"""Pure mappings between values and protobuf: x_to_proto and x_from_proto, each the other's inverse."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from catalog.errors import BadInput
from catalog.tasks import InputType, Resize
from cloud.errors import CloudError, CloudIncompatible, error_of_code
from cloud.messages import (
    CatalogListing,
    ClassifyCall,
    Encoding,
    Features,
    OfferedTask,
    OfferedTrunk,
    OfferedVariant,
    Picture,
)
from cloud.refusals import BadRequest
from cloud.rpc.v1 import classify_pb2 as pb
from engine.offload import OffloadAnswer, OffloadedAnswer, Question

_HASH_DIGITS = 16
_ENCODING_TO_PROTO = {
    Encoding.RAW_RGB: pb.ENCODING_RAW_RGB,
    Encoding.PNG: pb.ENCODING_PNG,
    Encoding.JPEG: pb.ENCODING_JPEG,
}
_ENCODING_FROM_PROTO = {number: encoding for encoding, number in _ENCODING_TO_PROTO.items()}


def call_to_proto(call: ClassifyCall) -> pb.ClassifyRequest:
    """Return the message of a call."""
    heads = call.head_ids or ("",) * len(call.questions)
    return pb.ClassifyRequest(
        request_id=call.request_id,
        questions=[
            pb.Question(app=q.app, variant=q.variant, head_id=head)
            for q, head in zip(call.questions, heads, strict=True)
        ],
        pictures=[picture_to_proto(p) for p in call.pictures],
        deadline_s=call.deadline_s,
        features=None if call.features is None else features_to_proto(call.features),
    )


def questions_from_proto(
    messages: Sequence[pb.Question],
) -> tuple[tuple[Question, ...], tuple[str, ...]]:
    """Return the questions of a call, and the heads that they name as in ClassifyCall."""
    heads = tuple(q.head_id for q in messages)
    return tuple(Question(q.app, q.variant) for q in messages), heads if any(heads) else ()


def call_from_proto(
    message: pb.ClassifyRequest, questions: tuple[Question, ...], head_ids: tuple[str, ...]
) -> ClassifyCall:
    """Return the call of a message; its values are not checked yet.

    Args:
        message: as it came.
        questions: of it, see questions_from_proto.
        head_ids: likewise.

    Raises:
        BadRequest: an encoding that this version does not know.
    """
    return ClassifyCall(
        message.request_id,
        questions,
        tuple([picture_from_proto(p) for p in message.pictures]),
        message.deadline_s,
        features_from_proto(message.features) if message.HasField("features") else None,
        head_ids,
    )


def features_to_proto(features: Features) -> pb.Features:
    """Return the message of features."""
    return pb.Features(part_ids=features.part_ids, windows=features.windows, float16=features.float16)


def features_from_proto(message: pb.Features) -> Features:
    """Return the features of a message."""
    return Features(tuple(message.part_ids), message.windows, message.float16)


def picture_to_proto(picture: Picture) -> pb.Picture:
    """Return the message of a picture."""
    return pb.Picture(
        encoding=_ENCODING_TO_PROTO[picture.encoding],
        width_px=picture.width_px,
        height_px=picture.height_px,
        data=picture.data,
    )


def picture_from_proto(message: pb.Picture) -> Picture:
    """Return the picture of a message.

    Raises:
        BadRequest: an encoding that this version does not know.
    """
    encoding = _ENCODING_FROM_PROTO.get(message.encoding)
    if encoding is None:
        raise BadRequest(f"encoding {message.encoding}: expected one of {sorted(_ENCODING_FROM_PROTO)}")
    return Picture(encoding, message.width_px, message.height_px, message.data)


def answer_to_proto(answer: OffloadAnswer) -> pb.ClassifyResponse:
    """Return the message of an answer; what only the device knows of it does not travel."""
    message = pb.ClassifyResponse(
        request_id=answer.request_id,
        queue_s=answer.queue_s,
        execution_s=answer.execution_s,
        batch_windows=answer.batch_windows,
    )
    for row in answer.answers:  # added in place: messages that are given are copied
        windows = message.answers.add().windows
        for one in row:
            windows.add(class_name=one.class_name, confidence=one.confidence)
    return message


def answer_from_proto(message: pb.ClassifyResponse) -> OffloadAnswer:
    """Return the answer of a message, with nothing yet of what only the device knows."""
    return OffloadAnswer(
        message.request_id,
        tuple(
            tuple(OffloadedAnswer(a.class_name, a.confidence) for a in row.windows) for row in message.answers
        ),
        message.queue_s,
        message.execution_s,
        message.batch_windows,
    )


def refusal_from_proto(message: pb.Refused, where: str) -> CloudError:
    """Return what a refusal in a stream means at the device.

    Args:
        message: as it came.
        where: names the server.
    """
    retry_after_s = message.retry_after_s if message.HasField("retry_after_s") else None
    return error_of_code(message.code, f"{where}: {message.message}", retry_after_s)


def listing_to_proto(listing: CatalogListing) -> pb.ListCatalogResponse:
    """Return the message of a listing, with the hash by which a device sees that it has changed."""
    message = pb.ListCatalogResponse(
        input_types=[
            pb.InputType(name=i.name, size_px=i.size_px, resize=i.resize, margin=i.margin)
            for i in listing.input_types
        ],
        tasks=[pb.Task(name=t.name, input_type=t.input_type, classes=t.classes) for t in listing.tasks],
        trunks=[
            pb.Trunk(name=t.name, input_type=t.input_type, size_px=t.size_px, part_ids=t.part_ids)
            for t in listing.trunks
        ],
        variants=[
            pb.Variant(
                id=v.id,
                task=v.task,
                trunk=v.trunk,
                head_id=v.head_id,
                validation_accuracy=v.validation_accuracy,
            )
            for v in listing.variants
        ],
        description_id=listing.description_id,
    )
    digest = hashlib.sha256(message.SerializeToString(deterministic=True))
    message.catalog_hash = digest.hexdigest()[:_HASH_DIGITS]
    return message


def listing_from_proto(message: pb.ListCatalogResponse) -> CatalogListing:
    """Return the listing of a message.

    Raises:
        CloudIncompatible: an input type that this version does not understand.
    """
    return CatalogListing(
        tuple(_input_type_from_proto(i) for i in message.input_types),
        tuple(OfferedTask(t.name, t.input_type, tuple(t.classes)) for t in message.tasks),
        tuple(OfferedTrunk(t.name, t.input_type, t.size_px, tuple(t.part_ids)) for t in message.trunks),
        tuple(
            OfferedVariant(v.id, v.task, v.trunk, v.head_id, v.validation_accuracy) for v in message.variants
        ),
        message.description_id,
    )


def _input_type_from_proto(message: pb.InputType) -> InputType:
    try:
        return InputType(message.name, message.size_px, Resize(message.resize), message.margin)
    except (ValueError, BadInput) as e:
        raise CloudIncompatible(f"input type {message.name}: {e}") from e
