from __future__ import annotations

import itertools
import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from specializer.cascade import CascadeRates, HeadCost, RatesByCount
from specializer.caution import BolderHead, Caution
from specializer.expected_saving import ExpectedSaving
from specializer.policy import AIMED_SKEW, Active, Seen
from tests.specializer.policies import RATES, STAKES, tell

ONE_BOLDER = Caution().bolder[:1]
LADDER = (BolderHead(0.9, 0.83, 0.01), BolderHead(0.97, 0.94, 0.01))
BOLD = (CascadeRates(0.93, 0.05, 0.93), CascadeRates(0.96, 0.02, 0.93))  # of heads for these shares


def test_it_specialises_after_a_few_windows() -> None:
    assert tell(ExpectedSaving(STAKES), [4, 7] * 8).classes == (4, 7)


def test_what_is_usual_stays_in_when_the_picture_changes() -> None:
    policy = ExpectedSaving(STAKES)
    tell(policy, [4, 7] * 300)
    assert tell(policy, [9] * 120, begins_s=60.0).classes == (4, 7, 9)


def test_it_leaves_within_a_few_windows_of_other_classes_and_says_when_they_came() -> None:
    policy = ExpectedSaving(STAKES)
    tell(policy, [4, 7] * 30)
    active = Active((4, 7), RATES)
    assert tell(policy, [4, 7] * 30, 6.0, active).classes == (4, 7)
    wanted = tell(policy, [1, 2, 3, 5, 6, 8], 12.0, active)
    assert wanted.classes == ()
    assert wanted.why.startswith("other classes came")


def test_it_leaves_when_checks_disagree() -> None:
    policy = ExpectedSaving(STAKES)
    tell(policy, [4, 7] * 30)
    active = Active((4, 7), RATES)
    wanted = [policy.observe(Seen(4, 7, cascaded=True), active, 10.0 + i).classes for i in range(4)]
    assert wanted[0] == (4, 7)
    assert wanted[-1] == ()


def test_no_head_is_used_for_a_class_that_one_mistook_twice_as_long_each_time() -> None:
    active = Active((4, 7), RATES)
    policy = ExpectedSaving(STAKES, [active])
    tell(policy, [4, 7] * 30)
    waits_s, now = [], 6.0
    for _ in range(7):
        while policy.observe(Seen(4, 7, cascaded=True), active, now).classes:
            now += 0.1
        left_s = now
        while 7 not in policy.observe(Seen(None, 4 if round(10 * now) % 2 else 7), None, now).classes:
            now += 0.1
        waits_s.append(now - left_s)
    assert waits_s == pytest.approx([10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0], abs=2.0)


def test_a_class_that_was_long_not_mistaken_is_doubted_as_shortly_as_at_first() -> None:
    active = Active((4, 7), RATES)
    policy = ExpectedSaving(STAKES, [active])
    left = [Seen(4, 7, cascaded=True)] * 2
    for begins_s in (6.0, 600.0):
        tell(policy, [4, 7] * 30, begins_s - 6.0)
        assert [policy.observe(s, active, begins_s).classes for s in left][-1] == ()
        assert tell(policy, [4, 7] * 40, begins_s + 0.1).classes == ()
        assert tell(policy, [4, 7] * 40, begins_s + 8.1).classes == (4, 7)


def test_where_others_came_unnoticed_a_head_is_not_doubted() -> None:
    active = Active((4, 7), RATES)
    policy = ExpectedSaving(STAKES, [active])
    tell(policy, [4, 7] * 30)
    assert [policy.observe(Seen(4, 1, cascaded=True), active, 6.0).classes for _ in range(4)][-1] == ()
    assert 4 in tell(policy, [4, 7] * 40, 6.1).classes


def test_a_head_has_to_be_paid_back_within_the_time_that_things_have_lasted() -> None:
    dear = ExpectedSaving(replace(STAKES, head_cost=50 * STAKES.generic_cost))
    assert tell(dear, [4, 7] * 20).classes == ()
    assert tell(dear, [4, 7] * 20, 4.0).classes == (4, 7)


def test_a_head_that_is_known_costs_nothing() -> None:
    known = [Active((4, 7), RATES)]
    dear = ExpectedSaving(replace(STAKES, head_cost=1e9), known)
    assert tell(dear, [4, 7] * 10).classes == (4, 7)


