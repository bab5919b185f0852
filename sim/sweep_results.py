"""What came of a sweep: as rows for people and programs, point by point."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.bound import Bound
from sim.report import DayResult, results_to_csv, results_to_json
from sim.settings import Value
from sim.sweep import Done
from sim.timeline import Timeline


@dataclass(slots=True)
class Point:
    """What is known of one point of a grid so far.

    Args:
        values: what was set.
        results: of the policies that are done.
        bounds: by device, once they are done.
        timelines: by policy and device.
    """

    values: Mapping[str, Value]
    results: list[DayResult] = field(default_factory=list)
    bounds: dict[str, Bound] = field(default_factory=dict)
    timelines: dict[tuple[str, str], Timeline] = field(default_factory=dict)


class Sweep:
    """Gathers what is done, in whatever order it comes.

    Args:
        points: what is set at each.
        policies: names, in the order in which they are shown.
    """

    def __init__(self, points: Sequence[Mapping[str, Value]], policies: Sequence[str]) -> None:
        self.points = tuple(Point(values) for values in points)
        self._order = {name: number for number, name in enumerate(policies)}

    def add(self, done: Done) -> None:
        """Take what came of a run."""
        point = self.points[done.run.point]
        point.results += done.results
        point.results.sort(key=lambda r: self._order[r.policy])
        point.bounds.update(done.bounds)
        for result in done.results:
            point.timelines[result.policy, result.device] = done.timelines[result.device]

    @property
    def parameters(self) -> tuple[str, ...]:
        """What was set, in the order given."""
        return tuple(self.points[0].values) if self.points else ()


def sweep_to_json(points: Iterable[Point]) -> list[dict[str, Any]]:
    """Return one object a result as what json.dumps takes: parameters, bound, and the result."""
    rows: list[dict[str, Any]] = []
    for point in points:
        for result, row in zip(point.results, results_to_json(point.results), strict=True):
            bound = point.bounds.get(result.device)
            beside = {
                "parameters": dict(point.values),
                "bound_accuracy": None if bound is None else bound.accuracy,
            }
            rows.append(row | beside)
    return rows


def sweep_to_csv(points: Iterable[Point], parameters: Sequence[str]) -> str:
    """Return the rows of every result (see results_to_csv) after a column for each parameter."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*parameters, *next(csv.reader(io.StringIO(results_to_csv(()))))])
    for point in points:
        rows = list(csv.reader(io.StringIO(results_to_csv(point.results))))[1:]
        writer.writerows([*point.values.values(), *row] for row in rows)
    return text.getvalue()
