"""Cascades in a route: specialised heads first, the generic variant only where all of them pass on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

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
from engine.special_variants import SpecialVariant, special_variants
from specializer.cascade import CascadeRates
from specializer.head_candidates import other_classes
from specializer.special_head import SpecialHead
from tests.engine.test_router import option, pixels

HEAD = "small.identity.special1"
SECOND = "narrow.identity.special2"
OTHER = 1  # of a specialised head's two rows
UNSURE = 0.8  # a threshold that no head here reaches


def cascade(catalog: Catalog, app: str, generic: str) -> Option:
    whole = option(catalog, app, generic)
    first = Stage(Place.DEVICE, catalog.trunks["small"].parts, HEAD)
    return Option(app, generic, 0.95, (first, whole.stages[0]))


def special(threshold: float = 0.0, name: str = "3", shift: float = 0.0) -> SpecialVariant:
    return SpecialVariant(f"small/identity[{name}]", "small", HEAD, (name, ""), threshold, (name,), shift)


def apart(threshold: float, name: str, other: str, shift: float = 0.0) -> SpecialVariant:
    """A head whose second row stands for another class."""
    return replace(special(threshold, name, shift), classes=(name, other))


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


@pytest.mark.parametrize(("answer", "threshold"), [(OTHER, 0.0), (0, UNSURE)])
def test_other_and_unsure_are_answered_as_the_generic_variant_would_alone(
    built_catalog: Catalog, answer: int, threshold: float
) -> None:
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    found = run(built_catalog, chosen, answer, special(threshold))
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    assert found.cascaded[0].special is None
    assert found.cascaded[0].generic == alone.answers[0].windows[0][0]


def test_a_head_that_tells_other_classes_apart_answers_them_and_nothing_else_runs(
    built_catalog: Catalog,
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {apart(0.0, "3", "7"): OTHER, second(): 0})
    (answer,) = found.answers
    assert (answer.variant, answer.windows[0][0]) == ("small/identity[3]", "7")
    assert found.piece_s == dict.fromkeys((*built_catalog.trunks["small"].parts, HEAD), 1.0)
    assert found.cascaded == (Cascaded("who", "7", None),)


def test_what_names_another_class_unsurely_is_asked_of_the_second_head(built_catalog: Catalog) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    behind = replace(second(), classes=("4", "8"))
    found = run_said(built_catalog, chosen, {apart(UNSURE, "3", "7"): OTHER, behind: OTHER})
    assert found.answers[0].variant == "narrow/identity[4]"
    assert found.cascaded == (Cascaded("who", "8", None, second=True),)
    narrow = built_catalog.trunks["narrow"].parts[1]
    assert narrow in found.piece_s


def test_another_class_that_neither_head_is_sure_of_goes_to_the_generic_variant(
    built_catalog: Catalog,
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    behind = replace(second(UNSURE), classes=("4", "8"))
    found = run_said(built_catalog, chosen, {apart(UNSURE, "3", "7"): OTHER, behind: OTHER})
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    ((name, confidence),) = alone.answers[0].windows
    assert found.cascaded == (Cascaded("who", None, name, second=True, confidence=confidence),)


def test_an_answer_of_another_class_is_checked_like_any(built_catalog: Catalog) -> None:
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    ((name, confidence),) = alone.answers[0].windows
    checks = AlwaysChecked()
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    found = run(built_catalog, chosen, OTHER, apart(0.0, "3", "7"), checks)
    assert checks.drawn == ["who"]
    assert found.cascaded == (Cascaded("who", "7", name, confidence=confidence),)


@pytest.mark.parametrize("row", range(10))
def test_each_row_of_a_head_with_moved_priors_gives_its_class(built_catalog: Catalog, row: int) -> None:
    dominant = (3, 1)
    names = built_catalog.tasks["identity"].classes
    bias = np.zeros(10, np.float32)
    bias[row] = 9.0
    weights = HeadWeights(np.zeros((10, built_catalog.trunks["small"].feature_dim), np.float32), bias, 1.0)
    others = other_classes(10, dominant)
    head = SpecialHead(weights, dominant, CascadeRates(0.9, 0.05, 0.9), 0.5, others=others)
    (variant,) = special_variants("small", "identity", names, head, lambda *_: HEAD)
    heads = SpecialHeads()
    heads.put(HEAD, weights)
    storage = SpecialPieces(CatalogPieces(built_catalog, open_backend("onnxruntime")), heads)
    route = build_route(
        built_catalog, {"who": cascade(built_catalog, "who", "wide/identity")}, {HEAD: variant}
    )
    found = run_route(route, [storage.load(p) for p in route.pieces], pixels)
    class_id = [3, 1, 0, 2, 4, 5, 6, 7, 8, 9][row]
    assert found.answers[0].windows[0][0] == names[class_id]
    assert found.cascaded == (Cascaded("who", names[class_id], None),)


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


def test_what_the_first_head_is_unsure_of_the_second_answers_without_the_generic_variant(
    built_catalog: Catalog,
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(UNSURE): 0, second(): 0})
    (given,) = found.answers
    assert (given.variant, given.windows[0][0]) == ("narrow/identity[4]", "4")
    trunks = built_catalog.trunks
    ran = (*trunks["small"].parts, HEAD, *trunks["narrow"].parts, SECOND)
    assert found.piece_s == dict.fromkeys(ran, 1.0)
    assert given.busy_s == 6.0
    assert found.cascaded == (Cascaded("who", "4", None, second=True),)


@pytest.mark.parametrize("threshold", [0.0, UNSURE])
def test_what_the_first_head_calls_other_goes_to_the_generic_variant_and_the_second_is_not_asked(
    built_catalog: Catalog, threshold: float
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(threshold): OTHER, second(): 0})
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    ((name, confidence),) = alone.answers[0].windows
    assert found.cascaded == (Cascaded("who", None, name, second=False, confidence=confidence),)
    trunks = built_catalog.trunks
    generic = built_catalog.variants["wide/identity"].head
    ran = (*trunks["small"].parts, HEAD, *trunks["wide"].parts, generic)
    assert found.piece_s == dict.fromkeys(ran, 1.0)


@pytest.mark.parametrize(("answer", "threshold"), [(OTHER, 0.0), (0, UNSURE)])
def test_what_both_heads_pass_on_is_answered_as_the_generic_variant_would_alone(
    built_catalog: Catalog, answer: int, threshold: float
) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(UNSURE): 0, second(threshold): answer})
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    ((name, confidence),) = alone.answers[0].windows
    assert found.cascaded == (Cascaded("who", None, name, second=True, confidence=confidence),)


def test_a_part_of_both_the_second_trunk_and_the_generic_one_runs_once(built_catalog: Catalog) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, {special(UNSURE): 0, second(): OTHER})
    shared, own = built_catalog.trunks["wide"].parts
    assert shared == built_catalog.trunks["narrow"].parts[0]
    assert (found.piece_s[shared], found.piece_s[own]) == (1.0, 1.0)
    assert found.busy_s == 8.0  # five parts, three heads


def test_a_checked_answer_of_either_head_is_given_by_the_generic_variant_after_one_draw(
    built_catalog: Catalog,
) -> None:
    alone = run(built_catalog, {"who": option(built_catalog, "who", "wide/identity")}, 0, special())
    ((name, confidence),) = alone.answers[0].windows
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    narrow = built_catalog.trunks["narrow"].parts[1]
    for threshold, by, asks_second in ((0.0, "3", False), (UNSURE, "4", True)):
        checks = AlwaysChecked()
        found = run_said(built_catalog, chosen, {special(threshold): 0, second(): 0}, checks)
        assert checks.drawn == ["who"]
        assert found.answers[0][:3] == alone.answers[0][:3]
        assert found.cascaded == (Cascaded("who", by, name, asks_second, confidence),)
        assert (narrow in found.piece_s) is asks_second


def test_nothing_is_drawn_where_no_head_answers(built_catalog: Catalog) -> None:
    chosen = {"who": relay(built_catalog, "who", "wide/identity")}
    for first, second_says in ((special(), OTHER), (special(UNSURE), OTHER)):
        checks = AlwaysChecked()
        answer = OTHER if first.threshold == 0.0 else 0
        run_said(built_catalog, chosen, {first: answer, second(): second_says}, checks)
        assert checks.drawn == []


def test_a_second_head_reads_what_another_app_has_run_and_pays_for_nothing_but_itself(
    built_catalog: Catalog,
) -> None:
    chosen = {
        "odd": option(built_catalog, "odd", "narrow/parity"),
        "who": relay(built_catalog, "who", "wide/identity"),
    }
    found = run_said(built_catalog, chosen, {special(UNSURE): 0, second(): 0})
    odd, who = found.answers
    assert who.variant == "narrow/identity[4]"
    assert (odd.busy_s, who.busy_s) == (3.0, 4.0)  # who: its first trunk, and two heads


def said_alone(catalog: Catalog) -> np.ndarray:
    """What the wide head says of the window, (10,)."""
    values: Any = pixels(catalog.trunks["wide"].size_px)
    pieces = CatalogPieces(catalog, open_backend("onnxruntime"))
    for part in catalog.trunks["wide"].parts:
        values = pieces.load(part)(values)
    head = catalog.head_weights(catalog.variants["wide/identity"].head)
    confidences: np.ndarray = head.confidences(values)[0]
    return confidences


def leaning(confidences: np.ndarray, classes: list[int], shift: float) -> np.ndarray:
    """What is said of a window where these classes are more frequent, by Bayes' rule."""
    said = confidences.astype(np.float64)
    said[classes] *= np.exp(shift)
    said /= said.sum()
    return said


