"""The engine specialises while it answers: heads come, are used, and go again between two windows."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from catalog.devices import RadioProfile
from catalog.heads import HeadWeights
from catalog.store import Catalog
from engine.answering import Answerer
from engine.clocks import Clocks
from engine.frame_results import FrameResults
from engine.head_orders import TrainingAccount
from engine.ledger import Category, Ledger
from engine.period import FixedPeriod
from engine.reachable_cloud import NO_RADIO
from engine.reservations import Refusal
from engine.results import Result
from engine.route_run import Answer, Execution
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import Residency
from engine.runtime.special_pieces import SpecialHeads, SpecialPieces
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.decision_log import DecisionLog, Decisions, Unlogged
from engine.scheduling.decision_replay import DecisionLogReader, replay
from engine.scheduling.policies.table import make_policy
from engine.scheduling.problem import Budget
from engine.specializing import LiveSpecializing
from engine.window_groups import Asked
from specializer.cascade import CascadeRates, RatesByCount
from specializer.errors import HeadRejected
from specializer.expected_saving import ExpectedSaving
from specializer.head_candidates import other_classes
from specializer.head_trainer import HeadTrainer, TrainingOrder, TrainingResult
from specializer.policy import Active, Seen, Wanted
from specializer.special_head import SpecialHead
from specializer.training_place import TrainingPrices
from tests.engine.rig import PROFILE, WHO, Stopwatch, TimedPieces, option, window
from tests.engine.two_headed import BOTH, ON_TWO, First, TwoHeaded

HEAD_S = 0.002
RATES = CascadeRates(1.0, 0.0, 1.0)
ON_SMALL = {"small/identity": RATES}


class Trainer:
    """Gives a head that says "other" to all, or to nothing; or rejects every order."""

    def __init__(self, catalog: Catalog, other: bool = False, rejects: bool = False) -> None:
        self._dim = catalog.trunks["small"].feature_dim
        self._other = other
        self._rejects = rejects
        self.orders: list[TrainingOrder] = []

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        self.orders.append(order)
        future: Future[TrainingResult] = Future()
        if self._rejects:
            future.set_exception(HeadRejected("too poor", HEAD_S))
            return future
        bias = np.zeros(len(order.dominant) + 1, np.float32)
        bias[-1 if self._other else 0] = 9.0
        weights = HeadWeights(np.zeros((len(bias), self._dim), np.float32), bias, 1.0)
        head = SpecialHead(weights, order.dominant, CascadeRates(1.0, 0.0, 1.0))
        future.set_result(TrainingResult(head, 0.1, HEAD_S))
        return future

    def close(self) -> None:
        return


class Engine:
    """An answerer that specialises, with one app on the wide trunk."""

    def __init__(
        self,
        catalog: Catalog,
        trainer: HeadTrainer,
        policy_name: str = "original",
        decisions: Decisions | None = None,
        rates: Mapping[str, CascadeRates] = ON_SMALL,
    ) -> None:
        self.clock = Stopwatch()
        clocks = Clocks(self.clock, self.clock)
        self.ledger = Ledger(Budget(), FixedPeriod(600.0))
        problem = problem_from_catalog(catalog, [WHO], self.ledger.budget, PROFILE, catalog.measurements())
        heads, self.pieces = SpecialHeads(), TimedPieces(catalog, self.clock)
        storage = SpecialPieces(self.pieces, heads)
        self.memory = PieceMemory(storage, self.pieces.sizes(), Residency(), clocks)
        account = TrainingAccount(self.ledger, TrainingPrices(PROFILE, NO_RADIO), HEAD_S)
        known = {variant: RatesByCount({1: r, 5: r}) for variant, r in rates.items()}
        self.heads = heads
        self.specializing = LiveSpecializing(
            catalog, trainer, known, heads, account, np.random.default_rng(0)
        )
        policy = (decisions or Unlogged()).watch(make_policy(policy_name, problem), problem)
        self.answerer = Answerer(
            catalog,
            problem,
            policy,
            self.ledger,
            self.memory,
            PROFILE,
            clocks,
            specializing=self.specializing,
        )
        self.asked = 0

    def ask(self, windows: int) -> list[Result]:
        results = []
        for _ in range(windows):
            now = self.asked / 10
            if self.answerer.specialised(now) or self.asked == 0:
                self.answerer.plan(now)
            about = window(now, self.asked)
            answers = FrameResults(about.frame)
            self.answerer.answer(Asked(about, ["who"], now, self.clock.now_s, answers))
            self.answerer.finish(now)  # a tenth of a second is long enough for what loads beside it
            results += answers.results
            self.asked += 1
        return results


def test_one_class_for_a_while_gets_a_head_of_its_own(built_catalog: Catalog) -> None:
    trainer = Trainer(built_catalog)
    engine = Engine(built_catalog, trainer)
    results = engine.ask(120)
    generic = results[0].answer
    assert all(r.answer == generic for r in results)
    assert results[-1].variant == f"small/identity[{generic}]"
    assert results[0].variant != results[-1].variant
    (order,) = trainer.orders
    assert (order.trunk, order.task) == ("small", "identity")
    notes = [r.reason for r in results if r.reason]
    assert any(n.startswith(("specialised in", "has a head trained for")) for n in notes)
    news = engine.specializing.figures.recent
    assert {n.app for n in news} == {"who"}
    assert "; ".join(n.text for n in news) == "; ".join(notes)


def test_training_is_a_line_of_the_ledger(built_catalog: Catalog) -> None:
    engine = Engine(built_catalog, Trainer(built_catalog))
    engine.ask(120)
    spent_j = sum(line.energy_j for line in engine.ledger.lines(60.0) if line.category is Category.TRAINING)
    assert spent_j == PROFILE.processor_energy_j(HEAD_S)


def test_a_head_that_passes_everything_on_costs_no_answer(built_catalog: Catalog) -> None:
    plain = Engine(built_catalog, Trainer(built_catalog, rejects=True)).ask(120)
    engine = Engine(built_catalog, Trainer(built_catalog, other=True))
    results = engine.ask(120)
    assert [r.answer for r in results] == [r.answer for r in plain]
    assert engine.answerer.special_figures.passed_on > 0
    assert engine.answerer.special_figures.answered == 0


def test_a_head_that_is_rejected_is_told_and_paid_for_and_nothing_changes(built_catalog: Catalog) -> None:
    engine = Engine(built_catalog, Trainer(built_catalog, rejects=True))
    results = engine.ask(120)
    assert {r.variant for r in results} == {results[0].variant}
    assert any("too poor" in r.reason for r in results)
    assert any(line.category is Category.TRAINING for line in engine.ledger.lines(60.0))


def test_a_head_that_is_left_leaves_the_memory_and_the_options(built_catalog: Catalog) -> None:
    engine = Engine(built_catalog, Trainer(built_catalog))
    engine.ask(120)
    (head,) = engine.specializing.variants
    assert head in engine.memory.resident
    apps = {"who": replace(WHO, name="again")}
    other = problem_from_catalog(
        built_catalog, apps.values(), Budget(), PROFILE, built_catalog.measurements()
    )
    engine.answerer.set_problem(other)
    assert not engine.specializing.variants
    assert head not in engine.memory.resident
    assert not any(o.is_cascade for o in engine.answerer.problem.options["again"])


def test_a_head_that_a_server_trained_costs_its_way_and_its_price() -> None:
    radio = RadioProfile(1e-6, 2e-6, mbps=8.0, tail_w=0.5, tail_s=2.0)
    ledger = Ledger(Budget(1000.0, 10.0), FixedPeriod(600.0))
    prices = TrainingPrices(PROFILE, radio, usd_per_s=2.0, usd_per_byte=1e-6)
    account = TrainingAccount(ledger, prices, HEAD_S)
    training: Future[TrainingResult] = Future()
    held = account.hold(0.0)
    assert not isinstance(held, Refusal)
    account.follow(training, held)
    account.settle(0.0)
    assert ledger.energy_left_j(0.0) < 1000.0 - 2.0  # both tails are held
    weights = HeadWeights(np.zeros((2, 4), np.float32), np.zeros(2, np.float32), 1.0)
    head = SpecialHead(weights, (1,), CascadeRates(1.0, 0.0, 1.0))
    training.set_result(TrainingResult(head, 1.0, 0.25, up_bytes=500, down_bytes=10_000))
    account.settle(0.0)
    (line,) = (x for x in ledger.lines(0.0) if x.category is Category.TRAINING)
    assert line.energy_j == pytest.approx(500 * 1e-6 + 10_000 * 2e-6 + 2 * 0.5 * 2.0)
    assert line.cost_usd == pytest.approx(2.0 * 0.25 + 10_500 * 1e-6)
    assert account.head_s == HEAD_S  # what a head takes here is not learnt from there


def test_decisions_among_cascades_replay_to_the_last_bit(built_catalog: Catalog, tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log.jsonl")
    results = Engine(built_catalog, Trainer(built_catalog), "paced", log).ask(120)
    log.close()
    assert any("small/identity[" in str(r.variant) for r in results)
    found = replay(DecisionLogReader(tmp_path / "log.jsonl"), partial(make_policy, "paced"))
    assert found.choices == 120
    assert found.differing == 0


def test_decisions_among_cascades_of_two_heads_replay_to_the_last_bit(
    built_catalog: Catalog, tmp_path: Path
) -> None:
    log = DecisionLog(tmp_path / "log.jsonl")
    results = Engine(built_catalog, TwoHeaded(built_catalog), "paced", log, ON_TWO).ask(150)
    log.close()
    assert any("narrow/identity[" in str(r.variant) for r in results)
    found = replay(DecisionLogReader(tmp_path / "log.jsonl"), partial(make_policy, "paced"))
    assert (found.choices, found.differing) == (150, 0)


def test_what_the_cloud_answers_teaches_which_classes_dominate(built_catalog: Catalog) -> None:
    trainer = Trainer(built_catalog)
    engine = Engine(built_catalog, trainer)
    here = engine.ask(31)[0].answer  # from then on it is known what usually answers
    classes = built_catalog.tasks["identity"].classes
    other = next(i for i, name in enumerate(classes) if name != here)
    assert all(other not in o.dominant for o in trainer.orders)
    for i in range(60):
        t_s = 10.0 + i / 10
        engine.specializing.observe_label(engine.answerer.problem, "who", classes[other], 1.0, t_s)
        engine.answerer.specialised(t_s)
    assert other in trainer.orders[-1].dominant


def two_headed(
    catalog: Catalog, first: First = First.UNSURE, policy_name: str = "original"
) -> tuple[Engine, list[Result]]:
    """An engine that got a head on the small trunk and one behind it on the narrow one."""
    engine = Engine(catalog, TwoHeaded(catalog, first), policy_name, rates=ON_TWO)
    return engine, engine.ask(200)


@pytest.mark.parametrize("policy_name", ["original", "mcdnn2016", "paced"])
def test_a_second_head_answers_what_the_first_one_is_unsure_of(
    built_catalog: Catalog, policy_name: str
) -> None:
    engine, results = two_headed(built_catalog, policy_name=policy_name)
    answer = results[0].answer
    assert results[0].variant == "wide/identity"
    assert all(r.answer == answer for r in results)
    assert results[-1].variant == f"narrow/identity[{answer}]"
    figures = engine.answerer.special_figures
    by_second = [r for r in results if r.variant == results[-1].variant]
    assert figures.answered == len(by_second) > 100
    assert figures.passed_on == 0


def test_a_second_head_is_not_asked_about_what_the_first_one_answers(built_catalog: Catalog) -> None:
    engine, results = two_headed(built_catalog, First.SURE)
    assert results[-1].variant == f"small/identity[{results[0].answer}]"
    _, second = engine.specializing.variants.values()
    assert not any(str(r.variant).startswith("narrow/") for r in results)
    assert second.trunk == "narrow"  # it is there, and stays unasked


def test_a_second_head_is_not_asked_about_what_the_first_one_calls_other(built_catalog: Catalog) -> None:
    engine, results = two_headed(built_catalog, First.OTHER)
    assert {(r.answer, r.variant) for r in results} == {(results[0].answer, "wide/identity")}
    figures = engine.answerer.special_figures
    assert figures.entered > 0
    assert figures.passed_on > 0
    assert (figures.answered, figures.checked) == (0, 0)
    narrow = built_catalog.trunks["narrow"].parts[1]
    assert narrow not in {piece for piece, _ in engine.pieces.ran}


def test_a_cascade_of_two_heads_is_offered_with_three_stages(built_catalog: Catalog) -> None:
    engine, _ = two_headed(built_catalog)
    first, second = engine.specializing.variants
    problem = engine.answerer.problem
    (cascade,) = [o for o in problem.options["who"] if o.is_cascade]
    wide = built_catalog.variants["wide/identity"]
    assert [s.head for s in cascade.stages] == [first, second, wide.head]
    trunks = [built_catalog.trunks[t].parts for t in ("small", "narrow", "wide")]
    assert [s.parts for s in cascade.stages] == trunks
    assert cascade.stages[1].probability == pytest.approx(BOTH.second_asked(1.0), abs=0.05)
    for head in (first, second):
        weights = engine.heads.get(head)
        assert weights is not None
        assert problem.pieces[head].memory_bytes == weights.weight.nbytes + weights.bias.nbytes


class NamesAnother:
    """Gives a head that is sure that every window is of one class, none that it was ordered for."""

    def __init__(self, catalog: Catalog) -> None:
        self._dim = catalog.trunks["small"].feature_dim

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        bias = np.zeros(10, np.float32)
        bias[-1] = 9.0
        weights = HeadWeights(np.zeros((10, self._dim), np.float32), bias, 1.0)
        others = other_classes(10, order.dominant)
        head = SpecialHead(weights, order.dominant, RATES, 0.5, others=others)
        future: Future[TrainingResult] = Future()
        future.set_result(TrainingResult(head, 0.1, HEAD_S))
        return future

    def close(self) -> None:
        return


def test_what_a_head_knows_to_be_of_another_class_it_answers_and_where_that_goes_on_it_goes(
    built_catalog: Catalog,
) -> None:
    engine = Engine(built_catalog, NamesAnother(built_catalog))
    results = engine.ask(200)
    own = [r for r in results if str(r.variant).startswith("small/identity[")]
    assert own[0].variant == f"small/identity[{results[0].answer}]"
    assert all(str(r.answer) not in str(r.variant).partition("[")[2] for r in own)
    figures = engine.answerer.special_figures
    assert figures.answered == len(own) > 0
    assert figures.passed_on == 0
    assert any("checks disagreed" in str(r.reason) for r in results)
    assert figures.checked > figures.answered // 4  # one in a hundred, were there no reason to be wary


def test_what_a_second_head_took_is_taken_off_what_was_saved(built_catalog: Catalog) -> None:
    engine, _ = two_headed(built_catalog)
    f = engine.answerer.special_figures
    generic_s, special_s = 1.005e-3, (0.105 + 0.505) * 1e-3
    assert f.saved_s == pytest.approx(f.answered * (generic_s - special_s) - f.checked * special_s)


def test_multiply_adds_are_those_of_the_parts_that_ran(built_catalog: Catalog) -> None:
    engine, results = two_headed(built_catalog)
    f = engine.answerer.special_figures

    def macs(*trunks: str) -> int:
        parts = {p for t in trunks for p in built_catalog.trunks[t].parts}
        return sum(built_catalog.parts[p].macs for p in parts)

    alone = len(results) - f.answered - f.checked
    assert min(alone, f.answered, f.checked) > 0
    assert f.multiply_adds == (
        alone * macs("wide")
        + f.answered * macs("small", "narrow")
        + f.checked * macs("small", "narrow", "wide")
    )


def test_the_answer_leans_to_the_classes_of_a_head_and_the_scene_is_judged_without(
    built_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Seen] = []
    observe = ExpectedSaving.observe

    def overheard(policy: ExpectedSaving, seen: Seen, active: Active | None, now: float) -> Wanted:
        told.append(seen)
        return observe(policy, seen, active, now)

    monkeypatch.setattr(ExpectedSaving, "observe", overheard)
    engine = Engine(built_catalog, TwoHeaded(built_catalog, First.OTHER, 30.0), rates=ON_TWO)
    (alone, *_) = engine.ask(6)
    classes = built_catalog.tasks["identity"].classes
    assert alone.answer != "4"
    for i in range(400):  # somebody else says that the scene is of another class, and a head of it is made
        engine.specializing.observe_label(engine.answerer.problem, "who", "4", 1.0, 5.0 + i / 10)
        engine.answerer.specialised(5.0 + i / 10)
    first, _ = engine.specializing.variants.values()
    assert first.classes == ("4", "")
    engine.answerer.plan(45.0)
    told.clear()
    engine.asked = 460
    (given, *_) = engine.ask(1)
    assert (given.answer, given.variant) == ("4", "wide/identity")
    assert given.confidence is not None
    assert alone.confidence is not None
    assert given.confidence > 0.99 > alone.confidence
    (seen,) = told
    assert seen._replace(confidence=0.0) == Seen(None, classes.index(alone.answer), 0.0, cascaded=True)
    assert seen.confidence == pytest.approx(alone.confidence)
    engine.ask(10)
    notes = [n.text for n in engine.specializing.figures.recent]
    assert any("other classes came" in n for n in notes)  # by what it leans to, they would not have


def test_both_heads_leave_when_other_classes_come(built_catalog: Catalog) -> None:
    engine, results = two_headed(built_catalog)
    before = set(engine.specializing.variants)
    assert before <= engine.memory.resident
    classes = built_catalog.tasks["identity"].classes
    other = next(name for name in classes if name != results[0].answer)
    for i in range(400):
        t_s = 20.0 + i / 10
        engine.specializing.observe_label(engine.answerer.problem, "who", other, 1.0, t_s)
        engine.answerer.specialised(t_s)
    after = set(engine.specializing.variants)
    assert len(before) == len(after) == 2
    assert before.isdisjoint(after)  # a scene of another class has heads of its own
    assert [engine.heads.get(h) for h in before] == [None, None]
    assert before.isdisjoint(engine.memory.resident)
    assert before.isdisjoint(engine.answerer.problem.pieces)


def test_another_apps_new_head_is_no_reason_to_leave_ones_own(built_catalog: Catalog) -> None:
    trainer = Trainer(built_catalog)
    engine = Engine(built_catalog, trainer)
    wide = option(built_catalog, WHO, "wide")
    first = option(built_catalog, WHO, "small").stages[0]
    for i in range(200):
        named = replace(first, head=f"small.identity.special{i // 50}")
        options = {"who": wide, "also": replace(wide, app="also", stages=(named, *wide.stages))}
        execution = Execution((Answer("who", wide.variant, (("3", 0.9),), 0.0),), {}, 0.0)
        engine.specializing.observe(engine.answerer.problem, options, execution, i / 10)
        engine.specializing.changed(i / 10)
    assert (engine.specializing.figures.entered, engine.specializing.figures.left) == (1, 0)
    assert len(trainer.orders) == 1
