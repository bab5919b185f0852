"""The pictures of one device's day under several policies, as HTML figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean

from sim.bound import Bound
from sim.charts import Layer, Line, Scale, draw_lines, draw_stack, nice_top
from sim.day_courses import (
    Point,
    accuracy_course,
    energy_course,
    model_counts,
    model_of,
    money_course,
    place_counts,
    reason_counts,
    shares,
    totals,
)
from sim.html_tables import dollars, joules
from sim.report import DayResult
from sim.scenario import DeviceDay
from sim.timeline import AppBin, Timeline

_COLOURS = 10
_MOST_NAMED = 8  # of models or reasons; the others share a colour
_ACCURACY_BINS = 60
_MODELS_CAPTION = "share of requests, the least accurate at the bottom"
_REST, _SKIPPED, _LIMIT = "--rest", "--skipped", "--limit"


@dataclass(frozen=True, slots=True)
class WatchedDay:
    """One policy's day at a device.

    Args:
        result: of the day.
        timeline: its course.
    """

    result: DayResult
    timeline: Timeline


def comparing_pictures(day: DeviceDay, watched: Sequence[WatchedDay], bound: Bound | None) -> str:
    """Return accuracy, energy and money over time, a line a policy."""
    end_s = length_s(watched)
    weights = {name: app.weight for name, app in day.problem.apps.items()}
    budget = day.problem.budget
    bounds = (
        []
        if bound is None
        else [Line("bound", _LIMIT, ((0.0, bound.accuracy), (end_s, bound.accuracy)), True)]
    )
    lines = [
        *bounds,
        *_policy_lines(watched, lambda w: accuracy_course(w.timeline, weights, _ACCURACY_BINS)),
    ]
    most = max((v for line in lines for _, v in line.points if v is not None), default=1.0)
    drawn = draw_lines(lines, Scale(end_s, nice_top(most), _percent), "accuracy over time")
    caption = "expected right answers a request, weighted; a request without an answer counts 0"
    caption += "" if bound is None else "; dashed: the clairvoyant bound on the whole day's mean"
    figures = [_figure("Accuracy", drawn, caption)]
    figures += _spending("Energy", watched, energy_course, budget.energy_j, budget.period_s, joules)
    figures += _spending("Money", watched, money_course, budget.cost_usd, budget.period_s, dollars)
    policies = [(w.result.policy, f"--c{i % _COLOURS}") for i, w in enumerate(watched)]
    return _legend(policies) + _grid(figures)


def _policy_lines(watched: Sequence[WatchedDay], course: Callable[[WatchedDay], list[Point]]) -> list[Line]:
    """Return a line a policy, the first policy's above the others."""
    lines = [Line(w.result.policy, f"--c{i % _COLOURS}", course(w)) for i, w in enumerate(watched)]
    return lines[::-1]


def _spending(
    heading: str,
    watched: Sequence[WatchedDay],
    course: Callable[[Timeline], list[Point]],
    budget: float,
    period_s: float,
    written: Callable[[float], str],
) -> list[str]:
    """Return what was spent over time against the even pace; nothing where nothing was."""
    end_s = length_s(watched)
    lines = _policy_lines(watched, lambda w: course(w.timeline))
    most = max((v for line in lines for _, v in line.points if v is not None), default=0.0)
    if most <= 0.0:
        return []
    limited = 0.0 < budget < math.inf
    if limited:
        granted = budget * (end_s / period_s if math.isfinite(period_s) else 1.0)
        lines.insert(0, Line("even pace", _LIMIT, ((0.0, 0.0), (end_s, granted)), True))
        most = max(most, granted)
    drawn = draw_lines(lines, Scale(end_s, nice_top(most), written), f"{heading} spent over time")
    return [
        _figure(
            f"{heading} spent", drawn, "dashed: the budget at an even pace" if limited else "without a limit"
        )
    ]