@pytest.mark.parametrize("way", ["other", "unsure", "both unsure", "checked"])
def test_the_answer_leans_to_the_heads_classes_and_what_is_told_does_not(
    built_catalog: Catalog, way: str
) -> None:
    said = said_alone(built_catalog)
    own, runner_up = (int(c) for c in np.argsort(said)[::-1][:2])
    names = built_catalog.tasks["identity"].classes
    shift = float(np.log(said[own] / said[runner_up])) + 0.1  # just enough
    first = special(0.0 if way in ("other", "checked") else UNSURE, names[runner_up], shift)
    answer = OTHER if way == "other" else 0
    make = relay if way == "both unsure" else cascade
    heads = {first: answer} | ({second(UNSURE, names[runner_up]): 0} if way == "both unsure" else {})
    chosen = {"who": make(built_catalog, "who", "wide/identity")}
    found = run_said(built_catalog, chosen, heads, lambda app: way == "checked")
    (given,) = found.answers
    expected = leaning(said, [runner_up], shift)
    assert expected.argmax() == runner_up != own
    ((name, confidence),) = given.windows
    assert (given.variant, name) == ("wide/identity", names[runner_up])
    assert confidence == pytest.approx(expected.max(), abs=1e-5)
    (told,) = found.cascaded
    assert told.special == (names[runner_up] if way == "checked" else None)
    assert told.generic == names[own]
    assert told.confidence == pytest.approx(said[own], abs=1e-5)
    assert told.second is (way == "both unsure")


