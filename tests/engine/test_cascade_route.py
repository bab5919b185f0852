"""Cascades in a route: specialised heads first, the generic variant only where all of them pass on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from catalog.backends.table import open_backend
from catalog.heads import HeadWeights
from catalog.store import Catalog
from engine.route_run import Cascaded, Execution, never_checked, run_route
from engine.router import build_route
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.special_pieces import SpecialHeads, SpecialPieces
from engine.scheduling.problem import Option, Place, Stage
from engine.special_variants import SpecialVariant
from tests.engine.test_router import option, pixels

HEAD = "small.identity.special1"
SECOND = "narrow.identity.special2"
OTHER = 1  # of a specialised head's two rows


def cascade(catalog: Catalog, app: str, generic: str) -> Option:
    whole = option(catalog, app, generic)
    first = Stage(Place.DEVICE, catalog.trunks["small"].parts, HEAD)
    return Option(app, generic, 0.95, (first, whole.stages[0]))


def special(threshold: float = 0.0, name: str = "3") -> SpecialVariant:
    return SpecialVariant(f"small/identity[{name}]", "small", HEAD, (name, ""), threshold)


def relay(catalog: Catalog, app: str, generic: str) -> Option:
    """A cascade with a second specialised head, on the narrow trunk."""
    first, last = cascade(catalog, app, generic).stages
    second = Stage(Place.DEVICE, catalog.trunks["narrow"].parts, SECOND, 0.5)
    return Option(app, generic, 0.95, (first, second, last))


def second(threshold: float = 0.0, name: str = "4") -> SpecialVariant:
    return SpecialVariant(f"narrow/identity[{name}]", "narrow", SECOND, (name, ""), threshold)


def always(answer: int, catalog: Catalog, trunk: str = "small") -> HeadWeights:
    """A head of two rows that always gives one answer, with a confidence of about 0.73."""
    bias = np.zeros(2, np.float32)
    bias[answer] = 1.0
    return HeadWeights(np.zeros((2, catalog.trunks[trunk].feature_dim), np.float32), bias, 1.0)


class AlwaysChecked:
    """Checks every answer, and keeps for which apps it was asked to."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def __call__(self, app: str) -> bool:
        self.drawn.append(app)
        return True


def run(
    catalog: Catalog,
    chosen: dict[str, Option],
    answer: int,
    variant: SpecialVariant,
    checks: Callable[[str], bool] = never_checked,
) -> Execution:
    return run_said(catalog, chosen, {variant: answer}, checks)


def run_said(
    catalog: Catalog,
    chosen: dict[str, Option],
    said: Mapping[SpecialVariant, int],
    checks: Callable[[str], bool] = never_checked,
) -> Execution:
    """Run one window on which specialised heads give certain answers; every part and head takes 1 s."""
    heads = SpecialHeads()
    for variant, answer in said.items():
        heads.put(variant.head, always(answer, catalog, variant.trunk))
    storage = SpecialPieces(CatalogPieces(catalog, open_backend("onnxruntime")), heads)
    route = build_route(catalog, chosen, {v.head: v for v in said})
    clock = itertools.count()
    execution = run_route(
        route, [storage.load(p) for p in route.pieces], pixels, lambda: float(next(clock)), checks
    )
    assert sum(a.busy_s for a in execution.answers) == pytest.approx(execution.busy_s)
    assert sum(execution.piece_s.values()) == pytest.approx(execution.busy_s)
    return execution


def test_what_the_specialised_head_answers_costs_nothing_else(built_catalog: Catalog) -> None:
    found = run(built_catalog, {"who": cascade(built_catalog, "who", "wide/identity")}, 0, special())
    (answer,) = found.answers
    assert (answer.variant, answer.windows[0][0]) == ("small/identity[3]", "3")
    assert found.piece_s.keys() == {*built_catalog.trunks["small"].parts, HEAD}
    assert (found.cascaded[0].special, found.cascaded[0].generic) == ("3", None)


@pytest.mark.parametrize(("answer", "threshold"), [(1, 0.0), (0, 0.8)])
def test_other_and_unsure_are_answered_as_the_generic_variant_would_alone(
    built_catalog: Catalog, answer: int, threshold: float
) -> None:
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    found = run(built_catalog, chosen, answer, special(threshold))
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    assert found.cascaded[0].special is None
    assert found.cascaded[0].generic == alone.answers[0].windows[0][0]


