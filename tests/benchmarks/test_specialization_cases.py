from __future__ import annotations

import numpy as np
import pytest

from benchmarks.label_traces import TV_TRACES
from benchmarks.specialization_cases import FACES, OBJECTS, QUICK, Case, films_and_shows
from tests.outside_data import outside_folder


@pytest.mark.parametrize(
    ("case", "name"),
    [
        (Case(2, 0.9, 15.0, 120.0), "2 classes, 90%, 15 s"),
        (Case(1, 1.0, 300.0, 300.0), "one class only"),
        (Case(2, 1.0, 300.0, 300.0), "2 classes only"),
        (Case(0, 0.0, 300.0, 300.0), "all classes equal"),
        (Case(2, 1.0, 60.0, 0.0, away_s=600.0), "2 classes, away for 10 min, back"),
    ],
)
def test_an_order_is_named_by_what_is_shown(case: Case, name: str) -> None:
    assert case.name == name


@pytest.mark.parametrize("cases", [QUICK, OBJECTS, FACES])
def test_no_two_orders_of_a_group_look_alike(cases: tuple[Case, ...]) -> None:
    assert len({(case.name, case.real) for case in cases}) == len(cases)
    assert all(case.seeds > 0 for case in cases)


def test_an_order_shows_its_classes_as_often_as_it_says() -> None:
    seen = [s.class_id for s in Case(2, 0.9, 300.0, 300.0).sightings(10, np.random.default_rng(0))]
    assert len(seen) == 3000
    shares = np.sort(np.bincount(seen, minlength=10) / len(seen))
    assert shares[-2:].sum() == pytest.approx(0.9, abs=0.02)
    equal = [s.class_id for s in Case(0, 0.0, 300.0, 300.0).sightings(10, np.random.default_rng(0))]
    assert np.bincount(equal, minlength=10) / len(equal) == pytest.approx(np.full(10, 0.1), abs=0.03)


def test_who_is_away_comes_back() -> None:
    away = Case(2, 1.0, 60.0, 0.0, away_s=600.0).sightings(10, np.random.default_rng(0))
    home = [s.class_id for s in away if s.t_s < 60.0]
    assert len(set(home)) == 2
    assert [s.class_id for s in away if s.t_s >= 660.0] == home
    assert set(home).isdisjoint(s.class_id for s in away if 60.0 <= s.t_s < 660.0)
    assert away[-1].t_s == pytest.approx(720.0, abs=1.0)


@pytest.mark.data
def test_films_and_shows_give_an_order_each_of_the_classes_that_there_are() -> None:
    orders = films_and_shows(outside_folder("traces/tv_faces").parents[1])
    assert [order.name for order in orders] == list(TV_TRACES)
    assert len({order.name for order in orders}) == 5
    for order in orders:
        seen = order.sightings(10, np.random.default_rng(0))
        assert [s.t_s for s in seen] == [s.t_s for s in order.trace]
        assert len({s.class_id for s in seen}) == min(10, len({s.class_id for s in order.trace}))
        assert all(0 <= s.class_id < 10 for s in seen)