@dataclass(frozen=True, slots=True)
class Palette:
    """Names that every policy's pictures show in the same colours.

    Args:
        apps: that ask about each input type of which there are requests.
        models: by input type those that answered most, the least accurate first.
        places: those that answered most first.
        reasons: why requests were not served, the most frequent first.
    """

    apps: Mapping[str, tuple[str, ...]]
    models: Mapping[str, tuple[str, ...]]
    places: tuple[str, ...]
    reasons: tuple[str, ...]

    @staticmethod
    def of(day: DeviceDay, watched: Iterable[WatchedDay]) -> Palette:
        """Return the names that occur most at a device."""
        timelines = [w.timeline for w in watched]
        accuracy = _accuracy_of_models(day)
        asked = {name for timeline in timelines for b in timeline.bins for name in b.apps}
        apps: dict[str, tuple[str, ...]] = {}
        for name, app in day.problem.apps.items():
            if name in asked:
                apps[app.input_type] = (*apps.get(app.input_type, ()), name)
        models = {t: totals(timelines, model_counts, own)[:_MOST_NAMED] for t, own in apps.items()}
        return Palette(
            apps,
            {t: tuple(sorted(found, key=lambda m: accuracy.get(m, 0.0))) for t, found in models.items()},
            tuple(totals(timelines, place_counts)[:_MOST_NAMED]),
            tuple(totals(timelines, reason_counts)[:_MOST_NAMED]),
        )


def _accuracy_of_models(day: DeviceDay) -> dict[str, float]:
    """Return the mean accuracy of each model's options."""
    accuracies: dict[str, list[float]] = {}
    for options in day.problem.options.values():
        for option in options:
            accuracies.setdefault(model_of(option.variant), []).append(option.accuracy)
    return {model: fmean(found) for model, found in accuracies.items()}


def policy_pictures(watched: WatchedDay, palette: Palette, end_s: float) -> str:
    """Return what answered, where, and what was skipped and why, over time."""
    timeline = watched.timeline
    whole = Scale(end_s, 1.0, _percent)
    places = _layers(timeline, place_counts, palette.places, "elsewhere")
    reasons = _layers(timeline, reason_counts, palette.reasons, "other reasons")
    skipped = _skipped(timeline)
    most = max(skipped.heights, default=0.0)
    bin_s, policy = timeline.bin_s, watched.result.policy
    figures = [
        _stacked(heading, _MODELS_CAPTION, layers, bin_s, whole, policy)
        for heading, layers in _models(timeline, palette)
    ]
    figures.append(_stacked("Places", "share of requests", [*places, skipped], bin_s, whole, policy))
    if most > 0.0:
        scale = Scale(end_s, nice_top(most), _percent)
        figures.append(_stacked("Skipped, and why", "share of requests", reasons, bin_s, scale, policy))
    return _grid(figures)


def _models(timeline: Timeline, palette: Palette) -> Iterator[tuple[str, list[Layer]]]:
    """Yield a heading and the layers for each input type, whose models are its own."""
    for input_type, apps in palette.apps.items():
        heading = f"Models for {input_type}" if len(palette.apps) > 1 else "Models"
        named = _layers(timeline, model_counts, palette.models[input_type], "other models", apps)
        yield heading, [*named, _skipped(timeline, apps)]


def _skipped(timeline: Timeline, apps: Collection[str] | None = None) -> Layer:
    return Layer("not answered", _SKIPPED, shares(timeline, reason_counts, (), apps)[""])


def _layers(
    timeline: Timeline,
    of: Callable[[AppBin], Mapping[str, int]],
    names: Sequence[str],
    rest: str,
    apps: Collection[str] | None = None,
) -> list[Layer]:
    heights = shares(timeline, of, names, apps)
    named = [Layer(name, f"--c{i % _COLOURS}", heights[name]) for i, name in enumerate(names)]
    return [*named, Layer(rest, _REST, heights[""])]


def _stacked(
    heading: str, caption: str, layers: Sequence[Layer], bin_s: float, scale: Scale, policy: str
) -> str:
    drawn = draw_stack(layers, bin_s, scale, f"{policy}: {heading.lower()} over time, {caption}")
    there = [(layer.name, layer.colour) for layer in layers if any(layer.heights)]
    return _figure(heading, drawn, caption, _legend(there))


def length_s(watched: Sequence[WatchedDay]) -> float:
    """Return where the time axis ends."""
    return max((max(w.result.end_s, 1e-3) for w in watched), default=1.0)


def _figure(heading: str, drawn: str, caption: str, legend: str = "") -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>{legend}"
    return f"<figure><h3>{escape(heading)}</h3>{drawn}{below}</figure>"


def _grid(figures: Iterable[str]) -> str:
    return f'<div class="pictures">{"".join(figures)}</div>'


def _legend(entries: Iterable[tuple[str, str]]) -> str:
    items = "".join(
        f'<li><i style="background:var({colour})"></i>{escape(name)}</li>' for name, colour in entries
    )
    return f'<ul class="legend">{items}</ul>'


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"