def test_a_small_model_that_is_hardly_cheaper_is_not_taken() -> None:
    hardly = replace(STAKES, special_cost=0.9 * STAKES.generic_cost)
    same = ExpectedSaving(hardly, caution=Caution(bolder=()))
    assert tell(same, [4, 7] * 200).classes == ()


def test_it_specialises_in_nothing_where_all_classes_are_equal() -> None:
    drawn = np.random.default_rng(0).integers(200, size=3000)
    policy = ExpectedSaving(STAKES)
    assert all(tell(policy, [int(c)], float(i)).classes == () for i, c in enumerate(drawn))


def test_classes_for_which_no_head_came_are_left_alone_for_a_while() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(aside_s=60.0, bolder=()))
    tell(policy, [4, 7] * 10)
    policy.refuse((4, 7), AIMED_SKEW, 2.0)
    assert tell(policy, [4, 7] * 10, 2.0).classes != (4, 7)
    assert tell(policy, [4, 7] * 30, 62.0).classes == (4, 7)


def test_a_passing_reason_sets_classes_aside_for_a_short_time_and_longer_each_time_in_a_row() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(aside_s=60.0, retry_s=10.0, bolder=()))
    now_s = 0.0
    for pause_s in (10.0, 20.0, 40.0, 60.0, 60.0):
        assert tell(policy, [4, 7] * 30, now_s).classes == (4, 7)
        now_s += 6.0
        policy.refuse((4, 7), AIMED_SKEW, now_s, passing=True)
        assert tell(policy, [4, 7] * 5, now_s + pause_s - 1.1).classes != (4, 7)
        now_s += pause_s


def test_a_head_in_use_tells_that_what_kept_heads_from_coming_has_passed() -> None:
    bolder, active = ONE_BOLDER[0].skew, Active((4, 7), RATES)
    caution = Caution(aside_s=60.0, retry_s=10.0, bolder=ONE_BOLDER)
    policy = ExpectedSaving(STAKES, caution=caution)
    tell(policy, [4, 7] * 30)
    for t_s in (6.0, 20.0, 50.0):
        policy.refuse((4, 7), AIMED_SKEW, t_s, passing=True)
    assert tell(policy, [4, 7] * 30, 110.0, active).skew == bolder
    policy.refuse((4, 7), bolder, 116.0, passing=True)
    assert tell(policy, [4, 7] * 15, 116.0, active).skew == AIMED_SKEW
    assert tell(policy, [4, 7] * 15, 126.0, active).skew == bolder


def test_a_class_that_was_seen_with_little_confidence_is_not_thought_of() -> None:
    policy = ExpectedSaving(STAKES)
    for i in range(40):
        doubtful = i % 10 == 5
        policy.observe(Seen(None, 9 if doubtful else 4, 0.1 if doubtful else 1.0), None, i / 10)
    assert tell(policy, [4] * 5, 4.0).classes == (4,)


def test_it_leaves_a_head_that_passes_on_so_much_that_it_saves_nothing() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(evidence=7.0))
    tell(policy, [4, 7] * 30)
    active = Active((4, 7), RATES)
    seen = Seen(None, 4, cascaded=True)
    wanted = [policy.observe(seen, active, 6.0 + i / 10) for i in range(11)]
    assert wanted[9].classes == (4, 7)
    assert wanted[-1].why.startswith("it passes on too much")


def passing_on(of_ten: int, windows: int) -> list[Seen]:
    """Answers of a head that passes on so many in ten of its own classes' windows."""
    own, passed = Seen(4, None, cascaded=True), Seen(None, 4, cascaded=True)
    ten = [passed if (i + 1) * of_ten // 10 > i * of_ten // 10 else own for i in range(10)]
    return ten * (windows // 10)


@pytest.mark.parametrize(("of_ten", "leaves"), [(5, False), (8, True)])
def test_a_head_that_passes_on_more_than_it_should_stays_as_long_as_it_saves(
    of_ten: int, leaves: bool
) -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=()))
    tell(policy, [4, 7] * 30)
    active = Active((4, 7), RATES)
    wanted = [policy.observe(s, active, 6.0 + i / 10) for i, s in enumerate(passing_on(of_ten, 400))]
    assert any(w.why.startswith("it passes on too much") for w in wanted) == leaves


