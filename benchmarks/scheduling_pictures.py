"""Pictures of the scheduling benchmark, as SVG files beside the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import matplotlib
from matplotlib.figure import Figure

from benchmarks.report import Row
from benchmarks.scheduling_cases import BOUND, parameter
from benchmarks.scheduling_figures import energy_a_request_j, served_pct
from benchmarks.scheduling_summary import number

_SIZE_INCHES = (9.0, 3.0)


def draw_figure13(rows: Sequence[Row], folder: Path) -> list[str]:
    """Draw accuracy and unserved requests of every policy; return the picture's Markdown."""
    figure = Figure((9.0, 3.6), layout="constrained")
    accuracy, unserved = figure.subplots(1, 2, sharey=True)
    names = [str(r["policy"]) for r in rows]
    accuracy.barh(names, [number(r, "accuracy_pct") for r in rows], color=[_color(n) for n in names])
    accuracy.set_xlabel("accuracy of all requests, %")
    accuracy.invert_yaxis()
    shares = [100.0 * number(r, "unserved") / number(r, "requests") for r in rows]
    unserved.barh(names, [0.0 if math.isnan(s) else s for s in shares], color=[_color(n) for n in names])
    unserved.set_xlabel("unserved requests, %")
    return _save(figure, folder, "scheduling_figure13")


def _color(policy: str) -> str:
    return {BOUND: "0.6", "paced": "tab:orange"}.get(policy, "tab:blue")


def draw_figure10(rows: Sequence[Row], folder: Path) -> list[str]:
    """Draw what a request costs against how accurate it is."""
    figure = Figure(_SIZE_INCHES, layout="constrained")
    for axes, (name, label) in zip(
        figure.subplots(1, 3, sharey=True),
        (("run_j", "energy, J"), ("run_ms", "latency, ms"), ("memory_mb", "memory, MB")),
        strict=True,
    ):
        for how in dict.fromkeys(str(r["how"]) for r in rows):
            own = [r for r in rows if r["how"] == how and r[name] is not None]
            if own:
                axes.scatter(
                    [number(r, name) for r in own], [number(r, "accuracy_pct") for r in own], label=how
                )
        axes.set_xlabel(label)
        axes.set_xscale("log")
    figure.axes[0].set_ylabel("accuracy, %")
    figure.axes[0].legend(fontsize="small")
    return _save(figure, folder, "scheduling_figure10")


def draw_figure11(rows: Sequence[Row], folder: Path) -> list[str]:
    """Draw served share, energy a request and accuracy against the load rate."""
    measures: list[tuple[str, Callable[[Row], float]]] = [
        ("served, %", served_pct),
        ("energy, J a request", energy_a_request_j),
        ("accuracy of all, %", lambda r: number(r, "accuracy_pct")),
    ]
    figure = Figure(_SIZE_INCHES, layout="constrained")
    for axes, (label, measure) in zip(figure.subplots(1, 3), measures, strict=True):
        _lines(axes, rows, lambda r: parameter(r, "models"), measure, "load_rate_mb_per_request")
        axes.set_xlabel("load rate, MB a request")
        axes.set_ylabel(label)
    figure.axes[0].legend(fontsize="small")
    return _save(figure, folder, "scheduling_figure11")


def draw_figure12(rows: Sequence[Row], folder: Path) -> list[str]:
    """Draw the served share, and the accuracy, against the specialised time, for each send cost."""
    sends_j = sorted({parameter(r, "send_j") for r in rows})
    figure = Figure((9.0, 5.4), layout="constrained")
    grid = figure.subplots(2, len(sends_j), sharex=True, sharey="row", squeeze=False)
    for column, send_j in enumerate(sends_j):
        own = [r for r in rows if parameter(r, "send_j") == send_j]
        for axes, measure in zip(grid[:, column], (served_pct, _accuracy_pct), strict=True):
            _lines(axes, own, lambda r: parameter(r, "specialised_share"), measure, "specialised_share")
        grid[0, column].set_title(f"{send_j:g} J to send")
        grid[1, column].set_xlabel("share of specialised time")
    grid[0, 0].set_ylabel("served, %")
    grid[1, 0].set_ylabel("accuracy of all, %")
    grid[1, 0].legend(fontsize="small")
    return _save(figure, folder, "scheduling_figure12")


def _accuracy_pct(row: Row) -> float:
    return number(row, "accuracy_pct")


def _lines(
    axes: matplotlib.axes.Axes,
    rows: Sequence[Row],
    group: Callable[[Row], float],
    measure: Callable[[Row], float],
    across: str,
) -> None:
    """Draw a line a policy: the mean over the rows of each group."""
    for policy in dict.fromkeys(str(r["policy"]) for r in rows if r["policy"] != BOUND):
        own = [r for r in rows if r["policy"] == policy]
        groups = [[r for r in own if group(r) == value] for value in sorted({group(r) for r in own})]
        x = [fmean(parameter(r, across) for r in g) for g in groups]
        axes.plot(x, [fmean(map(measure, g)) for g in groups], marker="o", markersize=3, label=policy)


def _save(figure: Figure, folder: Path, name: str) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    return [f"![{name}]({name}.svg)", ""]
