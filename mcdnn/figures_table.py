"""How a run stands as a rich table and lines of text; shared by the live view and the closing summary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.table import Table

from engine.capture import SourceFigures
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import AppFigures, Snapshot
from mcdnn.quantities import NONE, energy, latency, megabytes, money, share

_SHOWN_TRUNKS = 3
_FIGURE_WIDTH = 7


def figures_table(name: str, figures: Sequence[str]) -> Table:
    """Return an empty table with a column of names and columns of figures, made to fit 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(name, no_wrap=True)
    for figure in figures:
        title_width = max(map(len, figure.splitlines()))
        table.add_column(figure, justify="right", no_wrap=True, min_width=max(_FIGURE_WIDTH, title_width))
    return table


def only_origin(energies: Iterable[Mapping[str, float]]) -> str:
    """Return the origin of all energy figures, or "" where there are several or none."""
    origins = {origin for energy_j in energies for origin in energy_j}
    return origins.pop() if len(origins) == 1 else ""


def energy_cell(energy_j: Mapping[str, float], origin: str) -> str:
    """Return an energy whose origin the column's title says, or else with its own."""
    return energy(energy_j[origin]) if origin in energy_j else energy_by_origin(energy_j)


def apps_table(snapshot: Snapshot) -> Table:
    """Return one row an app: served, accuracy, latency, energy, and the trunk that answered last."""
    origin = only_origin(app.energy_j for app in snapshot.apps)
    energy_title = f"energy\n{origin}".strip()
    table = figures_table("app", ("requests", "served", "accuracy", "mean", "p95", energy_title))
    table.add_column("latest", no_wrap=True)
    for app in snapshot.apps:
        table.add_row(
            app.app,
            str(app.requests),
            share(app.served_share),
            share(app.accuracy),
            latency(app.latency_mean_s),
            latency(app.latency_p95_s),
            energy_cell(app.energy_j, origin),
            trunk(app.variant) if app.variant else NONE,
        )
    return table


def energy_by_origin(energy_j: Mapping[str, float]) -> str:
    """Return "1.2 J modelled", and figures of different origin beside each other, never added."""
    return " + ".join(f"{energy(j)} {origin}" for origin, j in sorted(energy_j.items())) or NONE


def trunk(variant: str) -> str:
    """Return the trunk of a variant; the rest of its id is the task, which is the app's."""
    return variant.partition("/")[0]


def trunk_mix(app: AppFigures) -> str:
    """Return the trunks that answered most, with their share of the answers."""
    answers = sum(app.variants.values())
    most = sorted(app.variants.items(), key=lambda v: -v[1])
    shown = [f"{trunk(v)} {count / answers:.0%}" for v, count in most[:_SHOWN_TRUNKS]]
    if len(most) > _SHOWN_TRUNKS:
        shown.append(f"{len(most) - _SHOWN_TRUNKS} more")
    return ", ".join(shown) or NONE


def standing_lines(snapshot: Snapshot) -> list[str]:
    """Return frames, windows, energy, money and memory, each in one line; nothing for what there is not."""
    lines = [
        frames_line(snapshot),
        *source_lines(snapshot),
        windows_line(snapshot),
        gated_line(snapshot),
        reused_line(snapshot),
        *sink_lines(snapshot.standing.sinks),
        places_line(snapshot),
        special_line(snapshot),
        spent_line(snapshot),
        meter_line(snapshot),
    ]
    lines += [budget_line(snapshot), money_line(snapshot), memory_line(snapshot)]
    return [line for line in lines if line]


def frames_line(snapshot: Snapshot) -> str:
    """Return how many frames were read, processed and dropped."""
    captured = snapshot.standing.captured
    return f"frames: {snapshot.frames} processed of {captured.read} read, {captured.dropped} dropped"


def source_lines(snapshot: Snapshot) -> list[str]:
    """Return a line for each of several sources, and for one that had trouble or dropped frames itself."""
    sources = snapshot.standing.sources
    return [_source_line(s) for s in sources if len(sources) > 1 or s.report.failures or len(s.dropped) > 1]


def _source_line(source: SourceFigures) -> str:
    report = source.report
    line = f"source {source.source}: {source.taken} taken of {source.read}"
    for reason, count in source.dropped.items():
        line += f", {count} dropped ({reason})"
    if source.left:
        line += f", {source.left} left"
    if report.failures or report.restarts:
        line += f"; connected {report.connects} times, failed {report.failures}"
    if report.restarts:
        line += f", decoder replaced {report.restarts}"
    return f"{line}; gives nothing: {report.trouble}" if report.trouble else line


def sink_lines(sinks: Iterable[SinkFigures]) -> list[str]:
    """Return a line a sink: how many results it took, and where those are that it did not deliver."""
    return [_sink_line(s) for s in sinks]


def troubled_sink_lines(sinks: Iterable[SinkFigures]) -> list[str]:
    """Return the lines of sinks that lost results or deliver none just now."""
    return [_sink_line(s) for s in sinks if s.trouble or s.dropped]


def _sink_line(sink: SinkFigures) -> str:
    line = f"sink {sink.sink}: {sink.delivered} results delivered of {sink.accepted}"
    if sink.recovered:
        line += f" and {sink.recovered} of an earlier run"
    for reason, count in sink.dropped.items():
        line += f", {count} dropped ({reason})"
    if sink.waiting:
        line += f", {sink.waiting} waiting"
    if sink.spooled:
        line += f", {sink.spooled} spooled"
    if sink.retries:
        line += f"; tried again {sink.retries} times"
    return f"{line}; delivers nothing: {sink.trouble}" if sink.trouble else line


