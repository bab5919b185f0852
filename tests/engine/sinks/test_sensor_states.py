"""What sensors are told: another answer at once, the same one now and then, none only after a while."""

from __future__ import annotations

from engine.sinks.dated_results import DatedResult
from engine.sinks.sensor_states import Sensor, SensorStates
from tests.engine.media import result, unserved

WHO = Sensor("clip", "who")


def at(at_s: float, answer: str | None = "7", **changes: object) -> DatedResult:
    made = unserved(**changes) if answer is None else result(answer=answer, **changes)
    return DatedResult(at_s, "run-a", made)


def shown(states: SensorStates, *results: DatedResult) -> dict[Sensor, str | None]:
    news = states.news(results)
    states.show(news, results)
    return {sensor: dated.result.answer for sensor, dated in news.items()}


def test_the_newest_answer_of_each_app_and_source_is_shown() -> None:
    states = SensorStates(10.0)
    given = (at(0.0, "1"), at(0.1, "2"), at(0.1, "odd", app="odd"), at(0.1, "3", source="yard"))
    assert shown(states, *given) == {
        WHO: "2",
        Sensor("clip", "odd"): "odd",
        Sensor("yard", "who"): "3",
    }


def test_another_answer_is_shown_at_once_and_the_same_one_when_it_is_time() -> None:
    states = SensorStates(10.0)
    told = [
        shown(states, at(t, a)) for t, a in ((0.0, "1"), (5.0, "1"), (6.0, "2"), (15.9, "2"), (16.0, "2"))
    ]
    assert told == [{WHO: "1"}, {}, {WHO: "2"}, {}, {WHO: "2"}]


def test_a_request_without_an_answer_changes_nothing_until_none_came_for_a_minute() -> None:
    states = SensorStates(0.0)
    assert shown(states, at(0.0, "1"), at(1.0, None)) == {WHO: "1"}
    assert shown(states, at(59.0, None)) == {}
    assert shown(states, at(60.0, None)) == {WHO: None}
    assert shown(states, at(61.0, "1")) == {WHO: "1"}


def test_what_was_not_shown_is_news_again() -> None:
    states = SensorStates(10.0)
    given = [at(0.0, "1")]
    assert states.news(given) == states.news(given) == {WHO: given[0]}
