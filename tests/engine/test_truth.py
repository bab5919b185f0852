import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.frames import Box, TruthWindow
from engine.truth import LEAST_OVERLAP, TruthCounts, TruthMatcher, intersection_over_union, match_truth

BOXES = st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(1, 30)] * 2)


def thing(box: Box, name: str = "a") -> TruthWindow:
    return TruthWindow(box, {"task": name})


def test_overlap_is_the_shared_over_the_joint_area() -> None:
    assert intersection_over_union((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert intersection_over_union((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert intersection_over_union((0, 0, 10, 10), (10, 0, 10, 10)) == 0.0
    assert intersection_over_union((0, 0, 0, 0), (0, 0, 0, 0)) == 0.0


def test_a_box_shows_what_it_covers() -> None:
    left, right = thing((0, 0, 10, 10), "left"), thing((50, 0, 10, 10), "right")
    assert match_truth([(51, 1, 10, 10), (0, 0, 9, 10)], [left, right]) == (right, left)


def test_half_an_overlap_is_enough_and_less_is_not() -> None:
    truth = [thing((0, 0, 10, 10))]
    assert match_truth([(0, 0, 10, 5)], truth) == (truth[0],)
    assert match_truth([(0, 0, 10, 4)], truth) == (None,)


def test_the_best_overlap_takes_the_thing_and_the_other_box_shows_nothing() -> None:
    truth = [thing((0, 0, 10, 10))]
    assert match_truth([(0, 0, 10, 8), (0, 0, 10, 9)], truth) == (None, truth[0])


def test_a_box_that_lost_its_best_thing_takes_the_next() -> None:
    first, second = thing((0, 0, 10, 10), "first"), thing((0, 2, 10, 10), "second")
    assert match_truth([(0, 1, 10, 10), (0, 0, 10, 10)], [first, second]) == (second, first)


@given(st.lists(BOXES, max_size=6), st.lists(BOXES, max_size=6))
def test_matching_is_one_to_one_and_leaves_no_good_pair_apart(boxes: list[Box], others: list[Box]) -> None:
    truth = [TruthWindow(b, {}, track=i) for i, b in enumerate(others)]
    matched = match_truth(boxes, truth)
    taken = [m.track for m in matched if m is not None]
    assert len(taken) == len(set(taken))
    for box, match in zip(boxes, matched, strict=True):
        if match is not None:
            assert intersection_over_union(box, match.box) >= LEAST_OVERLAP
        else:
            free = [t for t in truth if t.track not in taken]
            assert all(intersection_over_union(box, t.box) < LEAST_OVERLAP for t in free)


def test_what_is_found_and_what_is_false_is_counted() -> None:
    matcher = TruthMatcher()
    truth = [thing((0, 0, 10, 10)), thing((50, 0, 10, 10))]
    assert matcher.match([(0, 0, 10, 10), (100, 0, 10, 10)], truth) == (truth[0], None)
    assert matcher.match([], truth) == ()
    assert matcher.counts == TruthCounts(present=4, found=1, false_windows=1, frames=2)
    assert matcher.counts.recall == 0.25


def test_a_frame_without_known_truth_counts_nothing() -> None:
    matcher = TruthMatcher()
    assert matcher.match([(0, 0, 10, 10)], None) == (None,)
    assert matcher.counts == TruthCounts()
    assert matcher.counts.recall is None


def test_a_window_in_an_empty_frame_is_false() -> None:
    matcher = TruthMatcher()
    matcher.match([(0, 0, 10, 10)], ())
    assert matcher.counts.false_windows == 1
    assert matcher.counts.recall is None