def windows_line(snapshot: Snapshot) -> str:
    """Return how much of what was there was found, where the source knows it."""
    truth = snapshot.standing.truth
    if not truth.frames:
        return ""
    return (
        f"windows: {truth.found} of {truth.present} found (recall {share(truth.recall)}), "
        f"{truth.false_windows} false"
    )


def gated_line(snapshot: Snapshot) -> str:
    """Return what a motion gate passed over, where it did."""
    gated = snapshot.standing.gated
    if not gated.total_frames:
        return ""
    return (
        f"still: {gated.total_frames} frames ({gated.total_frames / snapshot.frames:.1%}) passed over, about "
        f"{gated.requests:.0f} requests not made, about {energy(gated.saved_j)} saved (modelled)"
    )


def reused_line(snapshot: Snapshot) -> str:
    """Return how many answers stood along tracks, and how many of these were right, where it is known."""
    if not snapshot.standing.tracks:
        return ""
    known = sum(a.reused_known for a in snapshot.apps)
    correct = sum(a.reused_correct for a in snapshot.apps)
    line = (
        f"tracked: {snapshot.standing.tracks} things, {snapshot.reused} answers reused beside "
        f"{snapshot.requests} requests"
    )
    return f"{line}, {share(correct / known)} of them right" if known else line


def places_line(snapshot: Snapshot) -> str:
    """Return where answers came from, and how often the device answered for a silent cloud."""
    cloud = snapshot.standing.cloud
    if not cloud.sent:
        return ""
    answers: dict[str, int] = {}
    for app in snapshot.apps:
        for place, count in app.places.items():
            answers[place] = answers.get(place, 0) + count
    total = sum(answers.values())
    named = [f"{place} {count} ({count / total:.1%})" for place, count in sorted(answers.items())]
    return (
        f"answered: {', '.join(named) or 'none'}; the cloud was asked {cloud.sent} times: "
        f"the device answered {cloud.stood_in} for it, nobody {cloud.lost}"
    )


def special_line(snapshot: Snapshot) -> str:
    """Return what specialised heads did, where one was ever trained."""
    special = snapshot.standing.special
    if not special.heads:
        return ""
    return (
        f"specialised: {special.heads} heads trained, entered {special.entered} times, answered "
        f"{special.answered} alone, passed on {special.passed_on}, checked {special.checked}; saved "
        f"{special.saved_s:.3g} s of processor time; last: {special.latest}"
    )


def spent_line(snapshot: Snapshot) -> str:
    """Return the energy spent by category, with the origin of every figure."""
    parts: dict[str, dict[str, float]] = {}
    for line in snapshot.standing.spent:
        if line.energy_j:
            parts.setdefault(line.category, {})[line.origin] = line.energy_j
    named = [f"{c.replace('_', ' ')} {energy_by_origin(by_origin)}" for c, by_origin in parts.items()]
    return f"energy spent: {', '.join(named)}" if named else ""


def meter_line(snapshot: Snapshot) -> str:
    """Return what a meter counted, by how much it corrects the model, and whether it counts now."""
    meter = snapshot.standing.meter
    if not meter.meter:
        return ""
    if meter.since_s is None and not meter.trouble:
        return f"meter {meter.meter}: not used: recordings at full speed are not measured"
    line = f"meter {meter.meter}: {energy(meter.counted_j)} counted ({meter.what})"
    if meter.others_j:
        line += f", about {energy(meter.others_j)} of it by other programs"
    line += f"; a busy core takes {meter.factor:.2f} times the profile's power"
    if meter.since_s is None:
        return f"{line}; modelled since {meter.trouble_s:.1f} s: {meter.trouble}"
    if meter.failures:
        line += f"; failed {meter.failures} times, last at {meter.trouble_s:.1f} s: {meter.trouble}"
    return line


def budget_line(snapshot: Snapshot) -> str:
    """Return what is left of the energy budget, when it renews, and the overdraft if there is one."""
    budget = snapshot.standing.budget
    if math.isinf(budget.energy_j):
        return ""
    line = f"energy budget: {energy(budget.energy_left_j)} left of {energy(budget.energy_j)}"
    if budget.renewal:
        line += f", renews {budget.renewal}"
    return f"{line}; overdraft {energy(budget.overdraft_j)}"


def money_line(snapshot: Snapshot) -> str:
    """Return what the cloud cost, where there is a budget for it or a bill."""
    budget = snapshot.standing.budget
    spent_usd = sum(line.cost_usd for line in snapshot.standing.spent)
    if math.isinf(budget.cost_usd) and not spent_usd:
        return ""
    return f"cloud: {money(spent_usd)} spent, {money(budget.cost_left_usd)} left of {money(budget.cost_usd)}"


def memory_line(snapshot: Snapshot) -> str:
    """Return the memory that parts and heads hold, and what came and went."""
    memory = snapshot.standing.memory
    return (
        f"memory: {megabytes(memory.used_bytes)} held, {megabytes(memory.peak_bytes)} at most, "
        f"limit {megabytes(memory.limit_bytes)}; {memory.loads} loads, {memory.evictions} evictions"
    )
