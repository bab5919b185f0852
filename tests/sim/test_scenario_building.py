from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from engine.scheduling.policies.table import make_policy
from engine.scheduling.problem import Place, configuration_cost
from sim.day import simulate_scenario
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario
from sim.scenario_building import build_scenario
from sim.scenario_file import parse_scenario_table
from tests.catalog_builder import build_catalog
from tests.outside_data import outside_folder
from tests.sim.scenario_tables import generated_table, replayed_table

VARIANTS = (
    "variant,task,device_load_j,device_exec_j,device_load_ms,device_exec_ms,cloud_exec_ms,accuracy_pct,memory_mb\n"
    "large,face,4,2,400,150,20,80,{size}\nsmall,face,2,.2,40,20,5,60,10\n"
)


def built(table: dict[str, Any], folder: Path = Path()) -> Scenario:
    return build_scenario(parse_scenario_table(table, "day.toml"), folder, "day.toml")


def only_day(table: dict[str, Any], folder: Path = Path()) -> DeviceDay:
    (day,) = built(table, folder).devices
    return day


def lived(scenario: Scenario, policy: str = "paced") -> DayResult:
    (result,) = simulate_scenario(scenario, lambda problem: make_policy(policy, problem))
    return result


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "variants.csv").write_text(VARIANTS.format(size=400))
    (tmp_path / "faces.csv").write_text("t_s,class_id\n1,7\n20,8\n3000,7\n")
    return tmp_path


def test_a_generated_day_begins_anew_alike_and_depends_on_the_seed() -> None:
    day = only_day(generated_table())
    first = list(day.arrivals())
    assert first == list(day.arrivals()) == list(only_day(generated_table()).arrivals())
    assert first != list(only_day(generated_table(seed=4)).arrivals())
    assert {a.context for a in first if a.t_s < 300.0} == {""}
    assert {a.context for a in first if a.t_s >= 300.0} == {"friends"}
    assert 300 < len(first) < 600
    assert sum("age" in a.due for a in first) < 0.2 * 600 + 2


def test_a_budget_is_as_the_file_says_it_less_the_base_load() -> None:
    table = generated_table(budget={"energy_j": 200.0, "memory_mb": 50}, device={"profile": "tegra-k1"})
    budget = only_day(table).problem.budget
    assert (budget.energy_j, budget.period_s) == (pytest.approx(200.0 - 0.09 * 600.0), 600.0)
    assert (budget.memory_bytes, budget.cost_usd) == (50e6, float("inf"))
    starved = generated_table(budget={"energy_j": 20.0}, device={"profile": "tegra-k1"})
    with pytest.raises(BadInput, match=r"day\.toml: budget\.energy_j = 20: the base load of tegra-k1 alone"):
        built(starved)


def test_energy_may_be_given_as_how_long_it_lasts() -> None:
    half, whole = (
        only_day(generated_table(budget={"energy_lasts": share})).problem.budget.energy_j
        for share in (0.5, 1.0)
    )
    assert whole == pytest.approx(2.0 * half)
    result = lived(built(generated_table(budget={"energy_lasts": 1.2})), "original")
    assert result.unserved.get("energy budget gone", 0) == 0
    assert (
        lived(built(generated_table(budget={"energy_lasts": 0.3})), "original").served < 0.5 * result.served
    )


def test_a_radio_with_a_tail_is_simulated_and_one_without_only_expected() -> None:
    tail = {"up_j_per_byte": 1e-6, "mbps": 5.0, "tail_w": 0.5, "tail_s": 2.0}
    day = only_day(generated_table(device={"radio": tail}))
    assert day.radio is not None
    assert (day.problem.link.exchange_j, day.problem.link.round_trip_s) == (1.0, 0.05)
    flat = only_day(generated_table(device={"radio": {"exchange_j": 0.5}}))
    assert (flat.radio, flat.problem.link.exchange_j) == (None, 0.5)
    named = only_day(generated_table(device={"profile": "tegra-k1", "radio": "wifi"}, budget={}))
    assert named.problem.link.up_j_per_byte == 3.76e-7
    with pytest.raises(BadInput, match=r"device\.radio = 'lora': expected a table, or a radio of"):
        built(generated_table(device={"profile": "tegra-k1", "radio": "lora"}, budget={}))


def test_without_a_cloud_nothing_is_offered_there() -> None:
    table = generated_table()
    del table["cloud"]
    day = only_day(table)
    assert not any(o.needs_cloud for own in day.problem.options.values() for o in own)
    assert not any(day.network.is_connected(t) for t in (0.0, 400.0))


