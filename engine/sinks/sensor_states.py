"""Which results are news to who watches the present: a sensor for each app and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.sinks.dated_results import DatedResult

# An app that skips a window now and then, to save energy, has not lost sight of what it watches.
_UNKNOWN_AFTER_S = 60.0


class Sensor(NamedTuple):
    """What shows one app's latest answer about one source."""

    source: str
    app: str


class SensorStates:
    """Remembers what sensors show.

    A sensor shows the newest answer. Only after a minute of requests without any it shows none.

    Args:
        every_s: between two states with the same answer; another answer is shown at once.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._shown: dict[Sensor, DatedResult] = {}
        self._answered_s: dict[Sensor, float] = {}

    def news(self, results: Sequence[DatedResult]) -> dict[Sensor, DatedResult]:
        """Return what sensors are to show after these results, where it is worth showing."""
        newest: dict[Sensor, DatedResult] = {}
        for dated in results:
            sensor = Sensor(dated.result.source, dated.result.app)
            unknown = sensor not in newest and self._is_unknown(sensor, dated.at_s)
            if dated.result.answer is not None or unknown:
                newest[sensor] = dated
        return {s: d for s, d in newest.items() if self._is_news(s, d)}

    def show(self, states: Mapping[Sensor, DatedResult], results: Sequence[DatedResult]) -> None:
        """Note that sensors show states, and that all these results were seen."""
        self._shown.update(states)
        for dated in results:
            if dated.result.answer is not None:
                self._answered_s[Sensor(dated.result.source, dated.result.app)] = dated.at_s

    def _is_unknown(self, sensor: Sensor, at_s: float) -> bool:
        answered_s = self._answered_s.get(sensor)
        return answered_s is None or at_s - answered_s >= _UNKNOWN_AFTER_S

    def _is_news(self, sensor: Sensor, dated: DatedResult) -> bool:
        shown = self._shown.get(sensor)
        if shown is None or shown.result.answer != dated.result.answer:
            return True
        return dated.at_s - shown.at_s >= self._every_s
