"""A picture of one or more runs over time: accuracy, which models answered, energy, memory."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.durable_file import write_whole
from engine.course import CoursePoint
from engine.exchanges import SPLIT
from engine.scheduling.problem import Place
from mcdnn.result_history import UNSERVED, Float64, ResultHistory, read_history

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_IN = 10.0
_ROW_IN = 2.3
_DPI = 110
_MOST_TRUNKS = 9
_OTHERS = "others"
_OTHERS_COLOUR = "#777777"
_UNSERVED_COLOUR = "#c9c9c9"
_CUT_COLOUR = "#444444"
_PLACE_COLOURS: dict[str, str] = {
    Place.DEVICE: "#55a868",
    SPLIT: "#cc8963",
    Place.CLOUD: "#4c72b0",
    UNSERVED: _UNSERVED_COLOUR,
}
_RUN_COLOURS = ("#c44e52", "#2a7f9e", "#55a868", "#8172b3", "#cc8963", "#4c4c4c")


@dataclass(frozen=True, slots=True)
class RunToDraw:
    """One run.

    Args:
        name: of its policy, say.
        results: file written by mcdnn run --out.
        course: energy of all categories and memory over time; without it the energy is that of the
            answers alone, and no memory is drawn.
        cuts: from when to when it was without a link; shaded.
    """

    name: str
    results: Path
    course: tuple[CoursePoint, ...] = ()
    cuts: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the runs had to keep within; inf where there is no limit.

    Args:
        energy_j: per period, base load included.
        period_s: length of a period.
        memory_bytes: at every moment.
        base_w: power drawn whatever runs; it is left out of the picture, being the same for all runs.
    """

    energy_j: float = math.inf
    period_s: float = math.inf
    memory_bytes: float = math.inf
    base_w: float = 0.0


