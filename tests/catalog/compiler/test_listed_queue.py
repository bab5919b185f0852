from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.compiler.pool import ListedQueue
from catalog.compiler.worker import Failure, Stopped
from catalog.transforms.recipe import StoredTrunk
from tests.catalog.compiler.bright_windows import SMALL

MADE = StoredTrunk(16, (), Path("head"))
FIRST, SECOND, THIRD = (
    replace(SMALL, name=name, after=after)
    for name, after in (("first", ("base",)), ("second", ("base", "first")), ("third", ("second",)))
)


def test_a_trunk_comes_after_those_that_it_starts_from() -> None:
    queue = ListedQueue([SECOND, FIRST], {"base": MADE})
    begun = queue.next()
    assert begun is not None
    assert (begun.candidate, dict(begun.finished)) == (FIRST, {"base": MADE})
    assert queue.next() is None


@pytest.mark.parametrize(
    ("report", "reasons"),
    [
        (
            Failure("slipped"),
            ["slipped", "starts from first, which failed", "starts from second, which failed"],
        ),
        (
            Stopped("not needed"),
            ["not needed", "starts from first, which was not made", "starts from second, which was not made"],
        ),
    ],
)
def test_what_starts_from_a_trunk_that_is_not_made_is_not_made_either(
    report: Failure | Stopped, reasons: list[str]
) -> None:
    queue = ListedQueue([FIRST, SECOND, THIRD], {"base": MADE})
    queue.next()
    given_up = dict(queue.give_up(FIRST, report))
    assert list(given_up) == ["first", "second", "third"]
    assert [r.reason for r in given_up.values()] == reasons
    assert {type(r) for r in given_up.values()} == {type(report)}
    assert queue.next() is None
