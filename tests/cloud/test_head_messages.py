from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catalog.heads import HeadWeights
from cloud.errors import CloudIncompatible
from cloud.head_messages import (
    TrainingCall,
    special_head_from_proto,
    special_head_to_proto,
    training_call_from_proto,
    training_call_to_proto,
)
from cloud.head_training import check_training_call
from cloud.limits import Limits
from cloud.refusals import BadRequest
from cloud.rpc.v1 import classify_pb2 as pb
from specializer.cascade import CascadeRates
from specializer.cascade_threshold import CascadeAim
from specializer.special_head import SpecialHead
from tests.cloud.test_wire import NAMES, SECONDS, SHARES, through_bytes, tuples_of

AIMS = st.builds(CascadeAim, SHARES, SHARES, SHARES)
CALLS = st.builds(
    TrainingCall,
    NAMES,
    NAMES,
    tuples_of(NAMES),
    NAMES,
    tuples_of(st.integers(0, 2**32 - 1)),
    st.integers(0, 2**64 - 1),
    AIMS,
    NAMES,
    SECONDS,
)
WEIGHTS = st.floats(-1e6, 1e6, width=32)
CALL = TrainingCall("r", "wide/identity", ("p",), "h", (1, 2), 0, CascadeAim(0.9, 0.9), "", 1.0)


@st.composite
def special_heads(draw: st.DrawFn) -> SpecialHead:
    dominant, further, dim = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    rows = dominant + further
    classes = draw(st.permutations(range(rows)))
    others = draw(st.sampled_from([(), tuple(classes[dominant:])]))
    temperature = draw(st.floats(0.0625, 16.0, width=32))
    weights = HeadWeights(
        draw(arrays(np.float32, (rows, dim), elements=WEIGHTS)),
        draw(arrays(np.float32, rows, elements=WEIGHTS)),
        temperature,
    )
    shares, threshold = [draw(SHARES) for _ in range(3)], draw(SHARES)
    differences = [draw(st.floats(-1.0, 1.0)) for _ in range(4)]
    right_out, strayed_in = draw(SHARES), draw(SHARES)
    rates = CascadeRates(
        *shares,
        *differences[:2],
        easier_in=differences[2],
        easier_out=differences[3],
        right_out=right_out,
        strayed_in=strayed_in,
    )
    shift = draw(st.floats(0.0, 10.0))
    falls_short = draw(st.booleans())
    own = tuple(classes[:dominant])
    return SpecialHead(weights, own, rates, threshold, falls_short, prior_shift=shift, others=others)


def a_message() -> pb.TrainedHead:
    weights = HeadWeights(np.ones((3, 4), np.float32), np.zeros(3, np.float32), 1.5)
    return special_head_to_proto(SpecialHead(weights, (4, 2), CascadeRates(0.9, 0.05, 0.8), 0.5))


@given(CALLS)
def test_an_order_comes_back_as_it_was_sent(call: TrainingCall) -> None:
    assert training_call_from_proto(through_bytes(training_call_to_proto(call))) == call


@given(special_heads())
def test_a_head_comes_back_as_it_was_sent(head: SpecialHead) -> None:
    message = through_bytes(special_head_to_proto(head))
    rows, dim = head.weights.weight.shape
    found = special_head_from_proto(message, head.dominant, dim, rows)
    assert np.array_equal(found.weights.weight, head.weights.weight)
    assert np.array_equal(found.weights.bias, head.weights.bias)
    assert found.weights.temperature == head.weights.temperature
    assert replace(found, weights=head.weights) == head


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_float32": b""}, "expected more than 2 rows of 4 values"),
        ({"weight_float32": bytes(47)}, "expected more than 2 rows of 4 values"),
        ({"bias_float32": bytes(8), "weight_float32": bytes(32)}, "expected more than 2 rows of 4 values"),
        ({"bias_float32": bytes(11)}, "expected more than 2 rows of 4 values"),
        ({"weight_float32": bytes(48)}, "a trained head with the hash"),
        ({"weight_float32": b"\xff" * 48}, "weights are not finite"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": 2.0}, "a trained head with the hash"),
        ({"head_id": "0" * 16}, "a trained head with the hash"),
        ({"accuracy_in": 1.5}, "figures outside 0 to 1"),
        ({"threshold": float("nan")}, "figures outside 0 to 1"),
        ({"easier_in": -1.5}, "differences outside -1 to 1"),
        ({"harder_in": -1.5}, "differences outside -1 to 1"),
        ({"harder_out": 1.5}, "differences outside -1 to 1"),
        ({"harder_out": float("nan")}, "differences outside -1 to 1"),
        ({"prior_shift": float("nan")}, "a prior shift outside 0 to 50"),
        ({"prior_shift": float("inf")}, "a prior shift outside 0 to 50"),
        ({"prior_shift": -0.1}, "a prior shift outside 0 to 50"),
        ({"prior_shift": 1e300}, "a prior shift outside 0 to 50"),
        ({"right_out": 1.5}, "figures outside 0 to 1"),
        ({"right_out": float("nan")}, "figures outside 0 to 1"),
        ({"strayed_in": -0.1}, "figures outside 0 to 1"),
    ],
)
def test_a_head_that_is_none_is_not_taken(change: dict[str, object], message: str) -> None:
    sent = a_message()
    for name, value in change.items():
        setattr(sent, name, value)
    with pytest.raises(CloudIncompatible, match=message):
        special_head_from_proto(sent, (4, 2), 4, 5)


