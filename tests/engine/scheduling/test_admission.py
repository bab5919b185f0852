from __future__ import annotations

from engine.scheduling.admission import admit
from engine.scheduling.policy import Choice
from tests.scheduling_problems import app, option, shared_trunks

WHO, ODD, LOW = app("who"), app("odd"), app("low")
PROBLEM = shared_trunks([WHO, ODD, LOW])


def test_all_run_while_their_worst_case_together_is_covered() -> None:
    options = {"who": option("who", "large", 0.9), "odd": option("odd", "large", 0.9)}
    admitted = admit(PROBLEM, options, 16.0)
    assert (admitted.options, admitted.refused) == (options, ())


def test_a_later_app_still_runs_where_it_shares_parts_with_one_that_runs() -> None:
    options = {
        "who": option("who", "middle", 0.8),
        "odd": option("odd", "large", 0.9),
        "low": option("low", "middle", 0.8),
    }
    admitted = admit(PROBLEM, options, 8.0)
    assert list(admitted.options) == ["who", "low"]
    assert admitted.refused == ("odd",)


def test_without_energy_not_even_what_costs_nothing_runs() -> None:
    assert admit(PROBLEM, {"who": option("who", "small", 0.6)}, 0.0).refused == ("who",)


def test_a_refused_app_is_told_that_the_energy_is_gone() -> None:
    admitted = admit(PROBLEM, {"who": option("who", "small", 0.6)}, 1.0)
    assert admitted.choice({"odd": "no variant"}) == Choice(
        {}, {"odd": "no variant", "who": "energy budget gone"}
    )
