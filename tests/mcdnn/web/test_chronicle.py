"""What happened, from the differences between two looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.capture import SourceFigures
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import AppFigures, BudgetFigures, Snapshot, SpecialFigures, SpecialNews, Standing
from engine.sources.protocol import SourceReport
from mcdnn.web.chronicle import Chronicle, Happening, Look

DOOR = SourceFigures("door", report=SourceReport(connects=1))
LOST = SourceReport(connects=1, failures=1, trouble="connection refused")
SENT = SinkFigures("webhook")


def look(at_s: float, apps: tuple[AppFigures, ...] = (), t_s: float = 0.0, **standing: Any) -> Look:
    return Look(at_s, Snapshot(t_s, apps=apps, standing=Standing(**standing)))


def told(*looks: Look) -> list[tuple[str, bool, str]]:
    """What was noted, in order of time."""
    chronicle = Chronicle()
    for each in looks:
        chronicle.look(each)
    return [(h["kind"], h["is_bad"], h["text"]) for h in reversed(chronicle.told())]


def test_nothing_is_told_of_a_run_that_goes_on() -> None:
    apps = (AppFigures("who", requests=3, variants={"wide/who": 3}),)
    assert told(look(0.0, apps, sources=(DOOR,)), look(1.0, apps, sources=(DOOR,))) == []


def test_a_source_is_lost_and_comes_back() -> None:
    back = SourceReport(connects=2, failures=1, restarts=1)
    looks = [look(0.0, sources=(DOOR,)), look(1.0, sources=(replace(DOOR, report=LOST),))]
    assert told(*looks, look(2.0, sources=(replace(DOOR, report=back),))) == [
        ("source", True, "door: gives no frames: connection refused"),
        ("source", False, "door: gives frames again"),
        ("source", True, "door: its decoder was replaced"),
    ]


def test_a_loss_between_two_looks_is_told_too() -> None:
    back = replace(DOOR, report=SourceReport(connects=2, failures=1))
    assert told(look(0.0, sources=(DOOR,)), look(1.0, sources=(back,))) == [
        ("source", True, "door: was lost for a moment")
    ]


def test_a_source_that_gives_nothing_from_the_beginning_is_told() -> None:
    assert told(look(0.0, sources=(replace(DOOR, report=replace(LOST, connects=0)),))) == [
        ("source", True, "door: gives no frames: connection refused")
    ]


def test_sources_come_and_go() -> None:
    yard = SourceFigures("yard")
    assert told(look(0.0, sources=(DOOR,)), look(1.0, sources=(yard,))) == [
        ("source", False, "yard: added"),
        ("source", False, "door: removed"),
    ]


def refused(count: int) -> tuple[AppFigures, ...]:
    return (AppFigures("who", unserved={"energy budget gone": count, "late": 5}),)


def test_a_budget_is_gone_once_a_period_and_renewed() -> None:
    first = BudgetFigures(energy_j=2000.0, renewal="in 3 min")
    second = replace(first, renewals=1)
    assert told(
        look(0.0, refused(0), budget=first),
        look(1.0, refused(2), budget=first),
        look(2.0, refused(9), budget=first),
        look(3.0, refused(10), budget=second),
        look(4.0, refused(10), budget=second),
        look(5.0, refused(11), budget=second),
    ) == [
        ("budget", True, "The energy budget is gone; it renews in 3 min"),
        ("budget", False, "The budget was renewed: 2 kJ of energy"),
        ("budget", True, "The energy budget is gone; it renews in 3 min"),
    ]


def test_a_period_without_a_limit_renews_in_silence() -> None:
    assert told(look(0.0, budget=BudgetFigures()), look(1.0, budget=BudgetFigures(renewals=1))) == []


def answered(wide: int, small: int) -> tuple[AppFigures, ...]:
    return tuple(AppFigures(a, variants={f"wide/{a}": wide, f"small/{a}": small}) for a in ("who", "odd"))


def test_another_trunk_takes_over_when_it_answers_most_for_a_while() -> None:
    looks = (answered(30, 0), answered(35, 10), answered(41, 24), answered(45, 44), answered(49, 74))
    assert told(*(look(20.0 * i, apps) for i, apps in enumerate(looks))) == [
        ("model", False, "who, odd: mostly answered by small now, by wide before")
    ]


def test_what_changes_to_and_fro_within_seconds_is_not_told() -> None:
    looks = (answered(30, 0), answered(30, 30), answered(60, 30), answered(60, 60), answered(90, 60))
    assert told(*(look(float(i), apps) for i, apps in enumerate(looks))) == []


def test_rates_that_the_plan_lowers_are_told() -> None:
    lowered = replace(look(1.0), rates_hz={"who": 0.5})
    assert told(look(0.0), lowered, look(2.0)) == [
        ("model", False, "who: the plan lowers its rate to 0.5 a second"),
        ("model", False, "who: has the rate that it wants again"),
    ]


def test_the_cloud_and_sinks_fail_and_recover() -> None:
    looks = [
        replace(look(0.0, sinks=(SENT,)), connected=True),
        replace(look(1.0, sinks=(replace(SENT, trouble="500", dropped={"full": 3}),)), connected=False),
        replace(look(2.0, sinks=(replace(SENT, dropped={"full": 4}),)), connected=True),
    ]
    assert told(*looks) == [
        ("cloud", True, "The cloud does not answer"),
        ("sink", True, "webhook: delivers nothing: 500"),
        ("sink", True, "webhook: results are dropped: full"),
        ("cloud", False, "The cloud answers again"),
        ("sink", False, "webhook: delivers again"),
    ]


def test_news_of_specialising_are_told_once_and_at_their_time() -> None:
    news = [SpecialNews(float(i), "who", f"entered {i}") for i in range(4)]
    chronicle = Chronicle()
    for at_s, until in ((100.0, 0), (103.0, 2), (104.0, 4), (105.0, 4)):
        chronicle.look(look(at_s, t_s=at_s - 100.0, special=SpecialFigures(recent=tuple(news[:until]))))
    assert [(h["at_s"], h["text"]) for h in reversed(chronicle.told())] == [
        (100.0, "who: entered 0"),
        (101.0, "who: entered 1"),
        (102.0, "who: entered 2"),
        (103.0, "who: entered 3"),
    ]


def test_as_much_is_kept_as_a_person_reads() -> None:
    chronicle = Chronicle()
    for i in range(1000):
        chronicle.note(Happening(float(i), "run", False, str(i)))
    kept = chronicle.told()
    assert (len(kept), kept[0]["text"], kept[-1]["text"]) == (200, "999", "800")
