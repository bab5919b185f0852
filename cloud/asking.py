"""What requests ask, checked and worked out once: a camera's apps ask the same of window after window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cloud.limits import Limits, check_questions
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.trunk_forest import Tree, Walk
from cloud.wire import questions_from_proto
from engine.offload import Question

_MOST_KNOWN = 256


class Catalogued(Protocol):
    """Knows what questions need; all of it is quick."""

    def check_heads(self, questions: Sequence[Question], head_ids: Sequence[str]) -> None:
        """Refuse a question whose variant has another head than the device knows it by, "" for any."""

    def walks(self, questions: Sequence[Question]) -> tuple[Walk, ...]:
        """Return what the questions need, one walk a tree of parts."""

    def tree(self, root: int) -> Tree:
        """Return what the windows of a tree are."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions of a request, all in order.

    Args:
        questions: about the same windows.
        head_ids: by which the device knows their variants, as in ClassifyCall.
        walks: that they need.
        trees: of the walks.
    """

    questions: tuple[Question, ...]
    head_ids: tuple[str, ...]
    walks: tuple[Walk, ...]
    trees: tuple[Tree, ...]


class Askings:
    """Askings by their questions; the oldest goes when there are many.

    Args:
        catalogued: works out what is new.
        limits: what is taken.
    """

    def __init__(self, catalogued: Catalogued, limits: Limits) -> None:
        self._catalogued = catalogued
        self._limits = limits
        self._known: dict[tuple[tuple[str, str, str], ...], Asking] = {}

    def of(self, messages: Sequence[pb.Question]) -> Asking:
        """Return what the questions of a message ask.

        Raises:
            BadRequest: they break a rule, or are not about the same input type.
            UnknownVariant: one names a variant that is not in the catalog, or one with another head.
        """
        asked = tuple([(q.app, q.variant, q.head_id) for q in messages])
        found = self._known.get(asked)
        if found is None:
            found = self._work_out(messages)
            if len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[asked] = found
        return found

    def _work_out(self, messages: Sequence[pb.Question]) -> Asking:
        questions, head_ids = questions_from_proto(messages)
        check_questions(questions, head_ids, self._limits)
        if head_ids:
            self._catalogued.check_heads(questions, head_ids)
        walks = self._catalogued.walks(questions)
        return Asking(questions, head_ids, walks, tuple(self._catalogued.tree(w.root) for w in walks))
