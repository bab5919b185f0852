from __future__ import annotations

from dataclasses import replace

import pytest

from specializer.cascade import CascadeRates, HeadCost, RatesByCount
from specializer.policy import AIMED_SKEW, Active
from specializer.prospects import Prospect, Shortfall, bolder, prospect, prospects, unmade
from tests.specializer.policies import STAKES

OWN = CascadeRates(0.85, 0.12, 0.9, harder_in=0.1, second_in=0.2, strayed_in=0.03)
COST = HeadCost(2.5, 0.5)
PAIR = Active((4, 7), OWN, COST)
BY_COUNT = RatesByCount({1: CascadeRates(0.95, 0.04, 0.95), 3: CascadeRates(0.85, 0.12, 0.91)})
SHARE, CHECKED = 0.9, 0.01


def test_a_head_that_is_there_is_known_by_its_classes_and_its_share_and_has_its_own_rates() -> None:
    there = prospect(replace(PAIR, skew=0.93))
    assert there == Prospect((4, 7), 0.93, OWN, COST)
    assert there.key == ((4, 7), 0.93)
    assert there.key not in (prospect(PAIR).key, prospect(Active((4, 9), OWN, skew=0.93)).key)


def test_a_bolder_head_answers_rightly_what_the_first_one_passed_on_and_is_the_same_otherwise() -> None:
    bold = bolder(prospect(PAIR), 0.93)
    spared = OWN.in_to_other - bold.rates.in_to_other
    assert bold.rates.accuracy_in - OWN.accuracy_in == pytest.approx(spared)
    assert replace(bold.rates, accuracy_in=OWN.accuracy_in, in_to_other=OWN.in_to_other) == OWN
    assert (bold.key, bold.cost) == (((4, 7), 0.93), COST)
    assert spared / OWN.in_to_other == pytest.approx(0.77, abs=0.01)  # see bolder


def test_the_greater_the_share_the_less_is_passed_on_and_less_still_to_go_from_a_bolder_head() -> None:
    passed = [bolder(prospect(PAIR), skew).rates.in_to_other for skew in (0.75, 0.9, 0.97)]
    assert [OWN.in_to_other, *passed] == sorted({OWN.in_to_other, *passed}, reverse=True)
    assert passed[-1] > 0.0
    assert bolder(prospect(replace(PAIR, skew=0.93)), 0.97).rates.in_to_other > passed[-1]


def test_heads_may_be_made_for_the_most_frequent_classes_and_bolder_ones_for_each_of_these() -> None:
    stakes = replace(STAKES, rates=BY_COUNT)
    sets = [(7,), (4, 7), (4, 7, 9)]
    new = prospects([], None, [7, 4, 9], 1, stakes, (0.93, 0.96))
    assert [p.key for p in new] == [(s, skew) for skew in (AIMED_SKEW, 0.93, 0.96) for s in sets]
    means = [unmade(s, stakes) for s in sets]
    assert [mean.rates for mean in means] == [BY_COUNT.of(n) for n in (1, 2, 3)]
    assert new[:3] == means
    assert new[6:] == [bolder(mean, 0.96) for mean in means]
    assert all(p.cost is None and not p.of_its_set for p in new)
    assert prospects([], None, [], 1, stakes, (0.93,)) == []


@pytest.mark.parametrize(("fewest", "sets"), [(2, [(4, 7), (4, 7, 9)]), (4, [])])
def test_sets_of_fewer_classes_than_a_head_is_for_are_left_out(
    fewest: int, sets: list[tuple[int, ...]]
) -> None:
    new = prospects([], None, [7, 4, 9], fewest, replace(STAKES, rates=BY_COUNT), (0.93,))
    assert [p.key for p in new] == [(s, skew) for skew in (AIMED_SKEW, 0.93) for s in sets]


def of_key(found: list[Prospect], classes: tuple[int, ...], skew: float) -> Prospect:
    """Return the only one for these classes and this share."""
    (only,) = [p for p in found if p.key == (classes, skew)]
    return only


def test_what_bolder_ones_of_the_head_in_use_do_is_told_from_its_own_rates_and_not_from_any_mean() -> None:
    found = prospects([PAIR], PAIR, [7, 4], 1, STAKES, (0.93, 0.96))
    assert of_key(found, (4, 7), AIMED_SKEW) == prospect(PAIR)
    for skew in (0.93, 0.96):
        assert of_key(found, (4, 7), skew) == bolder(prospect(PAIR), skew)
        assert not of_key(found, (7,), skew).of_its_set


def test_what_bolder_ones_do_is_told_from_a_first_head_that_is_remembered() -> None:
    found = prospects([PAIR], None, [7, 4], 1, STAKES, (0.93,))
    assert of_key(found, (4, 7), 0.93) == bolder(prospect(PAIR), 0.93)
    assert of_key(found, (4, 7), 0.93).of_its_set