def test_devices_live_days_of_their_own_in_one_cloud() -> None:
    table = generated_table(device={"count": 3, "jitter_s": 60.0}, cloud={"servers": 1})
    scenario = built(table)
    assert (len(scenario.devices), scenario.cloud_servers) == (3, 1)
    firsts = [next(d.arrivals()).t_s for d in scenario.devices]
    assert len(set(firsts)) == 3
    assert [d.name for d in scenario.devices] == ["walk-1", "walk-2", "walk-3"]


def test_a_published_trace_is_replayed_on_measured_variants(files: Path) -> None:
    day = only_day(replayed_table(), files)
    assert [(a.t_s, a.due) for a in day.arrivals()] == [
        (1.0, ("face",)),
        (20.0, ("face",)),
        (3000.0, ("face",)),
    ]
    assert [o.place for o in day.problem.options["face"][:2]] == [Place.DEVICE, Place.CLOUD]
    assert day.network.is_connected(10.0)
    until = replayed_table(trace={"published": [{"file": "faces.csv", "app": "face"}], "until": "1m"})
    assert len(list(only_day(until, files).arrivals())) == 2


def test_models_may_be_a_compiled_catalog(files: Path) -> None:
    build_catalog(files / "catalog")
    (files / "requests.csv").write_text("t_s,window,app\n1,a,identity\n1,a,odd\n2,b,odd\n")
    table = replayed_table(
        device={"profile": "tegra-k1"},
        budget={},
        catalog={"path": "catalog"},
        app=[{"name": "identity"}, {"name": "odd", "task": "parity"}],
        trace={"requests": "requests.csv"},
    )
    del table["table"]
    scenario = built(table, files)
    assert [a.due for a in scenario.devices[0].arrivals()] == [("identity", "odd"), ("odd",)]
    assert scenario.devices[0].problem.apps["odd"].input_type == "digit"
    assert lived(scenario, "original").served == 3
    with pytest.raises(BadInput, match=r"device\.profile: \[catalog\] needs one"):
        built(table | {"device": {}}, files)


def test_network_and_contexts_come_from_files(files: Path) -> None:
    (files / "connectivity.csv").write_text("t_s,connected\n0,1\n10,0\n")
    (files / "bandwidth.csv").write_text("t_s,mbps\n0,4\n")
    (files / "contexts.csv").write_text("t_s,input_type,context\n10,face,family\n")
    table = replayed_table(network={"connectivity": "connectivity.csv", "bandwidth": "bandwidth.csv"})
    table["trace"] = table["trace"] | {"contexts": "contexts.csv"}
    table["context"] = {"family": {"task": "face", "classes": 7}}
    day = only_day(table, files)
    assert [day.network.is_connected(t) for t in (5.0, 15.0)] == [True, False]
    assert day.network.mbps(5.0) == 4.0
    assert [a.context for a in day.arrivals()] == ["", "family", "family"]


def test_assumed_sizes_are_said_in_the_result(files: Path) -> None:
    (files / "variants.csv").write_text(VARIANTS.format(size=""))
    with pytest.raises(BadInput, match=r"day\.toml: task face: no memory_mb"):
        built(replayed_table(), files)
    table = replayed_table(table={"variants": "variants.csv", "largest_mb": {"face": 300}})
    assert "300 MB is assumed" in built(table, files).about