def test_one_head_may_be_in_vain_and_no_further_one_once_too_much_was_lost() -> None:
    dear = replace(STAKES, head_cost=20 * STAKES.generic_cost)
    for most_lost, goes_on in ((0.02, False), (1.0, True)):
        policy = ExpectedSaving(dear, caution=Caution(most_lost=most_lost, usual_s=10.0))
        assert tell(policy, [4, 7] * 40).classes == (4, 7)
        second = tell(policy, [1, 2] * 60, 8.0).classes
        assert set(second) >= {1, 2}
        assert ({5, 6} <= set(tell(policy, [5, 6] * 60, 20.0).classes)) == goes_on


def test_what_a_head_itself_costs_counts_and_not_what_others_do() -> None:
    dear_head = [Active((4, 7), RATES, HeadCost(0.95 * STAKES.generic_cost))]
    assert tell(ExpectedSaving(replace(STAKES, head_cost=1e9), dear_head), [4, 7] * 10).classes == ()


def test_the_more_sets_were_possible_the_longer_a_set_has_to_be_seen() -> None:
    others = [0, 1, 2, 3, 5, 6, 8, 9] * 6
    windows = []
    for selection in (0.0, 1.0):
        pairs = replace(STAKES, rates=RatesByCount({2: RATES}))
        policy = ExpectedSaving(pairs, caution=Caution(selection=selection))
        tell(policy, others)
        seen = (policy.observe(Seen(None, (4, 7)[n % 2]), None, 4.8 + n / 10) for n in range(600))
        windows.append(next(n for n, wanted in enumerate(seen) if wanted.classes))
    assert windows[0] < windows[1]


def test_where_its_classes_hold_nearly_all_a_head_that_passes_on_less_is_wanted_meanwhile() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=ONE_BOLDER))
    tell(policy, [4, 7] * 30)
    wanted = tell(policy, [4, 7] * 30, 6.0, Active((4, 7), RATES))
    assert (wanted.classes, wanted.skew, wanted.meanwhile) == ((4, 7), ONE_BOLDER[0].skew, True)


def test_where_one_window_in_five_is_of_others_none_is_wanted_that_passes_on_less() -> None:
    policy = ExpectedSaving(STAKES)
    tell(policy, [4, 7] * 10)
    seen = [c for other in range(10, 60) for c in (4, 7, 4, 7, other)]
    wanted = tell(policy, seen, 6.0, Active((4, 7), RATES))
    assert (wanted.classes, wanted.skew) == ((4, 7), AIMED_SKEW)


def test_the_usual_ladder_rises_from_the_first_head_and_leaves_room_to_fall() -> None:
    steps = Caution().bolder
    skews, held = [s.skew for s in steps], [s.held for s in steps]
    assert [AIMED_SKEW, *skews] == sorted({AIMED_SKEW, *skews})
    assert held == sorted(set(held))
    assert all(0.0 < s.falls < s.held <= s.skew < 1.0 for s in steps)


def mixed(of_others: int, windows: int) -> list[int]:
    """Windows of which so many in twenty are of other classes, ever another."""
    others = itertools.cycle(range(10, 100))
    twenty = [
        [4, 7] * ((20 - of_others) // 2) + list(islice(others, of_others)) for _ in range(windows // 20)
    ]
    return [c for some in twenty for c in some]


@pytest.mark.parametrize(("of_others", "step"), [(0, 1), (2, 0), (4, None)])
def test_the_step_of_the_ladder_is_the_furthest_that_the_share_of_the_classes_bears(
    of_others: int, step: int | None
) -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=LADDER))
    wanted = tell(policy, mixed(of_others, 400), active=Active((4, 7), RATES))
    assert wanted.classes == (4, 7)
    assert wanted.skew == (AIMED_SKEW if step is None else LADDER[step].skew)


@pytest.mark.parametrize(
    ("scenes", "unnoticed", "is_bold"), [(0, 5.0, True), (40, 0.0, True), (40, 5.0, False)]
)
def test_where_scenes_are_short_none_is_wanted_that_bears_their_ends_badly(
    scenes: int, unnoticed: float, is_bold: bool
) -> None:
    steps = (BolderHead(0.9, 0.8, 0.1),)
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=steps, unnoticed=unnoticed, doubt=0.0))
    for k in range(scenes):
        for seen in ([4, 7] * 20, range(100 + 9 * k, 109 + 9 * k)):
            tell(policy, seen, 6.0 * k, Active((4, 7), RATES))
    wanted = tell(policy, mixed(2, 200), 300.0, Active((4, 7), RATES))
    assert wanted.classes == (4, 7)
    assert (wanted.skew > AIMED_SKEW) is is_bold


