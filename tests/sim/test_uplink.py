"""Days of devices that use the cloud, down to the last joule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.devices import RadioProfile
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.problem import App, Budget, Link, Option, Place, Problem, Stage
from sim.day import simulate_scenario
from sim.network import Network, Steps
from sim.scenario import DeviceDay, Scenario
from tests.scheduling_problems import app, shared_trunks
from tests.sim.days import CONNECTED, Always, DayLog, arrivals, device, live

# 8000 bits up and 800 down at 0.8 Mbit/s: 10 ms and 1 ms; round trip 100 ms; 0.4 s in the cloud
LINK = Link(exchange_j=0.5, up_j_per_byte=1e-4, down_j_per_byte=2e-4, mbps=0.8, round_trip_s=0.1)
ANSWER_S = 0.01 + 0.05 + 0.4 + 0.05 + 0.001
EXCHANGE_J = 0.5 + 0.1 + 0.02


def away(app_name: str = "who", probability: float = 1.0) -> Stage:
    return Stage(Place.CLOUD, ("large",), f"large.{app_name}", probability, 1000, 100, 0.4, 0.001)


def in_cloud(app_name: str = "who") -> Option:
    return Option(app_name, "large", 0.9, (away(app_name),))


def problem(apps: Sequence[App] | None = None, budget: Budget | None = None, link: Link = LINK) -> Problem:
    return replace(shared_trunks(apps or [app("who")], budget), link=link)


def always(*options: Option) -> Always:
    return Always(options)


def test_an_answer_from_the_cloud_takes_sending_queueing_running_and_coming_back() -> None:
    day = device(problem(), arrivals(0.0, 10.0), CONNECTED)
    result, log = live(day, lambda _: always(in_cloud()))
    assert log.answers == [
        (round(ANSWER_S, 9), "who", "large at cloud"),
        (round(10.0 + ANSWER_S, 9), "who", "large at cloud"),
    ]
    assert result.energy_j == {"radio": pytest.approx(2 * EXCHANGE_J)}
    assert (result.cost_usd, result.places) == (pytest.approx(0.002), {"cloud": 2})


def test_the_processor_goes_on_while_an_answer_is_on_its_way() -> None:
    split = Option(
        "who", "split", 0.9, (Stage(Place.DEVICE, ("small",)), replace(away(), parts=("rest",)))
    )  # 0.1 s at the device
    day = device(problem(), arrivals(0.0, 0.0, 0.0), CONNECTED)
    result, log = live(day, lambda _: always(split))
    assert [t for t, *_ in log.answers] == [
        pytest.approx(0.1 + ANSWER_S),
        pytest.approx(0.2 + ANSWER_S),
        pytest.approx(0.3 + ANSWER_S),
    ]
    assert result.energy_j == {"execution": pytest.approx(3.0), "radio": pytest.approx(3 * EXCHANGE_J)}


def test_windows_are_sent_one_after_another() -> None:
    day = device(problem(), arrivals(0.0, 0.0), CONNECTED)
    _, log = live(day, lambda _: always(in_cloud()))
    assert [t for t, *_ in log.answers] == [pytest.approx(ANSWER_S), pytest.approx(0.01 + ANSWER_S)]


def test_a_slow_link_delays_what_is_sent_over_it() -> None:
    slow = Network(CONNECTED.connected, Steps({0.0: 0.08}, 0.0))
    _, log = live(device(problem(), arrivals(0.0), slow), lambda _: always(in_cloud()))
    assert log.answers[0][0] == pytest.approx(ANSWER_S + 9 * 0.011)


def test_devices_queue_for_the_cloud_that_they_share() -> None:
    days = [device(problem(), arrivals(0.0), CONNECTED, name=name) for name in ("a", "b", "c")]
    logs: dict[str, DayLog] = {}

    def observe(day: DeviceDay) -> DayLog:
        return logs.setdefault(day.name, DayLog())

    scenario = Scenario("shared", tuple(days), cloud_servers=2)
    results = simulate_scenario(scenario, lambda _: always(in_cloud()), observe)
    assert [logs[name].answers[0][0] for name in "abc"] == [
        pytest.approx(ANSWER_S),
        pytest.approx(ANSWER_S),
        pytest.approx(0.4 + ANSWER_S),
    ]
    assert [r.device for r in results] == ["a", "b", "c"]


@pytest.mark.parametrize("breaks_s", [float("inf"), 0.2, 0.9])
def test_a_device_alone_at_a_cloud_lives_the_day_that_it_lives_beside_an_idle_one(breaks_s: float) -> None:
    up = {0.0: 1.0} if breaks_s == float("inf") else {0.0: 1.0, breaks_s: 0.0, breaks_s + 0.1: 1.0}
    day = device(problem(), arrivals(0.0, 0.0, 0.02, 0.3, 0.7), Network(Steps(up, 0.0)), name="busy")
    idle = device(problem(), arrivals(), CONNECTED, name="idle")
    logs = []
    for days in ((day,), (day, idle)):
        log = DayLog()
        seen = {"busy": log, "idle": DayLog()}
        results = simulate_scenario(
            Scenario("cloud", days), lambda _: always(in_cloud()), lambda d, seen=seen: seen[d.name]
        )
        logs.append((log.answers, results[0].total_energy_j, results[0].cost_usd))
    alone, beside = logs
    assert [(app, what) for _, app, what in alone[0]] == [(app, what) for _, app, what in beside[0]]
    assert [t for t, *_ in alone[0]] == pytest.approx([t for t, *_ in beside[0]])
    assert alone[1:] == pytest.approx(beside[1:])


@pytest.mark.parametrize(
    ("breaks_s", "spent_j", "spent_usd"),
    [
        (0.005, 0.6, 0.0),  # while it is sent
        (0.05, 0.6, 0.0),  # before it is there
        (0.2, 0.6, 0.001),  # while it runs
        (0.5105, 0.62, 0.001),  # while the answer comes
    ],
)
def test_a_connection_that_breaks_takes_the_answer_with_it(
    breaks_s: float, spent_j: float, spent_usd: float
) -> None:
    broken = Network(Steps({0.0: 1.0, breaks_s: 0.0, breaks_s + 1e-4: 1.0}, 0.0))
    result, log = live(device(problem(), arrivals(0.0), broken), lambda _: always(in_cloud()))
    assert log.answers == [(0.0, "who", "connection lost before the answer came")]
    assert (result.total_energy_j, result.cost_usd) == (pytest.approx(spent_j), pytest.approx(spent_usd))


def test_without_a_connection_nothing_is_sent() -> None:
    result, log = live(device(problem(), arrivals(0.0)), lambda _: always(in_cloud()))
    assert log.answers == [(0.0, "who", "no connection to the cloud")]
    assert (result.total_energy_j, result.cost_usd) == (0.0, 0.0)


def test_an_answer_from_the_cloud_that_comes_late_is_charged_all_the_same() -> None:
    day = device(problem([app("who", latency_limit_s=0.5)]), arrivals(0.0), CONNECTED)
    result, log = live(day, lambda _: always(in_cloud()))
    assert log.answers == [(0.0, "who", "late")]
    assert (result.total_energy_j, result.cost_usd) == (pytest.approx(EXCHANGE_J), pytest.approx(0.001))


def test_a_radio_profile_charges_bytes_and_tail_instead_of_what_is_expected() -> None:
    radio = RadioProfile(1e-4, 2e-4, 0.8, tail_w=1.0, tail_s=2.0)
    day = device(problem(), arrivals(0.0, 10.0), CONNECTED, radio)
    result, _ = live(day, lambda _: always(in_cloud()))
    # each time the tail of the sending is cut off by the answer, 0.5 s later, whose tail is whole
    until_answer_s = 0.05 + 0.4 + 0.05
    assert result.total_energy_j == pytest.approx(2 * (0.1 + 0.02 + until_answer_s + 2.0))


def test_a_cascade_asks_the_cloud_as_often_as_expected_and_evenly() -> None:
    cascade = Option(
        "who",
        "cascade",
        0.85,
        (Stage(Place.DEVICE, ("small",), "small.who"), away(probability=0.25)),
    )
    day = device(problem(), arrivals(*(float(t) for t in range(100))), CONNECTED)
    result, _ = live(day, lambda _: always(cascade))
    assert result.places == {"device": 75, "cloud": 25}
    assert result.accuracy == pytest.approx(0.85)
    assert result.energy_j == {"execution": pytest.approx(100.0), "radio": pytest.approx(25 * EXCHANGE_J)}


def test_money_is_reserved_before_it_is_spent() -> None:
    budget = Budget(cost_usd=0.0015, period_s=100.0)
    day = device(problem(budget=budget), arrivals(0.0, 0.1, 10.0), CONNECTED)
    result, log = live(day, lambda _: always(in_cloud()))
    assert result.unserved == {"cloud budget gone": 2}
    assert (result.cost_usd, result.overdraft_usd) == (pytest.approx(0.001), 0.0)
    open_result, _ = live(day, lambda _: always(in_cloud()), admission=False)
    assert open_result.overdraft_usd == pytest.approx(0.0015)
    assert open_result.exhausted_s == 0.1
    assert log.spent_usd == pytest.approx(result.cost_usd)


def test_a_shared_exchange_is_paid_once_for_all_apps() -> None:
    day = device(problem([app("who"), app("odd")]), arrivals(0.0, due=("who", "odd")), CONNECTED)
    both = always(in_cloud("who"), in_cloud("odd"))
    result, _ = live(day, lambda _: both)
    assert (result.served, result.total_energy_j) == (2, pytest.approx(EXCHANGE_J))
    assert result.cost_usd == pytest.approx(0.001)


def test_the_same_day_has_the_same_result() -> None:
    days = tuple(device(problem(), arrivals(0.0, 0.3, 1.0), CONNECTED, name=n) for n in ("a", "b"))
    scenario = Scenario("twice", days, cloud_servers=1)
    first, second = (simulate_scenario(scenario, lambda _: always(in_cloud())) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(max_examples=20, deadline=None)
@given(
    waits_s=st.lists(st.sampled_from([0.0, 0.05, 0.3, 20.0]), max_size=30),
    breaks=st.lists(st.sampled_from([0.1, 0.7, 15.0, 60.0]), max_size=8),
    budget=st.sampled_from(
        [Budget(30.0, 0.004, 60.0, 900), Budget(200.0, 1.0, 60.0), Budget(5.0, 0.0, 60.0)]
    ),
)
def test_with_a_cloud_too_every_request_is_counted_and_nothing_overdrawn(
    name: str, waits_s: list[float], breaks: list[float], budget: Budget
) -> None:
    made = problem([app("who"), app("odd", latency_limit_s=0.9)], budget)
    options = {n: (in_cloud(n), *made.options[n]) for n in made.apps}
    mixed = replace(made, options=options, windows_hz={"digit": 1.0})
    moments_s = [sum(breaks[: i + 1]) for i in range(len(breaks))]
    network = Network(Steps({0.0: 1.0} | {t: float(i % 2) for i, t in enumerate(moments_s)}, 0.0))
    times_s = [sum(waits_s[: i + 1]) for i in range(len(waits_s))]
    day = device(mixed, arrivals(*times_s, due=("who", "odd")), network)
    result, log = live(day, POLICIES[name])
    assert result.requests == 2 * len(waits_s) == len(log.answers)
    assert result.served + sum(result.unserved.values()) == result.requests
    assert result.served == sum(result.places.values())
    assert (result.overdraft_j, result.overdraft_usd) == (0.0, 0.0)
    assert result.cost_usd == pytest.approx(log.spent_usd)
    assert result.energy_j == pytest.approx({c.value: j for c, j in log.spent_j.items() if j > 0.0})
