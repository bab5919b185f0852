"""Cascades in a route: the specialised head first, the generic variant only where that passes on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from catalog.backends.table import open_backend
from catalog.heads import HeadWeights
from catalog.store import Catalog
from engine.route_run import Execution, never_checked, run_route
from engine.router import build_route
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.special_pieces import SpecialHeads, SpecialPieces
from engine.scheduling.problem import Option, Place, Stage
from engine.special_variants import SpecialVariant
from tests.engine.test_router import option, pixels

HEAD = "small.identity.special1"


def cascade(catalog: Catalog, app: str, generic: str) -> Option:
    whole = option(catalog, app, generic)
    first = Stage(Place.DEVICE, catalog.trunks["small"].parts, HEAD)
    return Option(app, generic, 0.95, (first, whole.stages[0]))


def special(threshold: float = 0.0, name: str = "3") -> SpecialVariant:
    return SpecialVariant(f"small/identity[{name}]", "small", HEAD, (name, ""), threshold)


def always(answer: int, catalog: Catalog) -> HeadWeights:
    """A head of two rows that always gives one answer, with a confidence of about 0.73."""
    bias = np.zeros(2, np.float32)
    bias[answer] = 1.0
    return HeadWeights(np.zeros((2, catalog.trunks["small"].feature_dim), np.float32), bias, 1.0)


def run(
    catalog: Catalog,
    chosen: dict[str, Option],
    answer: int,
    variant: SpecialVariant,
    checks: Callable[[str], bool] = never_checked,
) -> Execution:
    heads = SpecialHeads()
    heads.put(HEAD, always(answer, catalog))
    storage = SpecialPieces(CatalogPieces(catalog, open_backend("onnxruntime")), heads)
    route = build_route(catalog, chosen, {HEAD: variant})
    execution = run_route(route, [storage.load(p) for p in route.pieces], pixels, checks=checks)
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
    assert route.seconds[0].parts == ()
    found = run(built_catalog, chosen, 1, special())
    alone = run(built_catalog, {"odd": chosen["odd"]}, 0, special())
    assert found.answers[0][:3] == alone.answers[0][:3]
    assert found.answers[1].variant == "wide/identity"
