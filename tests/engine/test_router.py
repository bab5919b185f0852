"""The router: shared parts run once, and every app gets what it would get alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from catalog.backends.table import open_backend
from catalog.store import Catalog, open_catalog
from engine.route_run import run_route
from engine.router import build_route
from engine.runtime.catalog_pieces import CatalogPieces
from engine.scheduling.problem import Option, Place, Stage
from tests.catalog_builder import build_catalog


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return open_catalog(build_catalog(tmp_path_factory.mktemp("catalog")))


def option(catalog: Catalog, app: str, variant: str) -> Option:
    v = catalog.variants[variant]
    return Option(app, variant, 0.9, (Stage(Place.DEVICE, catalog.trunks[v.trunk].parts, v.head),))


def pixels(size_px: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(size_px).integers(0, 255, (1, size_px, size_px, 3), np.uint8)


def run(catalog: Catalog, *chosen: tuple[str, str]) -> dict[str, tuple[str, float]]:
    route = build_route(catalog, {app: option(catalog, app, v) for app, v in chosen})
    storage = CatalogPieces(catalog, open_backend("onnxruntime"))
    execution = run_route(route, [storage.load(p) for p in route.pieces], pixels)
    assert sum(a.busy_s for a in execution.answers) == pytest.approx(execution.busy_s)
    assert sum(execution.piece_s.values()) == pytest.approx(execution.busy_s)
    return {a.app: a.windows[0] for a in execution.answers}


def test_apps_on_one_trunk_run_its_parts_once(catalog: Catalog) -> None:
    chosen = {
        "who": option(catalog, "who", "wide/identity"),
        "odd": option(catalog, "odd", "wide/parity"),
        "again": option(catalog, "again", "wide/identity"),
    }
    route = build_route(catalog, chosen)
    assert len(route.parts) == 2
    assert [s.apps for s in route.parts] == [(0, 1, 2), (0, 1, 2)]
    assert [[h.apps for h in r.heads] for r in route.heads] == [[(0, 2), (1,)]]


def test_trunks_with_a_common_first_part_run_it_once(catalog: Catalog) -> None:
    route = build_route(
        catalog,
        {"who": option(catalog, "who", "wide/identity"), "odd": option(catalog, "odd", "narrow/parity")},
    )
    assert [(s.source, s.apps) for s in route.parts] == [(-1, (0, 1)), (0, (0,)), (0, (1,))]


def test_each_app_gets_together_what_it_gets_alone(catalog: Catalog) -> None:
    chosen = [("who", "wide/identity"), ("odd", "narrow/parity"), ("small", "small/identity")]
    together = run(catalog, *chosen)
    for app, variant in chosen:
        assert together[app] == run(catalog, (app, variant))[app]


def test_what_goes_on_in_the_cloud_leaves_as_a_whole_run_would_have_it(catalog: Catalog) -> None:
    first, second = catalog.trunks["small"].parts
    head = catalog.variants["small/identity"].head
    split = Option(
        "who", "small/identity", 0.9, (Stage(Place.DEVICE, (first,)), Stage(Place.CLOUD, (second,), head))
    )
    chosen = {"who": split, "odd": option(catalog, "odd", "small/parity")}
    route = build_route(catalog, chosen)
    assert set(route.pieces) == {first, second, catalog.variants["small/parity"].head}
    storage = CatalogPieces(catalog, open_backend("onnxruntime"))
    execution = run_route(route, [storage.load(p) for p in route.pieces], pixels)
    assert [a.app for a in execution.answers] == ["odd"]
    (passed,) = execution.passed
    assert passed.parts == (first,)
    assert passed.values.tolist() == storage.load(first)(pixels(8)).tolist()
    shares = sum(passed.busy_s.values()) + sum(a.busy_s for a in execution.answers)
    assert shares == pytest.approx(execution.busy_s)