def test_from_the_first_step_the_second_is_wanted_once_the_share_bears_it_and_not_before() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=LADDER))
    on_first = replace(Active((4, 7), RATES), skew=LADDER[0].skew)
    before = tell(policy, mixed(2, 400), active=on_first)
    assert (before.classes, before.skew) == ((4, 7), LADDER[0].skew)
    wanted = tell(policy, mixed(0, 400), 40.0, on_first)
    assert (wanted.classes, wanted.skew, wanted.meanwhile) == ((4, 7), LADDER[1].skew, True)


def test_a_step_is_wanted_though_the_one_before_was_never_made_and_left_out_where_it_cannot_be() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=LADDER))
    first = Active((4, 7), RATES)
    assert tell(policy, mixed(0, 100), active=first).skew == LADDER[1].skew
    policy.refuse((4, 7), LADDER[1].skew, 10.0)
    assert tell(policy, mixed(0, 100), 10.0, first).skew == LADDER[0].skew
    policy.refuse((4, 7), LADDER[0].skew, 20.0)
    wanted = tell(policy, mixed(0, 100), 20.0, first)
    assert (wanted.classes, wanted.skew) == ((4, 7), AIMED_SKEW)


def test_a_head_for_a_greater_share_is_expected_to_pass_on_less_and_so_is_paid_back_sooner() -> None:
    dear, first = replace(STAKES, head_cost=10 * STAKES.generic_cost), Active((4, 7), RATES)
    windows = []
    for step in LADDER:
        policy = ExpectedSaving(dear, [first], caution=Caution(bolder=(step._replace(held=0.5),)))
        seen = (policy.observe(Seen((4, 7)[n % 2], None, cascaded=True), first, n / 10) for n in range(2000))
        windows.append(next(n for n, wanted in enumerate(seen) if wanted.skew == step.skew))
    assert windows[1] < windows[0]


def test_it_falls_back_on_the_first_head_where_its_classes_hold_less_again() -> None:
    first = Active((4, 7), RATES)
    bold = replace(first, skew=0.93)
    caution = Caution(bolder=(BolderHead(bold.skew, 0.9, 0.04),))
    policy = ExpectedSaving(STAKES, [first, bold], caution=caution)
    tell(policy, [4, 7] * 30)
    assert tell(policy, [4, 7] * 30, 6.0, bold).skew == bold.skew
    wanted = tell(policy, [c for other in range(10, 22) for c in (4, 7, 4, 7, other)], 12.0, bold)
    assert (wanted.classes, wanted.skew) == ((4, 7), AIMED_SKEW)


@pytest.mark.parametrize(("falls", "stays"), [(0.2, True), (0.01, False)])
def test_a_share_that_seems_to_fall_by_less_than_it_may_keeps_the_step(falls: float, stays: bool) -> None:
    first = Active((4, 7), RATES)
    bold = replace(first, skew=0.9)
    caution = Caution(bolder=(BolderHead(bold.skew, 0.9, falls),))
    policy = ExpectedSaving(STAKES, [first, bold], caution=caution)
    assert tell(policy, mixed(0, 100), active=bold).skew == bold.skew
    wanted = tell(policy, mixed(4, 400), 10.0, bold)
    assert (wanted.classes, wanted.skew) == ((4, 7), bold.skew if stays else AIMED_SKEW)


@pytest.mark.parametrize(("of_others", "step"), [(0, 1), (2, 0), (4, None)])
def test_from_the_last_step_it_falls_back_as_far_as_the_share_says(of_others: int, step: int | None) -> None:
    first = Active((4, 7), RATES)
    lower, upper = (
        replace(first, skew=bolder.skew, rates=rates) for bolder, rates in zip(LADDER, BOLD, strict=True)
    )
    policy = ExpectedSaving(STAKES, [first, lower, upper], caution=Caution(bolder=LADDER))
    wanted = tell(policy, mixed(of_others, 400), active=upper)
    assert wanted.classes == (4, 7)
    assert wanted.skew == (AIMED_SKEW if step is None else (lower, upper)[step].skew)


