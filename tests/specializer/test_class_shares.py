from __future__ import annotations

import math

import pytest

from specializer.caution import Caution
from specializer.class_shares import ClassShares
from specializer.policy import Seen


def shares_of(classes: list[int], **caution: float) -> ClassShares:
    shares = ClassShares(Caution(**caution))  # type: ignore[arg-type]
    for i, class_id in enumerate(classes):
        shares.observe(Seen(None, class_id), i / 10)
    return shares


def test_only_the_latest_answers_count_as_just_seen() -> None:
    shares = shares_of([1] * 30 + [4] * 20, most=40)
    assert (shares.recent, shares.answered({1})) == (40, 0.5)
    shares.keep_recent(5)
    assert (shares.recent, shares.answered({4})) == (5, 1.0)
    shares.keep_recent(0)
    assert shares.recent == 0


def test_more_answers_are_kept_since_a_change_than_count_as_just_seen_and_none_have_no_share() -> None:
    shares = shares_of([1] * 30 + [4] * 20, most=20, most_steady=40)
    assert shares.answered_since_change({1}) == 0.5
    assert shares.answered({1}) == 0.0
    shares.keep_recent(0)
    assert (shares.answered_since_change({4}), shares.answered({4})) == (0.0, 0.0)


def test_who_was_asked_is_known_of_the_answers_that_are_kept_alone() -> None:
    shares = ClassShares(Caution(most=4, most_steady=8))
    assert shares.cascaded((1, 4)) == shares.cascaded_since_change((1, 4)) == 0.0
    for i, by in enumerate([(1, 4)] * 4 + [()] * 3 + [(1,)] + [(1, 4)] * 2):
        shares.observe(Seen(None, 1), i / 10, by)
    assert [shares.cascaded(by) for by in ((1, 4), (), (1,))] == [0.5, 0.25, 0.25]
    assert [shares.cascaded_since_change(by) for by in ((1, 4), (), (1,))] == [0.5, 0.375, 0.125]
    shares.keep_recent(1)
    assert shares.cascaded_since_change((1, 4)) == 1.0


def test_what_is_usual_is_expected_beside_what_was_just_seen() -> None:
    shares = shares_of([4, 7] * 50 + [9] * 10, most=10, usual_weight=0.5, usual_s=1e9)
    expected = shares.expected()
    assert expected == pytest.approx({9: 0.5 + 0.5 * 10 / 110, 4: 0.5 * 50 / 110, 7: 0.5 * 50 / 110})


def test_what_was_usual_fades_and_is_not_thought_of_any_more() -> None:
    shares = shares_of([4] * 20, most=10, usual_s=10.0)
    for i in range(10):
        shares.observe(Seen(None, 9), 100.0 + i / 10)
    assert shares.expected() == pytest.approx({9: 1.0}, abs=1e-3)


def test_a_share_is_sure_by_wilsons_lower_end_without_one_answer_of_each_class() -> None:
    shares = shares_of([4] * 41 + [1] * 10)
    share, n, z2 = 0.8, 50, 4.0  # 40 of 50 left, two standard deviations
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n)))
    wilson = (share + z2 / (2 * n) - half) / (1 + z2 / n)
    assert shares.surely({4}, 2.0) == pytest.approx(wilson)
    assert shares_of([4]).surely({4}, 1.0) is None


def test_a_share_is_less_sure_the_more_sets_there_were_to_choose_from() -> None:
    shares = shares_of([4, 7, 1, 2, 3] * 10, selection=1.0)
    before = shares.surely({4, 7}, 1.0)
    shares.expected()
    assert shares.surely({4, 7}, 1.0) < before


def test_once_forgotten_nothing_is_expected() -> None:
    shares = shares_of([4] * 20)
    shares.forget()
    assert (shares.recent, shares.expected()) == (0, {})
