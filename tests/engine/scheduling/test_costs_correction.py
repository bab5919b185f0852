from __future__ import annotations

import random
from dataclasses import replace

import pytest

from catalog.devices import DeviceProfile
from engine.scheduling.costs_correction import CostsCorrection
from engine.scheduling.problem import Option, PieceCost, Place, Problem, Stage

PROFILE = DeviceProfile("test", "made up", base_w=0.0, processor_w=10.0)
EXPECTED = PieceCost(0.010, 0.015, 0.10, 0.15, 1.0, 10.0, 100)
HEAD = PieceCost(1e-5, 1e-5, 1e-4, 1e-4, 0.0, 0.0, 10)
SMALL = PieceCost(0.001, 0.002, 0.01, 0.02, 1.0, 1.0, 10)
LARGE = PieceCost(0.100, 0.150, 1.00, 1.50, 1.0, 10.0, 1000)
PROBLEM = Problem({}, {}, {"trunk": EXPECTED, "small": SMALL, "large": LARGE, "head": HEAD})


def observed(runs_s: list[float]) -> CostsCorrection:
    correction = CostsCorrection(PROFILE)
    for run_s in runs_s:
        correction.observe(PROBLEM, {"trunk": run_s})
    return correction


def test_costs_that_are_about_right_stay() -> None:
    rng = random.Random(0)
    assert observed([rng.uniform(0.006, 0.0145) for _ in range(1000)]).correct(PROBLEM) is None


def test_a_slower_device_is_followed() -> None:
    rng = random.Random(0)
    corrected = observed([0.020 * rng.lognormvariate(0.0, 0.2) for _ in range(2000)]).correct(PROBLEM)
    assert corrected is not None
    cost = corrected.pieces["trunk"]
    assert cost.run_s == pytest.approx(0.0204, rel=0.1)
    assert cost.run_worst_s == pytest.approx(0.0278, rel=0.15)
    assert (cost.run_energy_j, cost.run_worst_energy_j) == (10.0 * cost.run_s, 10.0 * cost.run_worst_s)


def test_only_run_time_and_its_energy_are_corrected() -> None:
    corrected = observed([0.020] * 100).correct(PROBLEM)
    assert corrected is not None
    cost = corrected.pieces["trunk"]
    assert (cost.load_s, cost.load_energy_j, cost.memory_bytes) == (1.0, 10.0, 100)
    assert PROBLEM.pieces["trunk"] == EXPECTED


def test_what_never_ran_is_expected_to_be_off_like_what_did() -> None:
    corrected = observed([0.020] * 300).correct(PROBLEM)
    assert corrected is not None
    trunk, small, large = (corrected.pieces[p] for p in ("trunk", "small", "large"))
    assert large.run_s == pytest.approx(0.100 * trunk.run_s / 0.010)  # a larger one by the factor
    assert small.run_s == pytest.approx(0.001 + trunk.run_s - 0.010)  # a smaller one by the time
    assert small.run_worst_s == pytest.approx(2.0 * small.run_s)
    assert corrected.pieces["head"] == HEAD  # heads are another sort


def test_a_faster_device_is_faster_with_everything() -> None:
    corrected = observed([0.005] * 300).correct(PROBLEM)
    assert corrected is not None
    trunk, small = corrected.pieces["trunk"], corrected.pieces["small"]
    assert small.run_s == pytest.approx(0.001 * trunk.run_s / 0.010)


def test_a_corrected_problem_is_about_right() -> None:
    correction = observed([0.020] * 300)
    corrected = correction.correct(PROBLEM)
    assert corrected is not None
    assert correction.correct(corrected) is None


def test_a_few_runs_do_not_count_yet() -> None:
    assert observed([1.0] * 19).correct(PROBLEM) is None


def test_a_hiccup_is_forgotten() -> None:
    correction = observed([0.010] * 300 + [0.100] + [0.010] * 300)
    assert (
        correction.correct(replace(PROBLEM, pieces={"trunk": replace(EXPECTED, run_worst_s=0.010)})) is None
    )


def test_the_worst_case_is_never_below_the_mean() -> None:
    corrected = observed([0.030] * 25).correct(PROBLEM)
    assert corrected is not None
    assert corrected.pieces["trunk"].run_worst_s >= corrected.pieces["trunk"].run_s


def test_pieces_that_are_not_of_the_problem_are_passed_over() -> None:
    correction = CostsCorrection(PROFILE)
    for _ in range(50):
        correction.observe(PROBLEM, {"stray": 1.0})
    assert correction.correct(PROBLEM) is None


def test_a_further_part_is_not_expected_to_be_off_like_a_first_one() -> None:
    parts = {"first": EXPECTED, "further": SMALL, "other first": SMALL, "other further": SMALL}
    options = tuple(
        Option("app", name, 0.9, (Stage(Place.DEVICE, (f"{name}first", f"{name}further")),))
        for name in ("", "other ")
    )
    problem = Problem({}, {"app": options}, parts)
    correction = CostsCorrection(PROFILE)
    for _ in range(300):
        correction.observe(problem, {"first": 0.010 + 0.004, "further": 0.001 + 0.0005})
    corrected = correction.correct(problem)
    assert corrected is not None
    assert corrected.pieces["other first"].run_s == pytest.approx(0.001 + 0.004, rel=0.02)
    assert corrected.pieces["other further"].run_s == pytest.approx(0.001 + 0.0005, rel=0.02)
