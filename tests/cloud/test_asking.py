from __future__ import annotations

from collections.abc import Sequence

import pytest

from cloud import asking
from cloud.asking import Askings
from cloud.limits import Limits
from cloud.refusals import BadRequest, UnknownVariant
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.trunk_forest import Walk
from engine.offload import Question
from tests.cloud.loopback import GatedHost


class Counting(GatedHost):
    """Counts what is worked out; knows the variant "v" by the head "h"."""

    def __init__(self) -> None:
        super().__init__()
        self.worked_out = 0

    def walks(self, questions: Sequence[Question]) -> tuple[Walk, ...]:
        self.worked_out += 1
        return super().walks(questions)

    def check_heads(self, questions: Sequence[Question], head_ids: Sequence[str]) -> None:
        if set(head_ids) != {"h"}:
            raise UnknownVariant("another head")


def question(app: str, head_id: str = "") -> pb.Question:
    return pb.Question(app=app, variant="v", head_id=head_id)


def test_what_was_asked_before_is_not_worked_out_again() -> None:
    host = Counting()
    askings = Askings(host, Limits())
    first = askings.of([question("a")])
    assert askings.of([question("a")]) is first
    assert first.questions == (Question("a", "v"),)
    assert (len(first.walks), len(first.trees), host.worked_out) == (1, 1, 1)
    assert askings.of([question("b")]) is not first
    assert host.worked_out == 2


def test_the_same_variant_by_another_head_is_another_asking() -> None:
    askings = Askings(Counting(), Limits())
    assert askings.of([question("a", "h")]).head_ids == ("h",)
    for _ in range(2):
        with pytest.raises(UnknownVariant):
            askings.of([question("a", "other")])


def test_what_breaks_a_rule_is_refused_every_time() -> None:
    askings = Askings(Counting(), Limits(questions=1))
    for _ in range(2):
        with pytest.raises(BadRequest, match="questions: 2"):
            askings.of([question("a"), question("b")])


def test_the_oldest_of_many_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_MOST_KNOWN", 2)
    host = Counting()
    askings = Askings(host, Limits())
    for app in ("a", "b", "c", "b", "c", "a"):
        askings.of([question(app)])
    assert host.worked_out == 4