@pytest.mark.parametrize(
    ("ladder", "of_others", "skew"),
    [(LADDER, 0, LADDER[1].skew), (LADDER[:1], 0, LADDER[0].skew), (LADDER, 4, AIMED_SKEW)],
)
def test_where_nothing_is_in_use_the_furthest_step_is_wanted_at_once(
    ladder: tuple[BolderHead, ...], of_others: int, skew: float
) -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=ladder, sureness=0.5))
    wanted = tell(policy, reversed(mixed(of_others, 40)))
    assert (wanted.classes, wanted.skew) == ((4, 7), skew)


@pytest.mark.parametrize(("least_held", "classes"), [(0.3, (4, 7)), (Caution().least_held, ())])
def test_no_head_is_thought_of_for_classes_that_hold_less_than_the_least_share(
    least_held: float, classes: tuple[int, ...]
) -> None:
    careful = replace(STAKES, rates=RatesByCount({2: replace(RATES, accuracy_out=0.99)}))
    policy = ExpectedSaving(careful, caution=Caution(least_held=least_held, bolder=(), sureness=0.5))
    assert tell(policy, reversed(mixed(12, 400))).classes == classes


@pytest.mark.parametrize(("settled", "windows"), [(0, 35), (100, 110), (200, 210)])
def test_a_head_for_other_classes_is_wanted_only_so_long_after_the_latest_new_one(
    settled: int, windows: int
) -> None:
    policy = ExpectedSaving(
        STAKES, caution=Caution(look_seldom_every=5, settled=settled, evidence=math.inf, bolder=())
    )
    assert tell(policy, [4, 7] * 5).classes == (4, 7)
    active = Active((4, 7), RATES)
    classes = [9 if i % 8 == 7 else (4, 7)[i % 2] for i in range(10, 300)]
    wanted = (tell(policy, [c], i / 10, active).classes for i, c in enumerate(classes, 10))
    assert next(n for n, w in enumerate(wanted, 11) if w != (4, 7)) == windows


def test_a_head_on_its_way_stays_wanted_while_the_one_before_is_in_use() -> None:
    caution = Caution(look_seldom_every=5, settled=30, evidence=math.inf, bolder=())
    policy = ExpectedSaving(STAKES, caution=caution)
    tell(policy, [4, 7] * 5)
    active = Active((4, 7), RATES)
    classes = [9 if i % 8 == 7 else (4, 7)[i % 2] for i in range(10, 300)]
    wanted = [tell(policy, [c], i / 10, active).classes for i, c in enumerate(classes, 10)]
    ordered = next(i for i, w in enumerate(wanted) if w != (4, 7))
    assert set(wanted[ordered : ordered + 30]) == {wanted[ordered]}


@pytest.mark.parametrize(("least_bolder", "goes_on"), [(0.02, True), (0.1, False)])
def test_a_bolder_head_of_the_same_classes_has_its_own_least_gain(least_bolder: float, goes_on: bool) -> None:
    caution = Caution(bolder=ONE_BOLDER, least_bolder=least_bolder, least_better=0.1)
    policy, active = ExpectedSaving(STAKES, caution=caution), Active((4, 7), RATES)
    tell(policy, [4, 7] * 30)
    assert (tell(policy, [4, 7] * 300, 6.0, active).skew == ONE_BOLDER[0].skew) == goes_on


def test_without_a_ladder_the_first_head_stays_alone() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=()))
    tell(policy, [4, 7] * 30)
    wanted = tell(policy, [4, 7] * 300, 6.0, Active((4, 7), RATES))
    assert (wanted.classes, wanted.skew) == ((4, 7), AIMED_SKEW)


def test_a_bolder_head_that_could_not_be_made_leaves_the_one_in_use_alone() -> None:
    policy = ExpectedSaving(STAKES, caution=Caution(bolder=ONE_BOLDER))
    tell(policy, [4, 7] * 30)
    active = Active((4, 7), RATES)
    tell(policy, [4, 7] * 30, 6.0, active)
    policy.refuse((4, 7), ONE_BOLDER[0].skew, 12.0)
    wanted = tell(policy, [4, 7] * 30, 12.0, active)
    assert (wanted.classes, wanted.skew) == ((4, 7), AIMED_SKEW)