def told_apart(others: tuple[int, ...], rows: int = 5) -> pb.TrainedHead:
    weights = HeadWeights(np.ones((rows, 4), np.float32), np.zeros(rows, np.float32), 1.5)
    return special_head_to_proto(
        SpecialHead(weights, (4, 2), CascadeRates(0.9, 0.05, 0.8), 0.5, others=others)
    )


@pytest.mark.parametrize("others", [(0, 1, 3), (3, 0, 1)])
def test_a_head_that_tells_other_classes_apart_names_them_by_its_rows(others: tuple[int, ...]) -> None:
    found = special_head_from_proto(through_bytes(told_apart(others)), (4, 2), 4, 5)
    assert [found.class_of(a, 0.9) for a in range(5)] == [4, 2, *others]


def test_a_head_that_tells_nothing_apart_may_have_any_number_of_further_rows() -> None:
    for rows in (3, 5, 7):
        found = special_head_from_proto(through_bytes(told_apart((), rows)), (4, 2), 4, 5)
        assert (found.others, found.class_of(2, 0.9)) == ((), None)


@pytest.mark.parametrize(
    ("others", "rows"),
    [
        ((0, 1, 3), 4),
        ((0, 1, 3), 6),
        ((0, 1), 4),
        ((0, 1), 5),
        ((0, 1, 5), 5),
        ((0, 1, 1), 5),
        ((0, 1, 4), 5),
        ((0, 1, 3, 3), 5),
        ((0, 1, 3, 3), 6),
        ((0, 1, 3, 5), 6),
        ((0, 1, 2**32 - 1), 5),
    ],
)
def test_a_head_whose_rows_are_not_all_classes_each_once_is_not_taken(
    others: tuple[int, ...], rows: int
) -> None:
    with pytest.raises(CloudIncompatible, match="whose rows are not all classes of the task, each once"):
        special_head_from_proto(told_apart(others, rows), (4, 2), 4, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (replace(CALL, request_id=""), "request_id: 0 characters"),
        (replace(CALL, variant="v" * 300), "variant: 300 characters"),
        (replace(CALL, generic_trunk="v" * 300), "generic_trunk"),
        (replace(CALL, dominant=()), "dominant: expected one or more"),
        (replace(CALL, dominant=(1, 1)), "all different"),
        (replace(CALL, dominant=tuple(range(2000))), "1024 at most"),
        (replace(CALL, deadline_s=float("nan")), "deadline_s"),
        (replace(CALL, deadline_s=0.0), "deadline_s"),
        (replace(CALL, aim=CascadeAim(0.0, 0.9)), "skew"),
        (replace(CALL, aim=CascadeAim(float("nan"), 0.9)), "skew"),
        (replace(CALL, aim=CascadeAim(0.9, 1.1)), "generic_accuracy"),
        (replace(CALL, aim=CascadeAim(0.9, 0.9, -0.1)), "accuracy_loss"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_by_it(call: TrainingCall, message: str) -> None:
    check_training_call(CALL, Limits())
    with pytest.raises(BadRequest, match=message):
        check_training_call(call, Limits())
