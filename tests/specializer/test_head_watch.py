from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from specializer.cascade import HeadCost
from specializer.caution import USUAL_CAUTION, Caution
from specializer.head_watch import Change, HeadWatch
from specializer.policy import Active, Seen
from tests.specializer.policies import RATES, STAKES

PAIR = Active((4, 7), RATES)
TWO_HEADS = replace(PAIR, cost=HeadCost(2.0, 3.0))
OWN = Seen(4, None, cascaded=True)
PASSED_ON = Seen(None, 4, cascaded=True)
OTHER = Seen(None, 9, cascaded=True)
CHECKED = Seen(4, 4, cascaded=True)
DISAGREEING = Seen(4, 7, cascaded=True)


def watching(active: Active = PAIR, caution: Caution = USUAL_CAUTION) -> HeadWatch:
    watch = HeadWatch(STAKES, caution)
    watch.begin(active, before=0.95, least=0.6)
    return watch


def change_after(watch: HeadWatch, windows: Iterable[Seen]) -> tuple[int, Change | None]:
    """Return the number of the window after which something has changed, and what."""
    number = 0
    for number, seen in enumerate(windows, 1):
        change = watch.observe(seen)
        if change is not None:
            return number, change
    return number, None


@pytest.mark.parametrize(
    ("active", "seen", "gained"),
    [
        (PAIR, OWN, STAKES.generic_cost - STAKES.special_cost),
        (PAIR, CHECKED, -STAKES.special_cost),
        (PAIR, PASSED_ON, -STAKES.special_cost),
        (TWO_HEADS, OWN, STAKES.generic_cost - 2.0),
        (TWO_HEADS, OWN._replace(second=True), STAKES.generic_cost - 5.0),
        (TWO_HEADS, PASSED_ON._replace(second=True), -5.0),
    ],
)
def test_a_window_gains_what_the_generic_model_would_have_taken_without_what_heads_took(
    active: Active, seen: Seen, gained: float
) -> None:
    assert watching(active).gain(seen) == pytest.approx(gained)


def test_it_notices_that_other_classes_came_and_when() -> None:
    number, change = change_after(watching(), [OWN] * 20 + [OTHER] * 20)
    assert change is not None
    since = number - 20
    assert 1 < since < 8
    assert change == (f"other classes came, {since} answers ago", since, ())


def test_it_is_wary_before_it_believes_that_other_classes_came_and_not_for_long_where_none_did() -> None:
    watch = watching()
    wary, changed = [], None
    for seen in [*[OWN] * 20, *[OTHER] * 20]:
        changed = watch.observe(seen)
        wary.append(watch.is_wary)
        if changed is not None:
            break
    assert wary.index(True) > 20  # one window of another class is no hint
    assert wary.index(True) < len(wary) - 1
    calm = watching()
    assert not any((calm.observe(seen), calm.is_wary)[1] for seen in [*[OWN] * 19, OTHER] * 10)
    for seen in [OTHER, OTHER]:
        calm.observe(seen)
    assert calm.is_wary
    for seen in [CHECKED] * 10:
        calm.observe(seen)
    assert not calm.is_wary


def test_it_notices_a_change_later_after_a_long_scene_and_sooner_after_short_ones() -> None:
    calm, hasty = watching(), watching()
    for _ in range(3000):
        assert calm.observe(OWN) is None
    for _ in range(10):
        change_after(hasty, [OWN] * 40 + [OTHER] * 20)
        hasty.begin(PAIR, 0.95, 0.6)
    late, fresh, soon = (change_after(w, [OTHER] * 20)[0] for w in (calm, watching(), hasty))
    assert soon < fresh < late < fresh + 5


@pytest.mark.parametrize(("special", "wary"), [(4, False), (9, True)])
def test_what_is_checked_hints_at_others_by_the_heads_own_word(special: int, wary: bool) -> None:
    watch = watching()
    for _ in range(3):
        watch.observe(Seen(special, 9, cascaded=True))  # the generic model says that it is another
    assert watch.is_wary is wary


def test_nothing_is_wary_where_no_head_is_watched() -> None:
    watch = watching()
    for seen in [OTHER] * 3:
        watch.observe(seen)
    assert watch.is_wary
    watch.end()
    assert not watch.is_wary