def test_a_class_that_a_new_scene_brings_takes_the_place_of_the_one_that_left() -> None:
    falling = RatesByCount({5: CascadeRates(0.88, 0.1, 0.93), 6: CascadeRates(0.5, 0.5, 0.93)})
    caution = Caution(settled=0, sureness=0.5, evidence=7.0)
    policy = ExpectedSaving(replace(STAKES, rates=falling), caution=caution)
    tell(policy, [1, 2, 3, 4, 5] * 120)
    before = Active((1, 2, 3, 4, 5), falling.of(5))
    assert tell(policy, [1, 2, 3, 4, 8] * 6, 60.0, before).classes == (1, 2, 3, 4, 8)


@pytest.mark.parametrize(("others", "skew"), [((4, 7, 4), 0.95), ((1, 2, 3), AIMED_SKEW)])
def test_windows_that_a_head_takes_for_its_own_do_not_speak_for_its_classes(
    others: tuple[int, int, int], skew: float
) -> None:
    greedy = replace(RATES, accuracy_out=0.5)
    first, bolder = Active((4, 7), greedy), Active((4, 7), greedy, skew=0.95)
    stakes = replace(STAKES, rates=RatesByCount({2: greedy}))
    caution = Caution(bolder=(BolderHead(0.95, 0.9, 0.1),))
    policy = ExpectedSaving(stakes, [first, bolder], caution=caution)
    a, b, c = others
    # With the others that are not theirs, seventeen in twenty still seem to be.
    twenty = [4, 7, 4, 7, 4, 7, a, 4, 7, 4, 7, 4, 7, b, 4, 7, 4, 7, 4, c]
    wanted = tell(policy, twenty * 3, active=bolder)
    assert (wanted.classes, wanted.skew) == ((4, 7), skew)


def test_a_second_head_that_is_asked_too_often_costs_more_than_it_spares() -> None:
    costs = HeadCost(0.05 * STAKES.generic_cost, 0.95 * STAKES.generic_cost)
    dear = replace(STAKES, head_cost=1e9)  # nothing new is made
    for second_in, classes in ((0.1, (4, 7)), (1.0, ())):
        known = [Active((4, 7), replace(RATES, second_in=second_in, second_out=1.0), costs)]
        assert tell(ExpectedSaving(dear, known), [4, 7] * 10).classes == classes


# Of ten windows of its classes a cascade answers nine with one of them, of ten others five; a generic model
# alone eight and none: where they are half of what is seen, it names them four times in ten, a cascade seven.
HALF = CascadeRates(0.5, 0.5, 0.5)
GENERIC_ALONE, CASCADE = [4] * 4 + [1] * 6, [4] * 7 + [1] * 3


def of_half() -> ExpectedSaving:
    """A policy that never believes in a change."""
    stakes = replace(STAKES, rates=RatesByCount({2: HALF}), generic_accuracy=0.8)
    return ExpectedSaving(stakes, caution=Caution(evidence=math.inf))


