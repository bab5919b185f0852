from __future__ import annotations

from dataclasses import replace

import pytest

from cloud.limits import Limits, check_contents, check_questions
from cloud.messages import ClassifyCall, Encoding, Features, Picture
from cloud.refusals import BadRequest
from engine.offload import Question

LIMITS = Limits(questions=2, windows=3, side_px=100, pixels=150, name_chars=8)
QUESTION = Question("who", "a/b")
PICTURE = Picture(Encoding.RAW_RGB, 10, 5, bytes(150))
CALL = ClassifyCall("r1", (QUESTION,), (PICTURE,), 0.5)


def check_call(call: ClassifyCall, limits: Limits) -> None:
    check_questions(call.questions, call.head_ids, limits)
    check_contents(call, limits)


def test_a_call_at_the_limits_passes() -> None:
    full = replace(CALL, questions=(QUESTION, Question("other", "a/b")), pictures=(PICTURE,) * 3)
    check_call(full, LIMITS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"request_id": ""}, r"request_id: 0 characters: expected 1 to 8"),
        ({"request_id": "x" * 9}, r"request_id: 9 characters"),
        ({"questions": ()}, r"questions: 0: expected 1 to 2"),
        ({"questions": tuple(Question(str(i), "v") for i in range(3))}, r"questions: 3"),
        ({"questions": (QUESTION, QUESTION)}, r"an app stands twice"),
        ({"questions": (Question("", "v"),)}, r"questions\[0\].app: 0 characters"),
        ({"questions": (QUESTION, Question("b", "v" * 9))}, r"questions\[1\].variant: 9 characters"),
        ({"pictures": ()}, r"pictures: 0: expected 1 to 3"),
        ({"pictures": (PICTURE,) * 4}, r"pictures: 4"),
        (
            {"pictures": (replace(PICTURE, width_px=0),)},
            r"pictures\[0\]: 0 x 5: expected sides of 1 to 100 px",
        ),
        ({"pictures": (PICTURE, replace(PICTURE, height_px=101))}, r"pictures\[1\]: 10 x 101"),
        (
            {"pictures": (replace(PICTURE, data=b"123"),)},
            r"pictures\[0\]: 3 bytes: expected 150 for 10 x 5 RGB",
        ),
        ({"pictures": (Picture(Encoding.PNG, 100, 2, b""),)}, r"200 pixels together: expected at most 150"),
        ({"features": Features(("p",), 4, b"")}, r"features: windows: 4: expected 1 to 3"),
        ({"features": Features(("p",), 1, b"")}, r"pictures and features: expected one of them"),
        ({"deadline_s": 0.0}, r"deadline_s = 0.0"),
        ({"deadline_s": -1.0}, r"deadline_s = -1.0"),
        ({"deadline_s": float("nan")}, r"deadline_s = nan"),
        ({"deadline_s": float("inf")}, r"deadline_s = inf"),
    ],
)
def test_a_call_over_a_limit_is_refused_by_name(change: dict, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        check_call(replace(CALL, **change), LIMITS)