def test_a_head_that_is_there_is_told_from_itself_whatever_else_would_tell_of_it() -> None:
    bold = replace(PAIR, skew=0.93, rates=replace(OWN, in_to_other=0.2))
    found = prospects([PAIR, bold], PAIR, [7, 4], 1, STAKES, (0.93, 0.96))
    assert of_key(found, (4, 7), 0.93) == prospect(bold)
    assert of_key(found, (4, 7), 0.96) == bolder(prospect(PAIR), 0.96)


def test_nothing_that_is_less_bold_comes_of_a_bolder_head_in_use() -> None:
    on_first = Active((1, 2), OWN, COST, skew=0.93)
    keys = [p.key for p in prospects([], on_first, [7], 1, STAKES, (0.93, 0.96))]
    assert [skew for classes, skew in keys if classes == (1, 2)] == [0.93, 0.96]


def head(class_id: int, in_to_other: float) -> Active:
    """A head for one class that passes on so much of it."""
    return Active((class_id,), CascadeRates(0.95 - in_to_other, in_to_other, 0.93))


def mean(known_so: Active) -> Prospect:
    """The same, as though it were known as a mean over sets of classes only."""
    return prospect(known_so)._replace(of_its_set=False)


def saved(there: Active) -> float:
    return STAKES.saved(there.rates, SHARE, CHECKED)


def after(*pairs: tuple[Active, Active], most: int = 5) -> float:
    """Return how short the next one is expected to fall after some heads, each as ordered and as it came."""
    shortfall = Shortfall(most)
    for ordered, came in pairs:
        shortfall.order(mean(ordered))
        shortfall.enter(came, SHARE, CHECKED, STAKES)
    return shortfall.of(mean(head(9, 0.1)))


SHORT = saved(head(4, 0.1)) - saved(head(4, 0.5))


def test_as_long_as_no_head_was_made_none_is_expected_to_fall_short() -> None:
    assert after() == 0.0


def test_heads_are_expected_to_fall_short_as_those_before_did_with_one_that_did_not() -> None:
    one = head(4, 0.1), head(4, 0.5)
    assert SHORT > 0.0
    assert after(one) == pytest.approx(SHORT / 2)
    assert after(one, one) == pytest.approx(2 * SHORT / 3)
    assert after((head(4, 0.1), head(4, 0.1)), one) == pytest.approx(SHORT / 3)


def test_heads_that_do_better_than_expected_make_up_for_others_and_promise_nothing() -> None:
    better, worse = (head(4, 0.5), head(4, 0.1)), (head(4, 0.1), head(4, 0.5))
    assert after(better) == after(better, worse) == 0.0
    assert after(better, worse, worse) == pytest.approx(SHORT / 4)


def test_only_the_latest_heads_count() -> None:
    fell_short, as_expected = (head(4, 0.1), head(4, 0.5)), (head(4, 0.1), head(4, 0.1))
    assert after(fell_short, as_expected, as_expected, most=2) == 0.0
    assert after(fell_short, as_expected, as_expected, most=3) == pytest.approx(SHORT / 4)


def test_a_head_that_costs_more_than_was_expected_falls_short_by_that() -> None:
    dear = replace(head(4, 0.1), cost=HeadCost(STAKES.special_cost + 3.0))
    assert after((head(4, 0.1), dear)) == pytest.approx(3.0 / 2)


@pytest.mark.parametrize("came", [head(5, 0.5), replace(head(4, 0.5), skew=0.93)])
def test_a_head_that_was_not_the_one_ordered_says_nothing(came: Active) -> None:
    assert after((head(4, 0.1), came)) == 0.0


def test_a_head_says_what_it_does_once_for_each_order() -> None:
    shortfall = Shortfall(5)
    shortfall.enter(head(4, 0.5), SHARE, CHECKED, STAKES)
    assert shortfall.of(mean(head(9, 0.1))) == 0.0
    shortfall.order(mean(head(4, 0.1)))
    for _ in range(3):
        shortfall.enter(head(4, 0.5), SHARE, CHECKED, STAKES)
    assert shortfall.of(mean(head(9, 0.1))) == pytest.approx(SHORT / 2)


def test_what_is_told_from_a_head_for_the_same_classes_is_not_expected_to_fall_short() -> None:
    shortfall = Shortfall(5)
    shortfall.order(mean(head(4, 0.1)))
    shortfall.enter(head(4, 0.5), SHARE, CHECKED, STAKES)
    assert shortfall.of(prospect(head(9, 0.1))) == shortfall.of(bolder(prospect(head(4, 0.5)), 0.93)) == 0.0
    assert shortfall.of(bolder(mean(head(9, 0.1)), 0.93)) == pytest.approx(SHORT / 2)


def test_what_was_told_from_a_head_for_the_same_classes_says_nothing_about_means() -> None:
    shortfall = Shortfall(5)
    shortfall.order(prospect(head(4, 0.1)))
    shortfall.enter(head(4, 0.5), SHARE, CHECKED, STAKES)
    assert shortfall.of(mean(head(9, 0.1))) == 0.0
