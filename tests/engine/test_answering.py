"""The answerer on real parts and a clock of its own: what is served, what it costs, what breaks."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.store import Catalog, open_catalog
from engine.demand import Demand
from engine.ledger import Category
from engine.scheduling.problem import App, Budget
from engine.scheduling.unserved import ENERGY_GONE, LATE, TOO_LARGE
from tests.catalog_builder import build_catalog
from tests.engine.rig import ODD, WHO, Scripted, bytes_of, make_rig, on_trunks, option

MJ = 1e-3
LOAD_WIDE_J, RUN_WIDE_J = 200 * MJ, 10 * MJ
LOAD_SMALL_J, RUN_SMALL_J = 20 * MJ, 1 * MJ


def first_part(catalog: Catalog, trunk: str) -> str:
    return catalog.trunks[trunk].parts[0]


def test_every_due_app_gets_one_result_in_the_order_asked(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide", odd="small")))
    odd, who = rig.ask(due=["odd", "who"], index=3)
    assert (odd.app, odd.variant, odd.place, odd.truth) == ("odd", "small/parity", "device", "odd")
    assert (who.app, who.variant, who.window, who.truth) == ("who", "wide/identity", "3.digit.0", "7")
    assert who.answer in built_catalog.tasks["identity"].classes
    assert who.confidence is not None
    assert 0.0 < who.confidence <= 1.0
    assert (who.served, who.reason, who.energy_origin) == (True, "", "modelled")


def test_apps_on_one_trunk_pay_it_once_and_in_equal_parts(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide", odd="wide")))
    first = rig.ask()
    assert [r.energy_j for r in first] == pytest.approx(2 * [(LOAD_WIDE_J + RUN_WIDE_J) / 2])
    second = rig.ask()
    assert [r.energy_j for r in second] == pytest.approx(2 * [RUN_WIDE_J / 2])
    assert rig.spent_j(Category.LOADING) == pytest.approx(LOAD_WIDE_J)
    assert rig.spent_j(Category.EXECUTION) == pytest.approx(2 * RUN_WIDE_J)


def test_latency_counts_from_when_the_frame_was_there_and_includes_loading(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide")))
    rig.clock.now_s = 5.0
    (result,) = rig.answer(0.0, ["who"], began_s=4.9)
    assert result.latency_s == pytest.approx(0.1 + 0.020 + 0.001)


def test_a_late_answer_is_given_charged_and_not_served(built_catalog: Catalog) -> None:
    hasty = replace(WHO, latency_limit_s=0.0005)
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide")), [hasty])
    (result,) = rig.ask(due=["who"])
    assert (result.served, result.reason) == (False, LATE)
    assert result.answer is not None
    assert result.energy_j == pytest.approx(LOAD_WIDE_J + RUN_WIDE_J)


def test_the_policy_sees_what_is_left_resident_and_waiting(built_catalog: Catalog) -> None:
    policy = Scripted(on_trunks(built_catalog, who="small"))
    rig = make_rig(built_catalog, policy, energy_j=1.0, period_s=60.0)
    rig.ask(due=["who"])
    rig.answer(20.0, ["who"], rig.clock.now_s - 0.25)
    before, after = policy.states
    assert (before.resident, before.energy_left_j, before.period_left_s) == (frozenset(), 1.0, 60.0)
    assert after.resident == set(option(built_catalog, WHO, "small").device_pieces)
    assert after.energy_left_j == pytest.approx(1.0 - LOAD_SMALL_J - RUN_SMALL_J)
    assert after.period_left_s == 40.0
    assert after.backlog_s == pytest.approx(0.25)


def test_what_does_not_fit_together_runs_one_after_the_other(
    built_catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    third = App("low", "identity", "digit")
    options = {
        **on_trunks(built_catalog, who="wide", odd="narrow"),
        "low": option(built_catalog, third, "small"),
    }
    limit_bytes = max(bytes_of(built_catalog, o) for o in options.values())
    rig = make_rig(built_catalog, Scripted(options), [WHO, ODD, third], memory_bytes=limit_bytes)
    caplog.set_level(logging.INFO, "engine")
    for _ in range(5):
        results = rig.ask(due=["who", "odd", "low"])
        assert [r.variant for r in results] == ["wide/identity", "narrow/parity", "small/identity"]
        assert all(r.served for r in results)
    assert rig.memory.peak_bytes <= limit_bytes
    assert rig.answerer.evictions > 0
    assert sum("evicted" in r.message for r in caplog.records) == rig.answerer.evictions


def test_together_and_in_passes_the_answers_are_the_same(built_catalog: Catalog) -> None:
    options = on_trunks(built_catalog, who="wide", odd="small")
    roomy = make_rig(built_catalog, Scripted(options))
    tight = make_rig(built_catalog, Scripted(options), memory_bytes=bytes_of(built_catalog, options["who"]))
    once, twice = roomy.ask(), tight.ask()
    assert [r.answer for r in once] == [r.answer for r in twice]
    assert [r.confidence for r in once] == pytest.approx([r.confidence for r in twice])


def test_what_does_not_fit_alone_is_refused_and_the_others_are_served(built_catalog: Catalog) -> None:
    options = on_trunks(built_catalog, who="wide", odd="small")
    rig = make_rig(built_catalog, Scripted(options), memory_bytes=bytes_of(built_catalog, options["odd"]))
    who, odd = rig.ask()
    assert (who.served, who.reason, who.energy_j) == (False, TOO_LARGE, 0.0)
    assert odd.served
    assert rig.spent_j(Category.EXECUTION) == pytest.approx(RUN_SMALL_J)


def test_what_the_budget_cannot_pay_for_in_the_worst_case_does_not_run(built_catalog: Catalog) -> None:
    rig = make_rig(
        built_catalog, Scripted(on_trunks(built_catalog, who="wide")), energy_j=LOAD_WIDE_J + RUN_WIDE_J
    )
    (result,) = rig.ask(due=["who"])  # the worst case of a run is half as much again
    assert (result.served, result.reason) == (False, ENERGY_GONE)
    assert rig.ledger.energy_left_j(0.0) == LOAD_WIDE_J + RUN_WIDE_J


def test_a_budget_that_is_gone_and_renewed_is_said_once_each(
    built_catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig(built_catalog, "original", energy_j=0.3, period_s=60.0)
    served = [rig.answerer.budget_renewed(t) or all(r.served for r in rig.ask(t)) for t in range(60)]
    assert served == [t < 9 for t in range(60)]  # 200 mJ to load, then 10 mJ a second, 15 mJ at worst
    said = [r.message for r in caplog.records]
    assert said == [
        "energy budget gone at 9.0 s: what it cannot pay for is counted and not answered; it renews in 51 s"
    ]
    assert rig.answerer.budget_renewed(60.0)
    assert not rig.answerer.budget_renewed(60.1)
    assert all(r.served for r in rig.ask(60.1))
    assert caplog.records[-1].message.startswith("budget renewed at 60.0 s: 0.3 J")


def test_the_policy_is_told_the_budget_of_a_new_period(built_catalog: Catalog) -> None:
    policy = Scripted({})
    rig = make_rig(built_catalog, policy, energy_j=1.0, period_s=60.0)
    rig.ask()
    assert policy.problems == []
    rig.answerer.budget_renewed(61.0)
    assert policy.problems[-1].budget == Budget(1.0, period_s=60.0)


def test_a_part_that_cannot_be_loaded_is_set_aside_and_tried_again(
    built_catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    rig = make_rig(built_catalog, "original")
    broken = first_part(built_catalog, "wide")  # and of narrow
    rig.pieces.cannot_load = {broken}
    hit = rig.ask(0.0)
    assert {r.reason for r in hit} == {f"{broken} cannot be loaded"}
    assert [r.variant for r in rig.ask(0.1)] == ["small/identity", "small/parity"]
    assert [r.variant for r in rig.ask(9.9)] == ["small/identity", "small/parity"]
    assert rig.pieces.loads.count(broken) == 1
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR] == [
        f"{broken} cannot be loaded: its variants are set aside for 10 s"
    ]
    rig.pieces.cannot_load = set()
    rig.answerer.plan(10.0)
    assert [r.variant for r in rig.ask(10.1)] == ["wide/identity", "wide/parity"]


def test_a_part_that_breaks_while_it_runs_is_paid_for_and_loaded_anew(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, "original")
    rig.ask(0.0)
    second = built_catalog.trunks["wide"].parts[1]
    rig.pieces.cannot_run = {second}
    assert {r.reason for r in rig.ask(1.0)} == {f"{second} cannot be run"}
    assert rig.spent_j(Category.EXECUTION) == pytest.approx(2 * RUN_WIDE_J)
    assert second not in rig.memory.resident
    assert [r.variant for r in rig.ask(2.0)] == ["narrow/identity", "narrow/parity"]
    rig.pieces.cannot_run = set()
    rig.answerer.plan(11.0)
    assert [r.variant for r in rig.ask(11.0)] == ["wide/identity", "wide/parity"]
    assert rig.pieces.loads.count(second) == 2


def test_a_part_whose_features_make_no_sense_is_set_aside(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, "original")
    rig.ask(0.0)
    second = built_catalog.trunks["wide"].parts[1]
    rig.pieces.gives_nonsense = {second}
    assert {r.reason for r in rig.ask(1.0)} == {f"part {second}: features are not finite"}
    assert [r.variant for r in rig.ask(2.0)] == ["narrow/identity", "narrow/parity"]


def test_with_every_variant_broken_an_app_says_why_until_it_is_mended(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path))
    heads = [v.head for v in catalog.variants.values() if v.task == "identity"]
    files = {catalog.head_path(h): catalog.head_path(h).read_bytes() for h in heads}
    for path in files:
        path.write_bytes(b"damaged")
    rig = make_rig(catalog, "original")
    for t in range(3):
        assert not rig.ask(t)[0].served
    who, odd = rig.ask(3.0)
    assert who.reason.startswith(f"set aside: {catalog.root}/heads/")
    assert odd.served
    for path, good in files.items():
        path.write_bytes(good)
    rig.answerer.plan(12.5)
    assert all(r.served for r in rig.ask(12.5))


def test_nothing_stays_reserved_for_what_failed(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, "original", energy_j=5.0)
    rig.pieces.cannot_load = {p.id for p in built_catalog.contents.parts}
    for t in range(5):
        rig.ask(t)
    spent_j = sum(line.energy_j for line in rig.ledger.lines(5.0))
    assert rig.ledger.energy_left_j(5.0) == pytest.approx(5.0 - spent_j)
    assert spent_j == pytest.approx(80 * MJ + 12 * MJ)  # two attempts: the shared first part, small's


def test_loads_ahead_are_charged_to_no_request(built_catalog: Catalog) -> None:
    wide = option(built_catalog, WHO, "wide")
    policy = Scripted(on_trunks(built_catalog, who="small"), wanted=wide.device_pieces)
    rig = make_rig(built_catalog, policy, energy_j=1.0)
    (first,) = rig.ask(due=["who"])
    rig.memory.wait_for_loads()
    (second,) = rig.ask(due=["who"])
    assert [first.energy_j, second.energy_j] == pytest.approx([LOAD_SMALL_J + RUN_SMALL_J, RUN_SMALL_J])
    assert rig.spent_j(Category.LOADING) == pytest.approx(LOAD_SMALL_J + LOAD_WIDE_J)
    assert rig.ledger.energy_left_j(0.0) == pytest.approx(1.0 - LOAD_SMALL_J - LOAD_WIDE_J - 2 * RUN_SMALL_J)


def test_nothing_is_loaded_ahead_that_the_energy_cannot_pay_for(built_catalog: Catalog) -> None:
    wide = option(built_catalog, WHO, "wide")
    policy = Scripted({}, resident=wide.device_pieces)
    rig = make_rig(built_catalog, policy, energy_j=100 * MJ)  # the first part takes 80, the second 120
    rig.answerer.plan(0.0)
    rig.answerer.finish(0.0)
    assert rig.memory.resident == {wide.device_pieces[0]}
    assert rig.ledger.energy_left_j(0.0) == pytest.approx(20 * MJ)
    assert rig.ledger.overdraft_j(0.0) == 0.0


def test_a_load_ahead_that_fails_is_not_tried_on_every_window(built_catalog: Catalog) -> None:
    small = option(built_catalog, WHO, "small")
    rig = make_rig(built_catalog, "best-static", options={"who": (small,), "odd": ()})
    rig.pieces.cannot_load = {small.device_pieces[1]}
    reasons = []
    for t in range(8):
        rig.answerer.plan(t)
        rig.memory.wait_for_loads()
        reasons.append(rig.ask(t)[0].reason)
    assert rig.pieces.loads.count(small.device_pieces[1]) == 1
    assert reasons == 8 * [f"set aside: {small.device_pieces[1]} cannot be loaded"]


def test_models_of_apps_that_went_leave_the_memory(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide", odd="small")))
    rig.ask()
    problem = rig.answerer.problem
    only_odd = replace(problem, apps={"odd": ODD}, pieces={
        p: c for p, c in problem.pieces.items() if p in option(built_catalog, ODD, "small").device_pieces
    }, options={"odd": (option(built_catalog, ODD, "small"),)})  # fmt: skip
    rig.answerer.set_problem(only_odd)
    assert rig.memory.resident == set(option(built_catalog, ODD, "small").device_pieces)
    assert rig.ask(due=["odd"])[0].served


def test_demand_is_learned_once_for_the_same_apps(built_catalog: Catalog) -> None:
    policy = Scripted({})
    rig = make_rig(built_catalog, policy)
    rig.answerer.correct(None)
    assert policy.problems == []
    rig.answerer.correct(Demand({"digit": 3.0}, 10.0, 0.002))
    rig.answerer.correct(Demand({"digit": 9.0}, 10.0, 0.002))
    assert [p.windows_hz for p in policy.problems] == [{"digit": 3.0}]
    rig.answerer.set_problem(replace(rig.answerer.problem, apps={"who": WHO}))
    rig.answerer.correct(Demand({"digit": 9.0}, 10.0, 0.002))
    assert rig.answerer.problem.windows_hz == {"digit": 9.0}


def test_the_demand_of_the_whole_run_is_known_at_its_end(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted({}))
    rig.answerer.correct(Demand({"digit": 3.0}, 10.0, 0.002))
    rig.answerer.learn(Demand({"digit": 9.0}, 12.0, 0.003))
    problem = rig.answerer.problem
    assert (problem.windows_hz, problem.frames_hz, problem.frame_energy_j) == ({"digit": 9.0}, 12.0, 0.003)


def test_what_parts_take_corrects_what_the_policy_expects(built_catalog: Catalog) -> None:
    policy = Scripted(on_trunks(built_catalog, who="wide"))
    rig = make_rig(built_catalog, policy)
    head = built_catalog.variants["wide/identity"].head
    for _ in range(200):
        rig.ask(due=["who"])
    rig.answerer.correct(None)
    assert rig.answerer.problem.pieces[head].run_s < 1e-6  # 5 µs claimed, none taken
    assert policy.problems[-1].pieces == rig.answerer.problem.pieces
    assert rig.ask(due=["who"])[0].served
