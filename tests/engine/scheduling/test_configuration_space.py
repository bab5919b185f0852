from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from engine.scheduling.configuration_space import ConfigurationSpace
from engine.scheduling.configurations import Configuration, configuration
from engine.scheduling.kinds import Kind
from engine.scheduling.problem import Budget, InContext, Option, Place, Problem, Stage
from tests.planning_problems import kinds_of, random_problem
from tests.scheduling_problems import app, own_trunks, piece, shared_trunks

FREE = np.zeros(3)


def every_configuration(problem: Problem, kind: Kind) -> list[Configuration]:
    """All there are: an option or none for each app."""
    choices = [
        [None, *(o for o in problem.options[a] if kind.connected or not o.needs_cloud)] for a in kind.due
    ]
    return [
        configuration(problem, kind, [o for o in chosen if o is not None]) for chosen in product(*choices)
    ]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("connected", [False, True])
def test_the_best_at_prices_is_the_best_of_all(seed: int, connected: bool) -> None:
    problem = random_problem(seed, apps=3, trunks=4, cloud=True)
    (kind,) = kinds_of(problem, (connected,))
    everything = every_configuration(problem, kind)
    space = ConfigurationSpace(problem, kind)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        prices = rng.uniform(0.0, [2.0, 2e5, 5.0])
        best = max(c.worth(prices) for c in everything)
        assert space.best(prices).worth(prices) == pytest.approx(max(best, 0.0), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_with_many_trunks_it_is_still_within_a_percent(seed: int) -> None:
    problem = random_problem(seed, apps=3, trunks=15)
    (kind,) = kinds_of(problem)
    everything = every_configuration(problem, kind)
    prices = np.array([0.2, 0.0, 0.0])
    best = max(c.worth(prices) for c in everything)
    assert ConfigurationSpace(problem, kind).best(prices).worth(prices) >= 0.99 * best


def test_nothing_runs_where_nothing_is_worth_its_price() -> None:
    problem = shared_trunks([app("who")])
    space = ConfigurationSpace(problem, Kind("digit", ("who",), "", False))
    assert space.best(np.array([10.0, 0.0, 0.0])).options == {}
    assert space.best(FREE).options["who"].accuracy == 0.9


def test_apps_move_together_to_a_trunk_that_pays_only_for_both() -> None:
    problem = shared_trunks([app("who"), app("odd")])
    prices = np.array([0.06, 0.0, 0.0])  # large: 0.42 more than small for 0.3 a head
    alone = ConfigurationSpace(problem, Kind("digit", ("who",), "", False)).best(prices)
    both = ConfigurationSpace(problem, Kind("digit", ("who", "odd"), "", False)).best(prices)
    assert alone.options["who"].accuracy == 0.8 or alone.options["who"].accuracy == 0.6
    assert {o.accuracy for o in both.options.values()} == {0.8} or both.value > 2 * alone.value


def test_only_what_is_allowed_is_used() -> None:
    problem = own_trunks([app("who"), app("odd")])
    space = ConfigurationSpace(problem, Kind("digit", ("who", "odd"), "", False))
    kept = frozenset({"small of who", "small of who.who"})
    assert {a: o.accuracy for a, o in space.best(FREE, space.resident_only(kept)).options.items()} == {
        "who": 0.6
    }


def test_an_app_that_cannot_be_in_time_or_is_unknown_gets_nothing() -> None:
    problem = shared_trunks([app("who", latency_limit_s=0.1)])
    space = ConfigurationSpace(problem, Kind("digit", ("who", "stray"), "", False))
    assert space.best(FREE).options == {}
    assert space.device_pieces == frozenset()


def test_patience_is_what_the_slowest_answer_leaves_of_the_limit() -> None:
    problem = shared_trunks([app("who", latency_limit_s=2.0)])
    space = ConfigurationSpace(problem, Kind("digit", ("who",), "", False))
    assert space.best(FREE).patience_s == pytest.approx(2.0 - 1.6)


def test_a_cascade_is_chosen_in_its_context_alone() -> None:
    cascade = Option(
        "who",
        "cascade",
        0.0,
        (Stage(Place.DEVICE, ("small",)), Stage(Place.DEVICE, ("large",))),
        (InContext("home", 0.95, (1.0, 0.1)),),
    )
    plain = Option("who", "plain", 0.9, (Stage(Place.DEVICE, ("large",)),))
    problem = Problem(
        {"who": app("who")}, {"who": (plain, cascade)}, {"small": piece(1.0), "large": piece(10.0)}
    )
    prices = np.array([0.01, 0.0, 0.0])
    home = ConfigurationSpace(problem, Kind("digit", ("who",), "home", False)).best(prices)
    street = ConfigurationSpace(problem, Kind("digit", ("who",), "street", False)).best(prices)
    assert (home.options["who"].variant, home.value) == ("cascade", 0.95)
    assert home.resources[0] == pytest.approx(2.0)
    assert street.options["who"].variant == "plain"


def test_what_is_not_kept_is_loaded_for_a_window_where_that_pays() -> None:
    apps = [app("who", latency_limit_s=20.0), app("odd", latency_limit_s=20.0)]
    problem = own_trunks(apps, Budget(memory_bytes=800), load_share=2.0)
    space = ConfigurationSpace(problem, Kind("digit", ("odd",), "", False))
    kept = space.with_kept(frozenset({"large of who", "large of who.who"}))
    free = space.best(FREE, kept)
    assert free.options["odd"].accuracy == 0.9
    assert free.resources[0] == pytest.approx(8.0 + 16.0 + 16.0)  # runs, its load, the other's again
    priced = space.best(np.array([0.01, 0.0, 0.0]), kept)
    assert priced.options["odd"].accuracy == 0.8
    assert priced.resources[0] == pytest.approx(4.0 + 8.0 + 16.0 / 2)  # half of the other has to go
    hurried = ConfigurationSpace(
        own_trunks([app("odd", latency_limit_s=1.0)], load_share=2.0), Kind("digit", ("odd",), "", False)
    )
    assert hurried.best(FREE, hurried.with_kept(frozenset())).options["odd"].accuracy == 0.6


def test_no_load_for_a_window_holds_up_the_processor_for_more_than_half_of_the_tightest_limit() -> None:
    problem = own_trunks([app("odd", latency_limit_s=4.5)], load_share=3.0)
    space = ConfigurationSpace(problem, Kind("digit", ("odd",), "", False))
    found = space.best(FREE, space.with_kept(frozenset()))
    assert found.options["odd"].accuracy == 0.8  # the large one would be in time: loads 2.4 s, runs 1.6 s