@pytest.mark.parametrize(
    ("before", "after"), [(100, 0), (100, 10), (100, 100), (10, 100), (0, 100), (300, 200), (300, 400)]
)
def test_answers_from_before_a_head_was_in_use_count_as_the_generic_models_and_others_as_the_cascades(
    before: int, after: int
) -> None:
    policy, active = of_half(), Active((4, 7), HALF)
    tell(policy, GENERIC_ALONE * (before // 10))
    for class_id in CASCADE * (after // 10):
        policy.observe(Seen(None, class_id, cascaded=True), active, 60.0)
    assert policy.share(active) == pytest.approx(0.5)


@pytest.mark.parametrize("tens", [10, 60, 120])
def test_where_the_generic_model_answers_every_other_time_both_count_as_what_they_are(tens: int) -> None:
    policy, active = of_half(), Active((4, 7), HALF)
    for _ in range(tens):
        for class_id in CASCADE:
            policy.observe(Seen(None, class_id, cascaded=True), active, 60.0)
        for class_id in GENERIC_ALONE:
            policy.observe(Seen(None, class_id), active, 60.0)
    assert policy.share(active) == pytest.approx(0.5)


def test_all_answers_since_the_last_change_have_a_say_in_the_share_not_only_the_latest() -> None:
    policy = of_half()
    tell(policy, [4] * 80 + [1] * 120)
    assert policy.share(Active((4, 7), HALF)) == pytest.approx(0.5)


def test_answers_of_a_cascade_stay_its_own_where_a_bolder_head_of_the_same_classes_takes_over() -> None:
    policy, first = of_half(), Active((4, 7), HALF)
    for active in (first, replace(first, skew=0.95)):
        for class_id in CASCADE * 5:
            policy.observe(Seen(None, class_id, cascaded=True), active, 60.0)
        assert policy.share(active) == pytest.approx(0.5)


def test_after_a_change_the_generic_models_answers_count_as_its_own_again() -> None:
    policy, active = of_half(), Active((4, 7), HALF)
    tell(policy, CASCADE * 10, active=active)
    policy.forget()
    assert policy.share(active) == 0.0  # nothing was seen since
    tell(policy, GENERIC_ALONE * 2, 60.0)
    assert policy.share(active) == pytest.approx(0.5)
    tell(policy, CASCADE * 2, 70.0, active=active)
    assert policy.share(active) == pytest.approx(0.5)


def test_before_anything_was_seen_no_classes_have_a_share() -> None:
    assert ExpectedSaving(STAKES).share(Active((4, 7), RATES)) == 0.0


@pytest.mark.parametrize(("least_better", "classes"), [(0.0, (4, 7, 9)), (0.03, (4, 7, 9)), (0.05, (4, 7))])
def test_a_known_head_takes_the_place_of_the_one_in_use_only_where_it_saves_clearly_more(
    least_better: float, classes: tuple[int, ...]
) -> None:
    cost = STAKES.generic_cost
    in_use, cheaper = (
        Active((4, 7), RATES, HeadCost(0.1 * cost)),
        Active((4, 7, 9), RATES, HeadCost(0.06 * cost)),
    )
    nothing_new = replace(STAKES, head_cost=1e9)
    caution = Caution(least_better=least_better, bolder=())
    policy = ExpectedSaving(nothing_new, [in_use, cheaper], caution=caution)
    assert tell(policy, [4, 7] * 30, active=in_use).classes == classes
    at_once = ExpectedSaving(nothing_new, [in_use, cheaper], caution=caution)
    assert tell(at_once, [4, 7] * 5).classes == cheaper.classes


@pytest.mark.parametrize(
    ("rates", "classes"), [(RATES, (1, 2)), (replace(RATES, accuracy_in=0.38, in_to_other=0.6), ())]
)
def test_where_a_new_head_fell_short_the_next_new_one_is_expected_to_do_so_too(
    rates: CascadeRates, classes: tuple[int, ...]
) -> None:
    """What is seen is the same: the heads differ in what they are known to do alone."""
    dear = replace(STAKES, special_cost=0.7 * STAKES.generic_cost)
    policy = ExpectedSaving(dear, caution=Caution(evidence=math.inf, bolder=()))
    assert tell(policy, [4, 7] * 30).classes == (4, 7)
    tell(policy, [4, 7] * 30, 6.0, Active((4, 7), rates))
    policy.forget()
    assert tell(policy, [1, 2] * 30, 12.0).classes == classes


def test_answers_of_a_head_that_was_left_stay_its_own() -> None:
    rates = CascadeRates(0.8, 0.2, 0.9)
    stakes, active = (
        replace(STAKES, rates=RatesByCount({2: rates}), generic_accuracy=0.8),
        Active((4, 7), rates),
    )
    policy = ExpectedSaving(stakes, [active], caution=Caution(evidence=math.inf, bolder=()))
    tell(policy, [4, 7] * 20)
    shares = []
    for class_id in itertools.chain([4, 7] * 15, range(10, 300)):
        wanted = tell(policy, [class_id], 60.0, active)
        shares.append(policy.share(active))
        if not wanted.classes:
            break
    assert wanted.why == "they no longer make up enough"
    assert 0.0 < shares[-1] <= shares[-2]  # another class came, so it did not rise


def test_it_is_wary_once_others_seem_to_come_and_no_longer_when_what_ran_was_stopped() -> None:
    policy = ExpectedSaving(STAKES)
    active = Active(tuple(range(5)), RATES)
    tell(policy, [i % 5 for i in range(200)], active=active)
    assert not policy.is_wary
    tell(policy, [9] * 8, begins_s=20.0, active=active)
    assert policy.is_wary
    policy.forget()
    assert not policy.is_wary