def test_where_an_answer_is_checked_the_generic_variants_is_given_and_both_are_told(
    built_catalog: Catalog,
) -> None:
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    generic = alone.answers[0].windows[0][0]
    other = "3" if generic != "3" else "4"
    found = run(built_catalog, chosen, 0, special(name=other), lambda app: app == "who")
    assert found.answers[0][:3] == alone.answers[0][:3]
    assert (found.cascaded[0].special, found.cascaded[0].generic) == (other, generic)


def test_what_another_app_has_run_is_not_run_again(built_catalog: Catalog) -> None:
    chosen = {
        "odd": option(built_catalog, "odd", "wide/parity"),
        "who": cascade(built_catalog, "who", "wide/identity"),
    }
    route = build_route(built_catalog, chosen, {HEAD: special()})
    assert route.cascades[0].generic.parts == ()
    found = run(built_catalog, chosen, 1, special())
    alone = run(built_catalog, {"odd": chosen["odd"]}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    assert found.answers[1].variant == "wide/identity"


def test_where_the_first_head_answers_neither_the_second_nor_the_generic_variant_runs(
    built_catalog: Catalog,
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(): 0, second(): 0})
    (answer,) = found.answers
    assert (answer.variant, answer.windows[0][0]) == ("small/identity[3]", "3")
    assert found.piece_s == dict.fromkeys((*built_catalog.trunks["small"].parts, HEAD), 1.0)
    assert found.cascaded == (Cascaded("who", "3", None),)


@pytest.mark.parametrize(("answer", "threshold"), [(OTHER, 0.0), (0, 0.8)])
def test_what_the_first_head_passes_on_the_second_answers_without_the_generic_variant(
    built_catalog: Catalog, answer: int, threshold: float
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(threshold): answer, second(): 0})
    (given,) = found.answers
    assert (given.variant, given.windows[0][0]) == ("narrow/identity[4]", "4")
    trunks = built_catalog.trunks
    ran = (*trunks["small"].parts, HEAD, *trunks["narrow"].parts, SECOND)
    assert found.piece_s == dict.fromkeys(ran, 1.0)
    assert given.busy_s == 6.0
    assert found.cascaded == (Cascaded("who", "4", None, second=True),)


@pytest.mark.parametrize(("answer", "threshold"), [(OTHER, 0.0), (0, 0.8)])
def test_what_both_heads_pass_on_is_answered_as_the_generic_variant_would_alone(
    built_catalog: Catalog, answer: int, threshold: float
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(): OTHER, second(threshold): answer})
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    assert found.cascaded == (Cascaded("who", None, alone.answers[0].windows[0][0], second=True),)


def test_a_part_of_both_the_second_trunk_and_the_generic_one_runs_once(built_catalog: Catalog) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(): OTHER, second(): OTHER})
    shared, own = built_catalog.trunks["wide"].parts
    assert shared == built_catalog.trunks["narrow"].parts[0]
    assert (found.piece_s[shared], found.piece_s[own]) == (1.0, 1.0)
    assert found.busy_s == 8.0  # five parts, three heads


def test_a_checked_answer_of_either_head_is_given_by_the_generic_variant_after_one_draw(
    built_catalog: Catalog,
) -> None:
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    generic = alone.answers[0].windows[0][0]
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    narrow = built_catalog.trunks["narrow"].parts[1]
    for first_says, by, asks_second in ((0, "3", False), (OTHER, "4", True)):
        checks = AlwaysChecked()
        found = run_said(built_catalog, chosen, {special(): first_says, second(): 0}, checks)
        assert checks.drawn == ["who"]
        assert found.answers[0][:3] == alone.answers[0][:3]
        assert found.cascaded == (Cascaded("who", by, generic, asks_second),)
        assert (narrow in found.piece_s) is asks_second


def test_nothing_is_drawn_where_no_head_answers(built_catalog: Catalog) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    checks = AlwaysChecked()
    run_said(built_catalog, chosen, {special(): OTHER, second(): OTHER}, checks)
    assert checks.drawn == []


def test_a_second_head_reads_what_another_app_has_run_and_pays_for_nothing_but_itself(
    built_catalog: Catalog,
) -> None:
    chosen = {
        "odd": option(built_catalog, "odd", "narrow/parity"),
        "who": relay(built_catalog, "who", "wide/identity"),
    }
    found = run_said(built_catalog, chosen, {special(): OTHER, second(): 0})
    odd, who = found.answers
    assert who.variant == "narrow/identity[4]"
    assert (odd.busy_s, who.busy_s) == (3.0, 4.0)  # who: its first trunk, and two heads
