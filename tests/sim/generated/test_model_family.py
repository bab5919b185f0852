from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.scheduling.problem import App, Option, Place, configuration_cost
from sim.generated.generated_day import Limits, ModelShape, make_models, with_limits
from sim.generated.model_family import CloudShape, FamilyShape, make_family

WHO, AGE = App("who", "who", "face"), App("age", "age", "face")
SHAPE = FamilyShape(trunks=8, split_bytes=2000, specialises=("who",))


def family(seed: int = 0, shape: FamilyShape = SHAPE) -> dict[str, tuple[Option, ...]]:
    made = make_family(
        "face", [WHO, AGE], shape, np.random.default_rng(seed), CloudShape(), {"friends": 0.9, "crowd": 0.6}
    )
    return dict(made.options)


def generic(options: tuple[Option, ...], place: Place = Place.DEVICE) -> list[Option]:
    return [o for o in options if o.place is place and not o.contexts and len(o.stages) == 1]


def test_larger_models_cost_more_hold_more_and_are_more_accurate() -> None:
    made = make_family("face", [WHO], SHAPE, np.random.default_rng(0))
    problem = make_models([WHO], ModelShape({"face": SHAPE}), {}, 0)
    found = sorted(generic(made.options["who"]), key=lambda o: configuration_cost(problem, [o]).energy_j)
    assert len(found) == 8
    assert found[-1].accuracy - found[0].accuracy > 0.25
    assert all(b.accuracy > a.accuracy - 0.03 for a, b in pairwise(found))
    for cost in made.pieces.values():
        assert cost.load_s == 0.0 or 2.0 <= cost.load_energy_j / cost.run_energy_j <= 5.0
        assert cost.run_worst_s >= cost.run_s


def test_every_second_trunk_begins_like_the_one_before_and_apps_share_trunks() -> None:
    options = family()
    parts = [o.stages[0].parts for o in sorted(generic(options["who"]), key=lambda o: o.variant)]
    assert [a[0] == b[0] for a, b in pairwise(parts)] == [True, False] * 3 + [True]
    assert {o.stages[0].parts for o in generic(options["age"])} == set(parts)


def test_everything_also_runs_in_the_cloud_and_the_largest_can_be_split() -> None:
    options = family()["who"]
    assert len(generic(options, Place.CLOUD)) == 8
    splits = [o for o in options if len(o.stages) == 2 and not o.contexts]
    assert [[s.place for s in o.stages] for o in splits] == [[Place.DEVICE, Place.CLOUD]] * 3
    assert {o.stages[1].up_bytes for o in splits} == {2000}


def test_cascades_are_worth_what_the_skew_makes_of_them_and_nothing_elsewhere() -> None:
    cascades = [o for o in family()["who"] if o.contexts]
    assert len(cascades) == 4
    best = max(o.accuracy for o in family()["who"])
    for o in cascades:
        assert o.accuracy == 0.0
        assert o.accuracy_in("friends") > max(o.accuracy_in("crowd"), best - 0.02)
        first, goes_on = o.probabilities_in("friends")
        assert (first, 0.1 < goes_on < 0.25) == (1.0, True)
        assert o.probabilities_in("crowd")[1] > goes_on
    assert not [o for o in family()["age"] if o.contexts]


def test_a_seed_gives_one_family_and_another_seed_another() -> None:
    assert family(1) == family(1) != family(2)


def test_a_family_may_be_of_one_trunk_and_options_below_a_floor_are_left_out() -> None:
    assert len(generic(family(0, FamilyShape(trunks=1))["who"])) == 1
    picky = App("who", "who", "face", accuracy_floor=0.8)
    made = make_family("face", [picky], SHAPE, np.random.default_rng(0))
    assert all(o.accuracy >= 0.8 for o in generic(made.options["who"]))


def test_limits_are_numbers_or_shares_of_what_models_take() -> None:
    problem = make_models([WHO, AGE], ModelShape({"face": SHAPE}), {}, 0)
    total = sum(c.memory_bytes for c in problem.pieces.values())
    limited = with_limits(problem, Limits(energy_lasts=0.5, memory_share=0.25), {"face": 100.0}, 60.0).budget
    best = [generic(problem.options[a])[0] for a in ("who", "age")]
    assert limited.energy_j == pytest.approx(50.0 * configuration_cost(problem, best).energy_j)
    assert (limited.memory_bytes, limited.period_s) == (0.25 * total, 60.0)
    plain = with_limits(problem, Limits(7.0, memory_bytes=8.0, cloud_usd=9.0), {}, 60.0).budget
    assert (plain.energy_j, plain.memory_bytes, plain.cost_usd) == (7.0, 8.0, 9.0)