def test_only_some_variants_may_be_used(files: Path) -> None:
    table = replayed_table(table={"variants": "variants.csv", "only": {"face": ["small"]}})
    assert {o.variant for o in only_day(table, files).problem.options["face"]} == {"small"}
    table = replayed_table(table={"variants": "variants.csv", "only": {"face": ["tiny"]}})
    with pytest.raises(BadInput, match=r"table\.only\.face: no variants \['tiny'\] in the table"):
        built(table, files)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"app": [{"name": "dog"}]}, r"day\.toml: app: tasks \['dog'\]: variants\.csv has \['face'\]"),
        ({"budget": {"energy_j": 1.0}}, r"day\.toml: budget\.period: a budget needs its period"),
        ({"budget": {"energy_lasts": 0.5}}, r"budget\.energy_lasts: goes with \[\[stretch\]\]"),
        ({"trace": {"published": [{"file": "faces.csv", "app": "dog"}]}}, r"trace\.published: app 'dog'"),
        ({"context": {"family": {}}}, r"context\.family: with \[table\] a context needs its task"),
        ({"context": {"family": {"task": "dog", "classes": 7}}}, r"context\.family\.task = 'dog': the table"),
        ({"table": {"variants": "variants.csv", "only": {"dog": []}}}, r"table\.only\.dog: no such task"),
        ({"table": {"variants": "none.csv"}}, r"none\.csv: No such file"),
        ({"device": {"profile": "abacus"}}, r"device profile 'abacus': expected one of"),
    ],
)
def test_what_does_not_fit_together_is_refused(files: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        built(replayed_table(**changes), files)


def test_windows_that_no_app_asks_about_and_apps_without_models_are_refused() -> None:
    table = generated_table()
    table["stretch"][0]["windows"]["scene"] = {"hz": 1.0}
    with pytest.raises(BadInput, match=r"stretch: windows of \['scene'\], about which no app asks"):
        built(table)
    with pytest.raises(BadInput, match="app who: no models read 'digit'"):
        built(
            generated_table(app=[{"name": "who", "input": "digit"}], stretch=[{"name": "x", "lasts": "1h"}])
        )


def test_a_day_that_begins_late_has_one_budget_all_the_same() -> None:
    table = generated_table(device={"count": 2, "jitter_s": 200.0})
    late = built(table).devices
    assert all(d.problem.budget.period_s > 600.0 for d in late)
    assert [r.periods for r in simulate_scenario(built(table), lambda p: make_policy("paced", p))] == [1, 1]
    table["budget"] = table["budget"] | {"period": "10m"}
    assert {d.problem.budget.period_s for d in built(table).devices} == {600.0}


def test_specialised_models_are_those_of_apps() -> None:
    with pytest.raises(BadInput, match=r"family\.face\.specialises: \['mood'\]: apps that ask about it are"):
        built(generated_table(family={"face": {"specialises": ["mood"]}}))


def test_a_context_that_no_table_is_about_is_refused(files: Path) -> None:
    (files / "contexts.csv").write_text("t_s,input_type,context\n10,face,famly\n")
    table = replayed_table(context={"family": {"task": "face", "classes": 7}})
    table["trace"] = table["trace"] | {"contexts": "contexts.csv"}
    with pytest.raises(
        BadInput, match=r"contexts\.csv, line 2: context 'famly': expected one of \['family'\]"
    ):
        list(only_day(table, files).arrivals())


def test_a_wrong_line_of_a_trace_is_named_when_it_is_read(files: Path) -> None:
    (files / "faces.csv").write_text("t_s\n5\n4\n")
    with pytest.raises(BadInput, match=r"faces\.csv, line 3: t_s = 4: earlier than 5"):
        lived(built(replayed_table(), files))


def test_no_energy_no_requests_and_no_variant_in_time_end_in_results_that_say_why(files: Path) -> None:
    table = generated_table(budget={"energy_j": 0.0})
    broke = lived(built(table))
    assert (broke.accuracy, broke.served, broke.overdraft_j) == (0.0, 0, 0.0)
    assert sum(broke.unserved.values()) == broke.requests > 0
    (files / "faces.csv").write_text("t_s\n")
    assert lived(built(replayed_table(), files)).requests == 0
    hurried = generated_table()
    hurried["app"][0]["latency_limit_s"] = 1e-4
    result = next(a for a in lived(built(hurried)).apps if a.app == "who")
    assert (result.served, sum(result.unserved.values())) == (0, result.requests)
    assert all(reason for reason in result.unserved)


@pytest.mark.data
def test_the_published_day_is_the_one_of_its_authors() -> None:
    folder = outside_folder("mcdnn2016")
    faces = {"file": "face_requests_s3.csv", "app": "face"}
    scenes = {"file": "poisson_requests_every_100s.csv", "app": "scene"}
    table = replayed_table(
        budget={"energy_j": 1800.0, "cloud_usd": 0.0667, "period": "10h"},
        device={"radio": {"exchange_j": 0.0038}},
        table={
            "variants": "catalog.csv",
            "only": {"face": ["D0", "D6", "D10"]},
            "largest_mb": {"scene": 218},
        },
        app=[{"name": "face", "latency_limit_s": 1.0}, {"name": "scene", "latency_limit_s": 1.0}],
        trace={"published": [faces, scenes], "until": "10h"},
        network={"connectivity": "connectivity_s3.csv"},
        loads_take_time=False,
    )
    day = only_day(table, folder)
    assert sum(1 for _ in day.arrivals()) == 7660
    away = next(o for o in day.problem.options["face"] if o.needs_cloud)
    cost = configuration_cost(day.problem, [away])
    assert (cost.energy_j, cost.cost_usd) == (pytest.approx(0.0038), pytest.approx(1.8e-7 * 22.02))
