from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.tasks import InputType, Resize
from cloud.answer_stream import refused
from cloud.errors import CloudBusy, CloudIncompatible, CloudRefused, CloudTimeout, CloudUnreachable
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
from cloud.refusals import BadRequest, QueueFull, Refusal, Stopping, TooLate
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.wire import (
    answer_from_proto,
    answer_to_proto,
    call_from_proto,
    call_to_proto,
    listing_from_proto,
    listing_to_proto,
    picture_from_proto,
    picture_to_proto,
    questions_from_proto,
    refusal_from_proto,
)
from engine.offload import OffloadAnswer, OffloadedAnswer, Question

NAMES = st.text(max_size=12)
SIDES = st.integers(0, 2**32 - 1)
SECONDS = st.floats(allow_nan=False)
SHARES = st.floats(0.0, 1.0)


def tuples_of(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(values, max_size=3).map(tuple)


PICTURES = st.builds(Picture, st.sampled_from(Encoding), SIDES, SIDES, st.binary(max_size=40))
QUESTIONS = st.builds(Question, NAMES, NAMES)
FEATURES = st.builds(Features, tuples_of(NAMES), SIDES, st.binary(max_size=40))
ASKED = st.builds(
    ClassifyCall, NAMES, tuples_of(QUESTIONS), tuples_of(PICTURES), SECONDS, st.none() | FEATURES
)
CALLS = ASKED | ASKED.map(lambda c: replace(c, head_ids=tuple(f"h{i}" for i in range(len(c.questions)))))
ANSWERS = st.builds(
    OffloadAnswer,
    NAMES,
    tuples_of(tuples_of(st.builds(OffloadedAnswer, NAMES, SHARES))),
    SECONDS,
    SECONDS,
    SIDES,
)
INPUT_TYPES = st.builds(InputType, NAMES, st.integers(8, 2**32 - 1), st.sampled_from(Resize), SHARES)
LISTINGS = st.builds(
    CatalogListing,
    tuples_of(INPUT_TYPES),
    tuples_of(st.builds(OfferedTask, NAMES, NAMES, tuples_of(NAMES))),
    tuples_of(st.builds(OfferedTrunk, NAMES, NAMES, SIDES, tuples_of(NAMES))),
    tuples_of(st.builds(OfferedVariant, NAMES, NAMES, NAMES, NAMES, SHARES)),
)


def through_bytes(message):
    return type(message).FromString(message.SerializeToString())


@given(PICTURES)
def test_a_picture_comes_back_as_it_was_sent(picture: Picture) -> None:
    assert picture_from_proto(through_bytes(picture_to_proto(picture))) == picture


@given(CALLS)
def test_a_call_comes_back_as_it_was_sent(call: ClassifyCall) -> None:
    message = through_bytes(call_to_proto(call))
    assert call_from_proto(message, *questions_from_proto(message.questions)) == call


@given(ANSWERS)
def test_an_answer_comes_back_as_it_was_sent(answer: OffloadAnswer) -> None:
    assert answer_from_proto(through_bytes(answer_to_proto(answer))) == answer


@given(LISTINGS)
def test_a_listing_comes_back_as_it_was_sent(listing: CatalogListing) -> None:
    assert listing_from_proto(through_bytes(listing_to_proto(listing))) == listing


@pytest.mark.parametrize("error", [Stopping("no"), TooLate("no"), BadRequest("no"), QueueFull("no", 1.5)])
def test_a_refusal_in_a_stream_means_what_it_means_alone(error: Refusal) -> None:
    message = through_bytes(refused("r1", error)).refused
    found = refusal_from_proto(message, "cloud here")
    expected = {
        Stopping: CloudUnreachable,
        TooLate: CloudTimeout,
        BadRequest: CloudRefused,
        QueueFull: CloudBusy,
    }
    assert type(found) is expected[type(error)]
    assert str(found) == "cloud here: no"
    if isinstance(found, CloudBusy):
        assert found.retry_after_s == 1.5


@pytest.mark.parametrize("number", [0, 99])
def test_an_encoding_that_is_not_known_is_a_bad_request(number: int) -> None:
    with pytest.raises(BadRequest, match=f"encoding {number}"):
        picture_from_proto(pb.Picture(encoding=number))


def test_an_input_type_that_is_not_understood_is_named() -> None:
    message = pb.ListCatalogResponse(input_types=[pb.InputType(name="face", size_px=32, resize="fold")])
    with pytest.raises(CloudIncompatible, match=r"face.*fold"):
        listing_from_proto(message)