def test_the_answer_leans_to_the_classes_that_a_head_was_made_for_and_to_no_other_that_it_tells_apart(
    built_catalog: Catalog,
) -> None:
    said = said_alone(built_catalog)
    own, runner_up = (int(c) for c in np.argsort(said)[::-1][:2])
    names = built_catalog.tasks["identity"].classes
    shift = float(np.log(said[own] / said[runner_up])) + 0.1  # just enough, unless both are favoured
    variant = apart(UNSURE, names[runner_up], names[own], shift)
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    found = run(built_catalog, chosen, OTHER, variant)
    ((name, confidence),) = found.answers[0].windows
    assert name == names[runner_up]
    assert confidence == pytest.approx(leaning(said, [runner_up], shift).max(), abs=1e-5)
    assert found.cascaded[0].generic == names[own]


def test_a_lean_that_is_not_enough_changes_the_confidence_alone(built_catalog: Catalog) -> None:
    said = said_alone(built_catalog)
    own, runner_up = (int(c) for c in np.argsort(said)[::-1][:2])
    names = built_catalog.tasks["identity"].classes
    shift = float(np.log(said[own] / said[runner_up])) - 0.1
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    found = run(built_catalog, chosen, OTHER, special(0.0, names[runner_up], shift))
    ((name, confidence),) = found.answers[0].windows
    expected = leaning(said, [runner_up], shift)
    assert name == names[own]
    assert confidence == pytest.approx(expected[own], abs=1e-5)
    assert expected[own] < said[own]
    assert found.cascaded[0].confidence == pytest.approx(said[own], abs=1e-5)


def test_what_a_head_answers_itself_does_not_lean(built_catalog: Catalog) -> None:
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    plain, leant = (run(built_catalog, chosen, 0, special(shift=shift)) for shift in (0.0, 5.0))
    assert leant == plain


def test_only_the_app_behind_whose_head_it_is_gets_a_leaning_answer(built_catalog: Catalog) -> None:
    said = said_alone(built_catalog)
    least = int(said.argmin())
    name = built_catalog.tasks["identity"].classes[least]
    chosen = {
        "also": option(built_catalog, "also", "wide/identity"),
        "who": cascade(built_catalog, "who", "wide/identity"),
    }
    found = run(built_catalog, chosen, OTHER, special(0.0, name, 30.0))
    alone = run(built_catalog, {"also": chosen["also"]}, 0, special())
    also, who = found.answers
    assert also[:3] == alone.answers[0][:3]
    ((given, confidence),) = who.windows
    assert given == name
    assert confidence == pytest.approx(leaning(said, [least], 30.0)[least])
    assert found.cascaded[0].generic == also.windows[0][0]


def test_a_generic_head_that_was_loaded_again_leans_anew(built_catalog: Catalog) -> None:
    variant = special(0.0, "3", 30.0)
    heads = SpecialHeads()
    heads.put(HEAD, always(OTHER, built_catalog))
    storage = SpecialPieces(CatalogPieces(built_catalog, open_backend("onnxruntime")), heads)
    chosen = {"who": cascade(built_catalog, "who", "wide/identity")}
    route = build_route(built_catalog, chosen, {HEAD: variant})
    pieces = [storage.load(p) for p in route.pieces]
    place = route.pieces.index(built_catalog.variants["wide/identity"].head)
    first = run_route(route, pieces, pixels)
    again = run_route(route, pieces, pixels)
    assert (again.answers[0].windows, again.cascaded) == (first.answers[0].windows, first.cascaded)
    assert first.answers[0].windows[0][0] == "3"
    sure = pieces[place]
    bias = sure.bias.copy()
    bias[5] += 1000.0
    pieces[place] = HeadWeights(sure.weight, bias, sure.temperature)
    found = run_route(route, pieces, pixels)
    ((given, confidence),) = found.answers[0].windows
    assert (given, round(confidence, 6)) == ("5", 1.0)
    assert found.cascaded[0].generic == "5"