def draw_runs(runs: Sequence[RunToDraw], picture: Path, title: str, limits: Limits | None = None) -> None:
    """Draw runs into one PNG: accuracy together, the mix of models run by run, energy and memory together.

    Where any answer came from elsewhere than the device, places are drawn run by run, too.

    Raises:
        BadInput: a results file is missing, empty or damaged.
        RunFailed: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    histories = [read_history(run.results) for run in runs]
    with_memory = any(run.course for run in runs)
    away = [k for k, h in enumerate(histories) if h.places.keys() - {Place.DEVICE, UNSERVED}]
    rows = 2 + len(runs) + len(away) + with_memory
    figure = Figure(figsize=(_WIDTH_IN, _ROW_IN * rows), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(title, fontweight="bold")
    _draw_accuracy(axes[0], runs, histories)
    _draw_mixes(list(axes[1 : 1 + len(runs)]), runs, histories)
    for panel, k in zip(axes[1 + len(runs) :], away, strict=False):
        _draw_places(panel, runs[k], histories[k])
    for panel in axes:
        for begins_s, ends_s in (cut for run in runs for cut in run.cuts):
            panel.axvspan(begins_s, ends_s, color=_CUT_COLOUR, alpha=0.25, linewidth=0.0)
    _draw_energy(axes[1 + len(runs) + len(away)], runs, histories, limits or Limits())
    if with_memory:
        _draw_memory(axes[-1], runs, limits or Limits())
    axes[-1].set_xlabel("time on the source's clock (s)")
    axes[-1].set_xlim(0.0, max(float(h.t_s[-1]) for h in histories))
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=_DPI)
    write_whole(picture, image.getvalue())


def _colour(run: int) -> str:
    return _RUN_COLOURS[run % len(_RUN_COLOURS)]


def _legend_beside(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _draw_accuracy(axes: Axes, runs: Sequence[RunToDraw], histories: Sequence[ResultHistory]) -> None:
    known = all(h.accuracy is not None for h in histories)
    for i, (run, history) in enumerate(zip(runs, histories, strict=True)):
        shares = history.accuracy if known and history.accuracy is not None else history.served
        axes.plot(history.t_s, 100.0 * shares, label=run.name, color=_colour(i), linewidth=1.8)
    axes.set_ylim(-3.0, 103.0)
    axes.set_ylabel("accuracy (%)" if known else "served (%)")
    axes.set_title("right answers, an unserved request counts as wrong" if known else "requests served")
    axes.grid(alpha=0.3)
    _legend_beside(axes)


def _draw_mixes(
    panels: Sequence[Axes], runs: Sequence[RunToDraw], histories: Sequence[ResultHistory]
) -> None:
    """Draw one panel a run; a model has the same colour in all of them."""
    from matplotlib import colormaps

    shown = _most_used(histories)
    palette = colormaps["tab10"]
    colours: dict[str, Any] = {trunk: palette(i) for i, trunk in enumerate(shown)}
    colours |= {_OTHERS: _OTHERS_COLOUR, UNSERVED: _UNSERVED_COLOUR}
    for axes, run, history in zip(panels, runs, histories, strict=True):
        bands = _bands(history, shown)
        axes.stackplot(
            history.t_s,
            [100.0 * np.nan_to_num(share) for share in bands.values()],
            labels=list(bands),
            colors=[colours[name] for name in bands],
        )
        axes.set_ylim(0.0, 100.0)
        axes.set_ylabel("requests (%)")
        axes.set_title(f"{run.name}: answered by")
        _legend_beside(axes)


def _draw_places(axes: Axes, run: RunToDraw, history: ResultHistory) -> None:
    names = [name for name in _PLACE_COLOURS if name in history.places]
    axes.stackplot(
        history.t_s,
        [100.0 * np.nan_to_num(history.places[name]) for name in names],
        labels=names,
        colors=[_PLACE_COLOURS[name] for name in names],
    )
    axes.set_ylim(0.0, 100.0)
    axes.set_ylabel("requests (%)")
    axes.set_title(f"{run.name}: answered at" + (" (shaded: without a link)" if run.cuts else ""))
    _legend_beside(axes)


def _most_used(histories: Sequence[ResultHistory]) -> list[str]:
    """Return the trunks that answered most over all runs, as many as there are colours for."""
    weight: dict[str, float] = {}
    for history in histories:
        for trunk, share in history.mix.items():
            if trunk != UNSERVED:
                weight[trunk] = weight.get(trunk, 0.0) + float(np.nansum(share))
    return sorted(weight, key=lambda trunk: (-weight[trunk], trunk))[:_MOST_TRUNKS]


def _bands(history: ResultHistory, shown: Sequence[str]) -> dict[str, Float64]:
    """Return the shares to stack: the shown trunks, all others as one, and what was not served."""
    bands = {trunk: history.mix[trunk] for trunk in shown if trunk in history.mix}
    others = [s for trunk, s in history.mix.items() if trunk not in shown and trunk != UNSERVED]
    if others:
        bands[_OTHERS] = np.sum(others, axis=0)
    if UNSERVED in history.mix:
        bands[UNSERVED] = history.mix[UNSERVED]
    return bands


def _draw_energy(
    axes: Axes, runs: Sequence[RunToDraw], histories: Sequence[ResultHistory], limits: Limits
) -> None:
    for i, (run, history) in enumerate(zip(runs, histories, strict=True)):
        if run.course:
            work_j = [p.spent_j - limits.base_w * p.t_s for p in run.course]
            axes.plot([p.t_s for p in run.course], work_j, label=run.name, color=_colour(i))
        else:
            axes.plot(history.t_s, history.energy_j, label=f"{run.name}, answers alone", color=_colour(i))
    end_s = max(float(h.t_s[-1]) for h in histories)
    if math.isfinite(limits.energy_j):
        granted_j = limits.energy_j - (limits.base_w * limits.period_s if limits.base_w else 0.0)
        if math.isfinite(limits.period_s):
            pace_j = granted_j * end_s / limits.period_s
            axes.plot([0.0, end_s], [0.0, pace_j], label="pace", color="black", linestyle=":")
        if end_s <= limits.period_s:
            axes.axhline(granted_j, label="budget", color="black", linestyle="--", linewidth=1.0)
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("energy (J)")
    left_out = f" (base load of {limits.base_w:g} W left out)" if limits.base_w else ""
    axes.set_title(f"energy spent so far{left_out}")
    axes.grid(alpha=0.3)
    _legend_beside(axes)


def _draw_memory(axes: Axes, runs: Sequence[RunToDraw], limits: Limits) -> None:
    for i, run in enumerate(runs):
        held_mb = [p.memory_bytes / 1e6 for p in run.course]
        axes.step([p.t_s for p in run.course], held_mb, where="post", label=run.name, color=_colour(i))
    if math.isfinite(limits.memory_bytes):
        axes.axhline(limits.memory_bytes / 1e6, label="limit", color="black", linestyle="--", linewidth=1.0)
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("memory (MB)")
    axes.set_title("memory held by models")
    axes.grid(alpha=0.3)
    _legend_beside(axes)
