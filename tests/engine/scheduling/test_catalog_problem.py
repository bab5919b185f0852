from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.devices import DeviceProfile
from catalog.errors import BadInput, CatalogError
from catalog.measurements import LiveTime
from catalog.store import Catalog, open_catalog
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.problem import App, Budget, Problem
from tests.catalog_builder import build_catalog

PROFILE = DeviceProfile("test", "made up", base_w=1.0, processor_w=10.0)
WHO = App("who", "identity", "digit")
ODD = App("odd", "parity", "digit")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return open_catalog(build_catalog(tmp_path_factory.mktemp("catalog")))


def build(catalog: Catalog, *apps: App) -> Problem:
    return problem_from_catalog(catalog, apps, Budget(100.0), PROFILE, catalog.measurements())


def test_an_app_is_offered_the_variants_of_its_task_most_accurate_first(catalog: Catalog) -> None:
    problem = build(catalog, WHO)
    assert [o.variant for o in problem.options["who"]] == [
        "wide/identity",
        "narrow/identity",
        "small/identity",
    ]
    assert [o.accuracy for o in problem.options["who"]] == [0.98, 0.93, 0.81]


def test_pieces_cost_what_was_measured_times_the_power_of_the_device(catalog: Catalog) -> None:
    problem = build(catalog, WHO)
    first, _second, head = problem.options["who"][0].device_pieces
    assert first == catalog.trunks["wide"].parts[0]
    cost = problem.pieces[first]
    assert (cost.run_s, cost.run_worst_s, cost.load_s) == (400e-6, pytest.approx(600e-6), pytest.approx(8e-3))
    assert (cost.run_energy_j, cost.load_energy_j) == (pytest.approx(4e-3), pytest.approx(80e-3))
    assert cost.memory_bytes == catalog.parts[first].memory_bytes
    assert (problem.pieces[head].load_s, problem.pieces[head].memory_bytes) == (0.0, 4 * 10 * 33)


def test_pieces_cost_what_a_camera_pays_for_them_where_that_was_measured(catalog: Catalog) -> None:
    first, _second, head = build(catalog, WHO).options["who"][0].device_pieces
    live = {first: LiveTime(700e-6, 900e-6), head: LiveTime(20e-6, 30e-6)}
    measured = replace(catalog.measurements(), live=live)
    pieces = problem_from_catalog(catalog, [WHO], Budget(100.0), PROFILE, measured).pieces
    assert (pieces[first].run_s, pieces[first].run_worst_s) == (700e-6, 900e-6)
    assert pieces[first].run_energy_j == pytest.approx(7e-3)
    assert (pieces[head].run_s, pieces[head].run_worst_energy_j) == (20e-6, pytest.approx(300e-6))


def test_apps_share_the_parts_of_a_trunk(catalog: Catalog) -> None:
    problem = build(catalog, WHO, ODD)
    who, odd = problem.options["who"][0], problem.options["odd"][0]
    assert who.stages[0].parts == odd.stages[0].parts
    assert who.stages[0].head != odd.stages[0].head


def test_a_trunk_that_is_worth_running_for_another_app_is_offered_too(catalog: Catalog) -> None:
    contents = replace(
        catalog.contents,
        variants=tuple(
            replace(v, validation_accuracy=0.5) if v.id == "wide/parity" else v
            for v in catalog.contents.variants
        ),
    )
    changed = Catalog(catalog.root, contents)
    assert "wide/parity" not in [o.variant for o in build(changed, ODD).options["odd"]]
    assert "wide/parity" in [o.variant for o in build(changed, ODD, WHO).options["odd"]]


def test_variants_below_the_accuracy_floor_are_not_offered(catalog: Catalog) -> None:
    floored = build(catalog, replace(WHO, accuracy_floor=0.9), replace(ODD, accuracy_floor=0.999))
    assert [o.accuracy for o in floored.options["who"]] == [0.98, 0.93]
    assert floored.options["odd"] == ()


def test_an_unknown_task_is_named_with_the_known_ones(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match=r"app who: task 'age': .* has \['identity', 'parity'\]"):
        build(catalog, replace(WHO, task="age"))


def test_a_task_of_another_input_type_is_refused(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match="app who: input type 'face': task identity reads 'digit'"):
        build(catalog, replace(WHO, input_type="face"))


def test_what_was_not_measured_is_named_with_the_remedy(catalog: Catalog, tmp_path: Path) -> None:
    measured = catalog.measurements()
    part = catalog.trunks["small"].parts[1]
    partly = replace(measured, parts=tuple(m for m in measured.parts if m.part != part))
    with pytest.raises(CatalogError, match=f"host.json: {part} was not measured: mcdnn catalog profile"):
        problem_from_catalog(catalog, [WHO], Budget(), PROFILE, partly)
