from __future__ import annotations

import numpy as np

from benchmarks.label_traces import with_classes
from sim.label_replay import Sighting

OWN = [5, 9, 5, 2, 9, 5, 7, 2, 9, 5]  # 5 four times, 9 three times, 2 twice, 7 once
TRACE = [Sighting(0.3 * i, class_id) for i, class_id in enumerate(OWN)]


def given(classes: int, seed: int = 0) -> list[Sighting]:
    return list(with_classes(TRACE, classes, np.random.default_rng(seed)))


def becomes(classes: int) -> dict[int, int]:
    """Return what each class of the trace becomes, which is the same throughout."""
    pairs = {(own, seen.class_id) for own, seen in zip(OWN, given(classes), strict=True)}
    assert len(pairs) == len(set(OWN))
    return dict(pairs)


def test_a_trace_of_other_classes_keeps_its_order_and_its_times() -> None:
    assert [seen.t_s for seen in given(10)] == [seen.t_s for seen in TRACE]
    drawn = becomes(10)
    assert [drawn[own] for own in OWN] == [seen.class_id for seen in given(10)]


def test_classes_that_are_told_apart_still_are_where_there_are_enough() -> None:
    for classes in (4, 5, 100):
        drawn = set(becomes(classes).values())
        assert len(drawn) == 4
        assert drawn <= set(range(classes))


def test_the_rarest_share_one_where_there_are_fewer_classes() -> None:
    drawn = becomes(3)
    assert drawn[2] == drawn[7]
    assert {drawn[5], drawn[9], drawn[2]} == {0, 1, 2}
    assert set(becomes(1).values()) == {0}


def test_other_draws_give_other_classes_and_the_same_draws_the_same() -> None:
    assert given(1000, seed=1) == given(1000, seed=1)
    assert given(1000, seed=1) != given(1000, seed=2)
