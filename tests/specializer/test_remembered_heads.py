from __future__ import annotations

from specializer.policy import AIMED_SKEW, Active
from specializer.remembered_heads import RememberedHeads
from tests.specializer.policies import RATES


def test_the_head_that_was_not_used_for_longest_goes_first() -> None:
    heads: RememberedHeads[str] = RememberedHeads(2)
    heads.put(Active((1,), RATES), "one")
    heads.put(Active((2,), RATES), "two")
    assert heads.take((1,), AIMED_SKEW) == (Active((1,), RATES), "one")
    heads.put(Active((3,), RATES), "three")
    assert [a.classes for a in heads] == [(1,), (3,)]
    assert heads.take((2,), AIMED_SKEW) is None


def test_where_nothing_is_to_be_remembered_nothing_is() -> None:
    heads: RememberedHeads[str] = RememberedHeads(0)
    heads.put(Active((1,), RATES), "one")
    assert list(heads) == []
