import numpy as np
import pytest

from engine.scheduling.kinds import Kind
from engine.scheduling.planner import Planner
from engine.scheduling.policies.why_unserved import WhyUnserved
from engine.scheduling.problem import Option, Place, Problem, Stage
from engine.scheduling.unserved import ENERGY_KEPT, MONEY_KEPT, NOT_PLANNED, OVERLOADED
from tests.scheduling_problems import app, piece

ASKED = Kind("digit", ("who",), "", True)


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ((1.0, 0.0, 0.0), ENERGY_KEPT),
        ((1.0, 1000.0, 0.0), MONEY_KEPT),
        ((1.0, 1.0, 100.0), OVERLOADED),
        ((0.0, 0.0, 0.0), NOT_PLANNED),
    ],
)
def test_what_costs_most_at_the_prices_of_the_plan_is_the_reason(
    prices: tuple[float, float, float], reason: str
) -> None:
    both = (Stage(Place.DEVICE, ("front",)), Stage(Place.CLOUD, ("rest",), cost_usd=0.01))
    problem = Problem(
        {"who": app("who")}, {"who": (Option("who", "split", 0.9, both),)}, {"front": piece(1.0)}
    )
    why = WhyUnserved(problem, Planner(problem))
    assert why.skipped(ASKED, "who", np.array(prices), rush=False) == reason