def test_it_notices_that_too_much_is_passed_on_and_since_when() -> None:
    number, change = change_after(watching(), [OWN] * 20 + [PASSED_ON] * 30)
    assert change is not None
    assert (change.why, change.since) == ("it passes on too much", number - 20)
    assert 5 < change.since < 20


def test_it_notices_that_checks_disagree() -> None:
    number, change = change_after(watching(), [CHECKED, OWN] * 20 + [DISAGREEING] * 5)
    assert change == ("checks disagreed", 0, (7,))
    assert 41 < number < 45


@pytest.mark.parametrize(
    ("special", "generic", "mistaken"),
    [(4, 7, (7,)), (9, 7, (7,)), (4, 9, ()), (9, 1, ())],
    ids=["one of its own for another", "one of its own for any other", "another for its own", "all others"],
)
def test_it_tells_whether_a_head_mistook_its_own_classes_or_others_came(
    special: int, generic: int, mistaken: tuple[int, ...]
) -> None:
    """By the generic model's word, which a scene is judged by."""
    caution = replace(USUAL_CAUTION, evidence=30.0)  # so that it is the checks that are believed
    seen = Seen(special, generic, cascaded=True)
    _, change = change_after(watching(caution=caution), [CHECKED, OWN] * 20 + [seen] * 50)
    assert change is not None
    assert (change.why, change.mistaken) == ("checks disagreed", mistaken)


def test_disagreements_of_an_earlier_head_are_not_held_against_the_next() -> None:
    watch = watching(caution=replace(USUAL_CAUTION, evidence=30.0))
    change_after(watch, [DISAGREEING] * 3)
    watch.begin(Active((4, 8), RATES), before=0.95, least=0.6)
    _, change = change_after(watch, [Seen(8, 9, cascaded=True)] * 50)
    assert change is not None
    assert change.mistaken == ()


@pytest.mark.parametrize(
    "windows",
    [[OWN] * 400, [CHECKED] * 400, [*[OWN] * 18, PASSED_ON, OTHER] * 20],
    ids=["own", "checked", "usual"],
)
def test_nothing_has_changed_where_a_head_does_as_it_should(windows: list[Seen]) -> None:
    assert change_after(watching(), windows) == (400, None)


def test_the_more_evidence_it_takes_the_later_a_change_is_noticed() -> None:
    sooner, later = (
        change_after(watching(caution=Caution(evidence=evidence)), [OTHER] * 50)[0]
        for evidence in (3.0, 12.0)
    )
    assert sooner < later < 50


def test_what_was_seen_with_one_head_is_not_held_against_the_next() -> None:
    noticed, _ = change_after(watching(), [OTHER] * 50)
    watch = watching()
    assert change_after(watch, [OTHER] * (noticed - 1)) == (noticed - 1, None)
    watch.begin(PAIR, before=0.95, least=0.6)
    assert change_after(watch, [OTHER] * 50)[0] == noticed


def test_heads_in_a_row_that_did_not_pay_are_counted_up_to_the_most() -> None:
    watch = HeadWatch(STAKES, Caution(most_in_vain=3))
    counted = []
    for class_id in range(5):
        watch.begin(Active((class_id,), RATES), before=0.95, least=0.6)
        watch.gain(OWN)  # less than a head costs
        counted.append(watch.in_vain)
    assert counted == [0, 1, 2, 3, 3]
    watch.give_up()
    assert watch.in_vain == 3


def test_a_head_that_paid_clears_the_count_when_it_is_left_and_not_before() -> None:
    watch = watching()
    watch.give_up()
    watch.give_up()
    for _ in range(2):
        watch.gain(OWN)  # together more than a head costs
    assert watch.in_vain == 2
    watch.end()
    assert watch.in_vain == 0


def test_what_one_head_gained_does_not_pay_for_the_next() -> None:
    watch = watching()
    for _ in range(10):
        watch.gain(OWN)
    watch.begin(Active((1, 2), RATES), before=0.95, least=0.6)
    watch.end()
    assert watch.in_vain == 1


def test_once_it_has_ended_nothing_is_watched_and_the_head_counts_once() -> None:
    watch = watching()
    assert watch.active is PAIR
    watch.end()
    assert (watch.active, watch.in_vain) == (None, 1)
    assert watch.last is PAIR  # what was answered lately is its
    watch.begin(TWO_HEADS, before=0.95, least=0.6)
    assert (watch.active, watch.last, watch.in_vain) == (TWO_HEADS, TWO_HEADS, 1)
