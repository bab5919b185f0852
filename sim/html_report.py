"""A report on simulated days as one HTML file that needs nothing else: tables, and pictures as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from catalog.durable_file import write_whole
from sim.bound import Bound
from sim.device_pictures import Palette, WatchedDay, comparing_pictures, length_s, policy_pictures
from sim.html_tables import apps_table, dollars, joules, summary_table, unserved_table
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario
from sim.timeline import Timeline

_MOST_DRAWN = 4  # devices; the days of further ones are in the tables


def write_report(
    path: Path,
    scenario: Scenario,
    results: Sequence[DayResult],
    bounds: Mapping[str, Bound],
    timelines: Mapping[tuple[str, str], Timeline],
) -> None:
    """Write a report on a scenario under several policies.

    Args:
        path: of the file, which is replaced where it exists.
        scenario: that was simulated.
        results: of every policy at every device, in the order in which policies are shown.
        bounds: by device; one that is missing is left out.
        timelines: by policy and device, for pictures; likewise.

    Raises:
        RunFailed: the file cannot be written.
    """
    write_whole(path, report_page(scenario, results, bounds, timelines).encode("utf-8"))


def report_page(
    scenario: Scenario,
    results: Sequence[DayResult],
    bounds: Mapping[str, Bound],
    timelines: Mapping[tuple[str, str], Timeline],
) -> str:
    """Return the report as HTML; see write_report."""
    sections = ""
    for number, day in enumerate(scenario.devices):
        own = [r for r in results if r.device == day.name]
        bound = bounds.get(day.name)
        sections += _device(day, own, bound, len(scenario.devices) > 1)
        watched = [
            WatchedDay(r, timelines[r.policy, r.device]) for r in own if (r.policy, r.device) in timelines
        ]
        if watched and number < _MOST_DRAWN:
            sections += _pictures(day, watched, bound)
    style = files("sim").joinpath("html_report.css").read_text(encoding="utf-8")
    title = escape(scenario.name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>\n{style}</style></head>\n<body>"
        f"<h1>{title}</h1>{_about(scenario)}{sections}{_relaxed(bounds)}</body></html>\n"
    )


def _about(scenario: Scenario) -> str:
    paragraphs = [scenario.about] if scenario.about else []
    if scenario.parameters:
        paragraphs.append(", ".join(f"{name} = {value}" for name, value in scenario.parameters.items()))
    return "".join(f"<p>{escape(p)}</p>" for p in paragraphs)


def _device(day: DeviceDay, results: Sequence[DayResult], bound: Bound | None, named: bool) -> str:
    """Return the tables of a device."""
    heading = f"<h2>{escape(day.name)}</h2>" if named else ""
    if not results:
        return heading + '<p class="soft">No policy was simulated.</p>'
    weights = {name: app.weight for name, app in day.problem.apps.items()}
    return (
        heading
        + f'<p class="soft">{escape(_budget(day, results[0]))}</p>'
        + summary_table(results, bound)
        + _titled("Not answered", unserved_table(results))
        + _titled("Accuracy of each app", apps_table(results, weights))
    )


def _budget(day: DeviceDay, result: DayResult) -> str:
    budget = day.problem.budget
    periods = f" in each of {result.periods} periods" if result.periods > 1 else ""
    asked = f"{result.requests:,} requests of {len(day.problem.apps)} apps in {result.end_s / 3600.0:.3g} h"
    limits = f"{joules(budget.energy_j)} of energy and {dollars(budget.cost_usd)} of money{periods}"
    memory = "no limit" if budget.memory_bytes == float("inf") else f"{budget.memory_bytes / 1e6:.4g} MB"
    return f"{asked}. Budget: {limits}. Memory: {memory}."


def _pictures(day: DeviceDay, watched: Sequence[WatchedDay], bound: Bound | None) -> str:
    """Return the pictures of a device: all policies together, then one by one."""
    palette, until_s = Palette.of(day, watched), length_s(watched)
    drawn = _titled("Over time", comparing_pictures(day, watched, bound))
    for number, one in enumerate(watched):
        is_open = ' open=""' if number == 0 else ""
        drawn += (
            f"<details{is_open}><summary>{escape(one.result.policy)}: what answered, where, and what was "
            f"skipped</summary>{policy_pictures(one, palette, until_s)}</details>"
        )
    return drawn


def _titled(heading: str, content: str) -> str:
    return f"<h2>{escape(heading)}</h2>{content}" if content else ""


def _relaxed(bounds: Mapping[str, Bound]) -> str:
    """Say what the bound lets a schedule do that no device can do."""
    relaxed = dict.fromkeys(sentence for bound in bounds.values() for sentence in bound.relaxed)
    if not relaxed:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in relaxed)
    return f'<h2>What the bound relaxes</h2><ul class="soft">{items}</ul>'
