"""Answers from the cloud on a clock that stands still: who answers, when, once, and what it costs.

The cloud's answers are held until the test gives them; everything at the device is real. At 10 W what
stands by (the trunk "wide") takes 1 ms and 10 mJ a window, at most 1.5 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from catalog.devices import RadioProfile
from catalog.store import Catalog
from engine.errors import OffloadFailed
from engine.frame_results import FrameResults
from engine.ledger import Category
from engine.offload import LinkState, Upkeep
from engine.reachable_cloud import NO_RADIO, ReachableCloud
from engine.results import Result
from engine.scheduling.cloud_options import CloudPrices
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import Option, Problem
from engine.scheduling.unserved import CLOUD_SILENT, CONNECTION_LOST, ENERGY_GONE, LATE, MONEY_GONE
from engine.window_groups import Asked
from tests.engine.held_offload import HeldOffload, listing
from tests.engine.rig import ODD, WHO, Rig, make_rig, window

MJ = 1e-3
LIMIT_S = 0.5
DONE_S = 0.9 * LIMIT_S  # when the device should have answered
HURRIED = (replace(WHO, latency_limit_s=LIMIT_S), replace(ODD, latency_limit_s=LIMIT_S))
RADIO = RadioProfile(1e-6, 2e-6, mbps=8.0, tail_w=0.5, tail_s=2.0)
PRICES = CloudPrices(usd_per_s=2.0, usd_per_byte=1e-4)


@dataclass
class Asks:
    """A policy that takes the variants it was told, in the cloud where it is connected.

    Args:
        trunks: by app.
        split: whether the device begins.
    """

    trunks: dict[str, str]
    split: bool = False
    name: str = "asks"
    problem: Problem | None = None
    states: list[State] | None = None

    def set_problem(self, problem: Problem) -> None:
        self.problem = problem

    def plan(self, state: State, now: float) -> Plan:
        return Plan()

    def choose(self, input_type: str, due: Iterable[str], state: State, now: float) -> Choice:
        self.states = [*(self.states or []), state]
        assert self.problem is not None
        return Choice({app: self._option(self.problem, app, state.connected) for app in due})

    def _option(self, problem: Problem, app: str, connected: bool) -> Option:
        stages = (2 if self.split else 1) if connected else 1
        return next(
            o
            for o in problem.options[app]
            if o.variant.startswith(self.trunks[app])
            and o.needs_cloud is connected
            and len(o.stages) == stages
        )


@dataclass
class Bench:
    rig: Rig
    offload: HeldOffload
    policy: Asks

    def ask(self, due: Iterable[str] = ("who", "odd"), index: int = 0) -> FrameResults:
        about = window(0.0, index)
        into = FrameResults(about.frame)
        self.rig.answerer.answer(Asked(about, list(due), 0.0, self.rig.clock.now_s, into))
        return into

    def attend_at(self, now_s: float) -> bool:
        self.rig.clock.now_s = now_s
        return self.rig.answerer.attend(0.0)

    def spent(self, category: Category) -> tuple[float, float]:
        lines = [line for line in self.rig.ledger.lines(0.0) if line.category is category]
        return sum(line.energy_j for line in lines), sum(line.cost_usd for line in lines)

    @property
    def held_j(self) -> float:
        spent_j = sum(line.energy_j for line in self.rig.ledger.lines(0.0))
        return self.rig.ledger.budget.energy_j - spent_j - self.rig.ledger.energy_left_j(0.0)


def bench(
    catalog: Catalog,
    who: str = "wide",
    odd: str = "wide",
    split: bool = False,
    radio: RadioProfile = NO_RADIO,
    prices: CloudPrices = PRICES,
    energy_j: float = 1000.0,
    cost_usd: float = 1000.0,
    call_j: float = 0.0,
    apps: Iterable[object] = HURRIED,
) -> Bench:
    offload = HeldOffload(LinkState(True, 0.02, offered=listing(catalog, 0.01)))
    policy = Asks({"who": who, "odd": odd}, split)
    cloud = ReachableCloud(offload, radio, prices, call_j)
    rig = make_rig(catalog, policy, apps, energy_j, cost_usd=cost_usd, cloud=cloud)  # type: ignore[arg-type]
    rig.answerer.plan(0.0)
    for app in ("who", "odd"):  # what stands by is in memory, and its first runs are behind it
        offload.connect(False)
        rig.answerer.answer(Asked(window(), [app], 0.0, rig.clock.now_s, FrameResults(window().frame)))
        offload.connect(True)
    return Bench(rig, offload, policy)


def the(into: FrameResults) -> list[Result]:
    assert not into.missing
    return into.results


def test_apps_that_go_to_the_cloud_ask_together_and_wait(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    into = b.ask()
    assert into.missing == 2
    ((request, _),) = b.offload.asked
    assert [(q.app, q.variant) for q in request.questions] == [
        ("who", "wide/identity"),
        ("odd", "wide/parity"),
    ]
    assert [w.shape for w in request.windows] == [(16, 16, 3)]
    assert request.deadline_s == pytest.approx(DONE_S - standby_s(b))
    began_s = b.rig.clock.now_s
    b.rig.clock.now_s += 0.25
    b.offload.answer()
    assert b.attend_at(began_s + 0.3)
    for result in the(into):
        assert (result.answer, result.confidence, result.place) == ("3", 0.75, "cloud")
        assert (result.served, result.reason) == (True, "")
        assert result.latency_s == pytest.approx(0.25)  # until it was there, not until it was looked at


def standby_s(b: Bench) -> float:
    """How long before the limit what stands by has to begin."""
    assert b.policy.problem is not None
    standbys = [o.standby for own in b.policy.problem.options.values() for o in own if o.standby]
    pieces = b.rig.answerer.problem.pieces
    return sum(pieces[p].run_worst_s for p in {p for s in standbys for p in s.pieces})


def test_the_device_answers_at_the_deadline_less_what_it_takes(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    into = b.ask()
    began_s, last_s = b.rig.clock.now_s, b.rig.clock.now_s + DONE_S - standby_s(b)
    assert b.rig.answerer.wait_s() == pytest.approx(last_s - began_s)
    assert not b.attend_at(last_s - 1e-6)
    b.rig.answerer.wait_s()  # what was waited is not taken for work
    assert b.attend_at(last_s)
    for result in the(into):
        assert (result.place, result.variant, result.reason) == (
            "device",
            f"wide/{task(result)}",
            CLOUD_SILENT,
        )
        assert result.served
        assert result.latency_s == pytest.approx(last_s - began_s + 1 * MJ)
        assert result.energy_j == pytest.approx(5 * MJ)


def task(result: Result) -> str:
    return {"who": "identity", "odd": "parity"}[result.app]


def test_an_answer_that_comes_later_is_ignored_and_paid_for(built_catalog: Catalog) -> None:
    b = bench(built_catalog, radio=RADIO)
    into = b.ask()
    b.attend_at(b.rig.clock.now_s + LIMIT_S)
    before = list(the(into))
    b.offload.answer(execution_s=0.5, up_bytes=1000)
    assert not b.attend_at(b.rig.clock.now_s)
    assert the(into) == before
    assert b.spent(Category.RADIO)[1] == pytest.approx(2.0 * 0.5 + 1e-4 * 1100)
    assert b.held_j == pytest.approx(0.0)
    figures = b.rig.answerer.cloud_figures
    assert (figures.sent, figures.answered, figures.stood_in, figures.lost) == (2, 0, 0, 2)


@pytest.mark.parametrize(("answered", "place"), [(True, "cloud"), (False, "device")])
def test_what_is_answered_while_other_windows_of_its_moment_are_served_is_answered_once(
    built_catalog: Catalog, answered: bool, place: str
) -> None:
    b = bench(built_catalog)
    chooses = b.policy.choose

    def meanwhile(*asked: Any) -> Choice:
        """The cloud answers what was asked before, or the device has to."""
        if b.offload.asked and answered:
            b.offload.answer()
        elif b.offload.asked:
            b.rig.clock.now_s = began_s + DONE_S
        return chooses(*asked)

    began_s, windows = b.rig.clock.now_s, [window(0.0, i) for i in range(3)]
    moment = [Asked(w, ["who", "odd"], 0.0, began_s, FrameResults(w.frame)) for w in windows]
    b.policy.choose = meanwhile  # type: ignore[method-assign]
    b.rig.answerer.answer_all(moment)
    assert [(r.window, r.app, r.place) for r in the(moment[0].into)] == [
        (windows[0].id, "who", place),
        (windows[0].id, "odd", place),
    ]


def test_a_request_that_fails_is_answered_at_the_device_at_once(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    into = b.ask()
    b.offload.fail()
    assert b.attend_at(b.rig.clock.now_s + 0.01)
    assert {(r.place, r.reason, r.served) for r in the(into)} == {("device", CLOUD_SILENT, True)}
    assert b.spent(Category.RADIO)[1] > 0.0  # it may have run


def test_a_refused_request_costs_no_money(built_catalog: Catalog) -> None:
    class Refused(OffloadFailed):
        may_have_run = False

    b = bench(built_catalog)
    b.ask()
    b.offload.fail(error=Refused("full"))
    b.attend_at(b.rig.clock.now_s)
    assert b.spent(Category.RADIO) == (0.0, 0.0)


def test_several_that_stand_by_begin_early_enough_for_the_last(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    asked = [b.ask(index=i) for i in range(5)]
    last_s = b.rig.clock.now_s + DONE_S - 5 * standby_s(b)
    assert not b.attend_at(last_s - 1e-6)
    b.rig.answerer.wait_s()
    assert b.attend_at(last_s)
    assert [f.missing for f in asked] == [0, 2, 2, 2, 2]


def test_a_thread_that_wakes_up_late_still_keeps_the_limit(built_catalog: Catalog) -> None:
    """Later by nearly a tenth of the limit, as on a processor that others use, too."""
    b = bench(built_catalog)
    asked = [b.ask(index=i) for i in range(5)]
    b.rig.answerer.wait_s()
    assert b.attend_at(b.rig.clock.now_s + b.rig.answerer.wait_s() + 0.09 * LIMIT_S)
    assert {(r.place, r.served) for into in asked for r in the(into)} == {("device", True)}


def test_who_was_busy_once_asks_for_answers_earlier_from_then_on(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    b.ask(index=0)
    began_s = b.rig.clock.now_s
    b.attend_at(began_s)
    b.attend_at(began_s + 0.1)  # a plan, for instance
    b.rig.answerer.wait_s()
    into, asked_s = b.ask(index=1), b.rig.clock.now_s
    request, _ = b.offload.asked[-1]
    assert request.deadline_s == pytest.approx(DONE_S - standby_s(b) - 0.1)
    b.attend_at(asked_s + request.deadline_s)
    assert {r.place for r in the(into)} == {"device"}


def test_what_would_have_to_begin_while_nobody_can_attend_begins_before(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    first, began_s = b.ask(index=0), b.rig.clock.now_s
    b.rig.clock.now_s += 0.25
    second = b.ask(index=1)
    b.rig.answerer.wait_s()
    assert not b.rig.answerer.attend(0.0, 0.1)
    assert b.rig.answerer.attend(0.0, 0.3)
    assert [f.missing for f in (first, second)] == [0, 2]
    assert {(r.place, r.served) for r in the(first)} == {("device", True)}
    b.rig.answerer.wait_s()
    b.rig.clock.now_s = began_s + 0.55
    b.offload.answer()
    b.attend_at(b.rig.clock.now_s)
    assert {(r.place, r.served) for r in the(second)} == {("cloud", True)}


def test_where_many_fail_at_once_the_one_with_the_least_time_goes_first(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    urgent = b.ask(index=0)
    began_s = b.rig.clock.now_s
    b.rig.clock.now_s = began_s + DONE_S - 12 * standby_s(b)
    later = [b.ask(index=i) for i in range(1, 10)]
    for i in range(1, 10):
        b.offload.fail(i)
    b.attend_at(began_s + DONE_S - standby_s(b))
    assert {(r.place, r.served) for into in (urgent, *later) for r in the(into)} == {("device", True)}
    (latest_s,) = {r.latency_s for r in the(urgent)}
    assert latest_s is not None
    assert latest_s <= DONE_S


def test_energy_is_held_for_what_stands_by_until_the_answer_is_there(built_catalog: Catalog) -> None:
    b = bench(built_catalog, radio=RADIO)
    into = b.ask()
    problem = b.rig.answerer.problem
    pieces = {p for own in problem.options.values() for o in own if o.standby for p in o.standby.pieces}
    radio_j = 2 * 0.5 * 2.0 + 1e-6 * (768 + 120) + 2e-6 * 160
    assert b.held_j == pytest.approx(sum(problem.pieces[p].run_worst_energy_j for p in pieces) + radio_j)
    b.offload.answer(up_bytes=900)
    b.attend_at(b.rig.clock.now_s)
    assert b.held_j == pytest.approx(0.0)
    assert len(the(into)) == 2


def test_the_radio_pays_for_bytes_and_for_its_tail_once(built_catalog: Catalog) -> None:
    b = bench(built_catalog, radio=RADIO)
    began_s = b.rig.clock.now_s
    first = b.ask(["who"])
    b.rig.clock.now_s = began_s + 0.1
    b.offload.answer(up_bytes=1000, execution_s=0.25)
    b.attend_at(began_s + 0.1)
    sent_s = 8e-6 * (768 + 120) / 8.0  # on until two seconds after that
    received_s = 8e-6 * 100 / 8.0
    tail_j = 0.5 * (2.0 + 2.0 - (2.0 - (0.1 - received_s - sent_s)))
    (result,) = the(first)
    assert result.energy_j == pytest.approx(tail_j + 1000 * 1e-6 + 100 * 2e-6)
    assert result.cost_usd == pytest.approx(2.0 * 0.25 + 1e-4 * 1100)
    assert b.spent(Category.RADIO) == pytest.approx((result.energy_j, result.cost_usd))


def test_what_keeps_the_way_open_is_charged_when_planning_and_at_the_end(built_catalog: Catalog) -> None:
    b = bench(built_catalog, radio=RADIO, call_j=0.01)
    b.rig.clock.now_s += 10.0
    b.offload.link = replace(b.offload.link, upkeep=Upkeep(2, 5000, 100))
    b.rig.answerer.plan(0.0)
    bytes_j, tails_j = 5000 * 1e-6 + 100 * 2e-6, 2 * 0.5 * 2.0  # 5 s lie between the two
    assert b.spent(Category.LINK) == pytest.approx((bytes_j + tails_j + 2 * 0.01, 1e-4 * 5100))
    b.rig.answerer.plan(0.0)  # nothing has been sent since
    assert b.spent(Category.LINK)[0] == pytest.approx(bytes_j + tails_j + 2 * 0.01)
    b.offload.link = replace(b.offload.link, upkeep=Upkeep(3, 5000, 200))
    b.rig.answerer.finish(0.0)  # within the last one's tail, so none of its own
    assert b.spent(Category.LINK)[0] == pytest.approx(bytes_j + tails_j + 100 * 2e-6 + 3 * 0.01)


def test_each_exchange_takes_the_processor_for_the_call_once(built_catalog: Catalog) -> None:
    b = bench(built_catalog, call_j=4 * MJ)
    before_j, _ = b.spent(Category.EXECUTION)
    into = b.ask()
    assert b.rig.answerer.problem.link.exchange_j == pytest.approx(4 * MJ)
    b.offload.answer()
    b.attend_at(b.rig.clock.now_s)
    assert [r.energy_j for r in the(into)] == pytest.approx([2 * MJ, 2 * MJ])
    assert b.spent(Category.EXECUTION)[0] - before_j == pytest.approx(4 * MJ)
    assert b.held_j == pytest.approx(0.0)


def test_a_split_network_sends_what_the_device_began(built_catalog: Catalog) -> None:
    b = bench(built_catalog, who="small", odd="small", split=True)
    into = b.ask()
    ((request, _),) = b.offload.asked
    assert request.windows == ()
    assert request.features is not None
    assert request.features.part_ids == built_catalog.trunks["small"].parts[:1]
    assert (request.features.values.shape, request.features.values.dtype) == ((1, 4, 4, 4), np.float32)
    b.offload.answer()
    b.attend_at(b.rig.clock.now_s)
    assert {r.place for r in the(into)} == {"split"}
    assert sum(r.energy_j for r in the(into)) == pytest.approx(0.6 * MJ)  # 60 µs at 10 W


def test_device_cloud_and_split_serve_one_window_together(built_catalog: Catalog) -> None:
    b = bench(built_catalog, who="wide", odd="small")
    problem = b.rig.answerer.problem
    away = next(o for o in problem.options["who"] if o.needs_cloud and o.variant.startswith("wide"))
    split = next(o for o in problem.options["odd"] if len(o.stages) == 2)
    b.policy.choose = lambda *_: Choice({"who": away, "odd": split})  # type: ignore[method-assign]
    into = b.ask()
    assert [r.features is None for r, _ in b.offload.asked] == [True, False]
    b.offload.answer(0)
    b.offload.answer(1)
    b.attend_at(b.rig.clock.now_s)
    assert [(r.app, r.place) for r in the(into)] == [("who", "cloud"), ("odd", "split")]


def test_without_energy_or_money_for_the_worst_case_nothing_is_sent(built_catalog: Catalog) -> None:
    poor = bench(built_catalog, cost_usd=1e-3)
    assert {r.reason for r in the(poor.ask())} == {MONEY_GONE}
    assert poor.offload.asked == []
    weak = bench(built_catalog, energy_j=1000.0)
    weak.rig.ledger.charge(Category.EXECUTION, weak.rig.ledger.energy_left_j(0.0) - 1 * MJ, 0.0)
    assert {r.reason for r in the(weak.ask())} == {ENERGY_GONE}
    assert weak.offload.asked == []
    assert weak.held_j == pytest.approx(0.0)


def test_without_time_for_the_cloud_the_device_answers(built_catalog: Catalog) -> None:
    b = bench(built_catalog, radio=RADIO)
    about = window()
    into = FrameResults(about.frame)
    b.rig.answerer.answer(Asked(about, ["who"], 0.0, b.rig.clock.now_s - DONE_S + 1.1 * standby_s(b), into))
    assert b.offload.asked == []
    b.attend_at(b.rig.clock.now_s)
    (result,) = the(into)
    assert (result.place, result.served) == ("device", True)
    assert b.spent(Category.RADIO) == (0.0, 0.0)


def test_an_answer_after_the_limit_is_late(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    into = b.ask(["who"])
    b.rig.clock.now_s += LIMIT_S + 0.1
    b.offload.answer()
    b.attend_at(b.rig.clock.now_s)
    (result,) = the(into)
    assert (result.answer, result.served, result.reason) == ("3", False, LATE)


def test_what_can_no_longer_be_in_time_is_not_run(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    into = b.ask(["who"])
    before_j, _ = b.spent(Category.EXECUTION)
    b.attend_at(b.rig.clock.now_s + LIMIT_S)
    (result,) = the(into)
    assert (result.answer, result.served, result.reason) == (None, False, CONNECTION_LOST)
    assert b.spent(Category.EXECUTION)[0] == before_j


def test_the_policy_knows_whether_the_cloud_is_there_and_what_slows_it_down(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    b.offload.link = replace(b.offload.link, up_bytes_per_s=1000.0)
    b.rig.clock.now_s += 2.0
    b.rig.answerer.plan(0.0)
    b.ask(["who"])
    b.ask(["odd"])  # the first 888 bytes are still on their way
    b.offload.connect(False)
    b.ask(["who"])
    assert b.policy.states is not None
    first, second, third = b.policy.states[-3:]
    assert (first.connected, first.mbps) == (True, float("inf"))
    assert second.connected
    assert second.mbps == pytest.approx(0.5 * 8e-3)
    assert not third.connected


def test_a_changed_listing_changes_the_options(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    fewer = tuple(v for v in b.offload.link.offered if v.id.startswith("small"))
    b.offload.link = replace(b.offload.link, offered=fewer)
    b.rig.answerer.plan(0.0)
    assert {o.variant for o in b.rig.answerer.problem.options["who"] if o.needs_cloud} == {"small/identity"}
    b.offload.link = replace(b.offload.link, offered=())
    assert b.rig.answerer.cloud_came_or_went()
    b.rig.answerer.plan(0.0)
    assert not any(o.needs_cloud for o in b.rig.answerer.problem.options["who"])


def test_a_way_that_is_hardly_other_changes_nothing(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    problem = b.rig.answerer.problem
    b.rig.clock.now_s += 2.0
    b.offload.link = replace(b.offload.link, round_trip_s=0.0215, lost_share=0.03)
    b.rig.answerer.plan(0.0)
    assert b.rig.answerer.problem is problem
    b.offload.link = replace(b.offload.link, round_trip_s=0.05)
    b.rig.answerer.plan(0.0)
    assert b.rig.answerer.problem.link.round_trip_s == 0.05


def test_a_way_that_keeps_changing_is_followed_now_and_then(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    problem = b.rig.answerer.problem
    b.offload.link = replace(b.offload.link, round_trip_s=0.05)
    b.rig.clock.now_s += 1.0
    b.rig.answerer.plan(0.0)
    assert b.rig.answerer.problem is problem
    b.rig.clock.now_s += 1.0
    b.rig.answerer.plan(0.0)
    assert b.rig.answerer.problem is not problem


def test_what_was_lost_is_forgotten_once_nothing_is_sent(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    b.ask()
    b.offload.fail()
    b.offload.link = replace(b.offload.link, lost_share=0.8)
    began_s = b.rig.clock.now_s
    expected = []
    for later_s in (2.0, 12.0, 60.0):
        b.attend_at(began_s + later_s)
        b.rig.answerer.plan(0.0)
        who = next(o for o in b.rig.answerer.problem.options["who"] if o.standby)
        assert who.standby is not None
        expected.append(who.standby.probability)
    assert expected == pytest.approx([0.8 * np.exp(-t / 10.0) for t in (2.0, 12.0, 60.0)], rel=0.01)


def test_an_app_that_is_taken_away_still_gets_its_answer(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    into = b.ask()
    problem = b.rig.answerer.problem
    b.rig.answerer.set_problem(
        replace(problem, apps={"odd": problem.apps["odd"]}, options={"odd": problem.options["odd"]})
    )
    b.offload.answer()
    b.attend_at(b.rig.clock.now_s)
    assert [r.app for r in the(into)] == ["who", "odd"]


def test_an_answer_to_something_else_is_none(built_catalog: Catalog) -> None:
    b = bench(built_catalog)
    into = b.ask()
    request, answer = b.offload.asked[0]
    b.offload.asked[0] = (replace(request, questions=request.questions[:1]), answer)
    b.offload.answer(0)
    b.attend_at(b.rig.clock.now_s)
    assert {r.place for r in the(into)} == {"device"}
