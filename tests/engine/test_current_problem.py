"""What a policy is told when costs, parts or apps are others than before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.store import Catalog
from engine.broken_pieces import BrokenPieces
from engine.cloud_link import CloudLink
from engine.current_problem import CurrentProblem
from engine.demand import Demand
from engine.energy_model import Correction
from engine.load_booking import NOTHING_BOOKED, Booked
from engine.prepared_passes import PreparedPasses
from engine.reachable_cloud import NO_CLOUD
from engine.runtime.loading import LoadFailed
from engine.scheduling.costs_correction import CostsCorrection
from engine.specializing import NOT_SPECIALIZING
from tests.engine.rig import PROFILE, WHO, Scripted, make_rig


class Told:
    """A problem with what changes it at hand, and the policy that is told."""

    def __init__(self, catalog: Catalog) -> None:
        self.policy = Scripted({})
        self.rig = make_rig(catalog, self.policy)
        self.metered = Correction()
        self.prepared = PreparedPasses(catalog)
        self.current = CurrentProblem(
            self.rig.answerer.problem,
            self.policy,
            self.rig.memory,
            self.prepared,
            CloudLink(NO_CLOUD, catalog, self.rig.clocks),
            NOT_SPECIALIZING,
            CostsCorrection(PROFILE),
            self.metered,
            BrokenPieces(),
        )


@pytest.fixture
def told(built_catalog: Catalog) -> Told:
    return Told(built_catalog)


def test_demand_is_learned_once_for_the_same_apps_and_anew_at_the_end(told: Told) -> None:
    told.current.correct(None)
    assert told.policy.problems == []
    for windows_hz in (3.0, 9.0):
        told.current.correct(Demand({"digit": windows_hz}, 10.0, 0.002))
    assert [p.windows_hz for p in told.policy.problems] == [{"digit": 3.0}]
    told.current.learn(Demand({"digit": 9.0}, 12.0, 0.003))
    assert told.current.problem.frames_hz == 12.0
    told.current.set(replace(told.current.problem, apps={"who": WHO}))
    told.current.correct(Demand({"digit": 5.0}, 10.0, 0.002))
    assert told.policy.problems[-1].windows_hz == {"digit": 5.0}


def test_a_policy_goes_on_without_what_failed_until_it_may_be_tried_again(
    told: Told, built_catalog: Catalog
) -> None:
    whole = told.current.problem
    heads = {v.head for v in built_catalog.variants.values() if v.task == "identity"}
    failed = tuple(LoadFailed(head, 0.0, True, f"{head} cannot be loaded") for head in heads)
    told.current.take_note(Booked(failures=failed), 0.0)
    assert len(told.policy.problems) == 1
    assert told.policy.problems[0].options["who"] == ()
    assert told.policy.problems[0].options["odd"] == whole.options["odd"]
    assert set(told.current.why_aside) == {"who"}
    assert told.current.problem.options == whole.options  # the policy alone is told less
    told.current.take_note(NOTHING_BOOKED, 9.9)
    assert len(told.policy.problems) == 1
    told.current.take_note(NOTHING_BOOKED, 10.0)
    assert told.policy.problems[1].options == whole.options
    assert told.current.why_aside == {}


def test_a_head_that_was_let_go_of_before_it_was_loaded_is_not_broken(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    gone = LoadFailed("narrow.identity.special2", 0.0, True, "narrow.identity.special2: no such file")
    told.current.take_note(Booked(failures=(gone,)), 0.0)
    assert told.policy.problems == []
    assert caplog.records == []


def test_prices_follow_a_meter_that_says_that_they_are_off(told: Told) -> None:
    before = told.current.problem.pieces
    assert (told.current.follow_meter(), told.policy.problems) == (1.0, [])
    told.metered.learnt = 2.0
    assert told.current.follow_meter() == 2.0
    after = told.policy.problems[-1].pieces
    assert {p: c.run_energy_j for p, c in after.items()} == pytest.approx(
        {p: 2.0 * c.run_energy_j for p, c in before.items()}
    )


def test_what_was_made_ready_for_another_problem_is_forgotten(told: Told) -> None:
    problem = told.current.problem
    options = {app: offered[0] for app, offered in problem.options.items()}
    first = told.prepared.of(problem, options, {})
    assert told.prepared.of(problem, options, {}) is first
    told.current.offer_anew()
    assert told.prepared.of(told.current.problem, options, {}) is not first
