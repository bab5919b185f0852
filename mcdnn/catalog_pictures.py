"""Pictures of a catalog's trade-off: accuracy against memory, latency and energy, one panel each."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_IN = (13.0, 5.8)
_DPI = 110
_FRONT_COLOUR = "#9a9a9a"
# Okabe and Ito's palette, which colour-blind people tell apart too.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a800")
_MARKERS = ("o", "s", "^", "D", "v", "P", "<", "h")
_MARGIN = 1.5
_TICKS = (1.0, 2.0, 5.0)
_MOST_LISTED = 18


@dataclass(frozen=True, slots=True)
class DrawnVariant:
    """A variant as a point of every panel.

    Args:
        name: of its trunk.
        technique: of its lineage, which gives the colour.
        accuracy: on validation, in [0, 1].
        number: of the point, for those on the front; None off it.
        about: shown over the point in the page.
    """

    name: str
    technique: str
    accuracy: float
    memory_bytes: int
    latency_s: float
    energy_j: float | None
    number: int | None
    about: str


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    unit: str
    cost: Callable[[DrawnVariant], float | None]


_PANELS = (
    _Panel("memory", "MB resident", lambda v: v.memory_bytes / 1e6),
    _Panel("latency", "ms a window, median", lambda v: 1e3 * v.latency_s),
    _Panel("energy", "mJ a window", lambda v: None if v.energy_j is None else 1e3 * v.energy_j),
)


def technique_of(lineage: Sequence[str]) -> str:
    """Return the techniques of a lineage by their first words: "lowrank + int8", or "trained" for none.

    What is said of shared first parts is no technique.
    """
    names = [step.split()[0] for step in lineage[1:] if step.split() and not step.startswith("first part")]
    return " + ".join(dict.fromkeys(names)) or "trained"


def draw_trade_off(title: str, subtitle: str, variants: Sequence[DrawnVariant]) -> Figure:
    """Return a figure with a panel for each kind of cost; points have ids v0, v1, ... in each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_IN, layout="constrained")
    axes = figure.subplots(1, len(_PANELS), sharey=True)
    figure.suptitle(f"{title}\n", fontsize=14, fontweight="bold", x=0.01, ha="left")
    figure.text(0.01, 0.925, subtitle, fontsize=9, color="#555555", va="top")
    styles = _styles(variants)
    for k, (panel, ax) in enumerate(zip(_PANELS, axes, strict=True)):
        _draw_panel(ax, panel, variants, styles, f"p{k}")
    axes[0].set_ylabel("accuracy on validation (%)")
    _add_legend(figure, variants, styles)
    return figure


def without_heading(figure: Figure) -> Figure:
    """Take title and subtitle off a figure, for a page that has them in words."""
    figure.suptitle("")
    for text in list(figure.texts):
        text.remove()
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=_DPI)
    return image.getvalue()


def svg(figure: Figure) -> str:
    """Return a figure as SVG, the same text for the same figure."""
    from matplotlib import rc_context

    image = io.StringIO()
    with rc_context({"svg.hashsalt": "catalog", "svg.fonttype": "none"}):
        figure.savefig(image, format="svg", metadata={"Date": None})
    return image.getvalue()


def _styles(variants: Sequence[DrawnVariant]) -> dict[str, dict[str, Any]]:
    techniques = sorted({v.technique for v in variants}, key=lambda t: (t != "trained", t))
    return {
        t: {"color": _COLOURS[i % len(_COLOURS)], "marker": _MARKERS[i % len(_MARKERS)]}
        for i, t in enumerate(techniques)
    }


def _draw_panel(
    ax: Axes,
    panel: _Panel,
    variants: Sequence[DrawnVariant],
    styles: dict[str, dict[str, Any]],
    panel_id: str,
) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_title(f"against {panel.title}", fontsize=11, loc="left")
    ax.grid(alpha=0.25, which="both", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlabel(panel.unit)
    points = [(cost, v, i) for i, v in enumerate(variants) if (cost := panel.cost(v)) is not None]
    if not points:
        ax.text(
            0.5, 0.5, f"{panel.title} was not measured", transform=ax.transAxes, ha="center", color="#777777"
        )
        return
    ax.set_xscale("log")
    costs = [cost for cost, _, _ in points]
    ax.set_xlim(min(costs) / _MARGIN, max(costs) * _MARGIN)
    ax.xaxis.set_major_locator(LogLocator(subs=_TICKS if max(costs) < 100.0 * min(costs) else (1.0,)))
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    _draw_front(ax, [(cost, v.accuracy) for cost, v, _ in points])
    for cost, v, i in points:
        _draw_point(ax, cost, v, styles[v.technique], f"{panel_id}-v{i}")


def _draw_front(ax: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Draw the best accuracy that can be had for at most each cost."""
    best = -1.0
    steps: list[tuple[float, float]] = []
    for cost, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if accuracy > best:
            best = accuracy
            steps.append((cost, 100.0 * accuracy))
    steps.append((ax.get_xlim()[1], steps[-1][1]))
    xs, ys = zip(*steps, strict=True)
    ax.step(xs, ys, where="post", color=_FRONT_COLOUR, linewidth=1.2, zorder=1)


def _draw_point(ax: Axes, cost: float, v: DrawnVariant, style: dict[str, Any], gid: str) -> None:
    on_front = v.number is not None
    colour = style["color"]
    (point,) = ax.plot(
        [cost],
        [100.0 * v.accuracy],
        linestyle="none",
        marker=style["marker"],
        markersize=8.0 if on_front else 5.5,
        markerfacecolor=colour if on_front else "white",
        markeredgecolor="white" if on_front else colour,
        markeredgewidth=0.8 if on_front else 1.2,
        alpha=1.0 if on_front else 0.6,
        zorder=3 if on_front else 2,
    )
    point.set_gid(gid)
    if on_front:
        ax.annotate(
            str(v.number),
            (cost, 100.0 * v.accuracy),
            xytext=(-5, 3),  # nothing lies above and left of the front
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color="#333333",
            zorder=4,
        )


def _add_legend(figure: Figure, variants: Sequence[DrawnVariant], styles: dict[str, dict[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    def entry(label: str, **style: Any) -> Line2D:
        return Line2D([], [], **{"linestyle": "none", "markersize": 8.0, "label": label, **style})

    front = sorted((v for v in variants if v.number is not None), key=lambda v: v.number or 0)
    handles = [
        *(entry(technique, markeredgecolor="white", **style) for technique, style in styles.items()),
        entry("off the front", marker="o", markerfacecolor="white", color="#777777", markersize=6.0),
        entry("best for at most this cost", linestyle="-", color=_FRONT_COLOUR),
        entry(""),
        entry("On the front:"),
        *(entry(f"{v.number}  {v.name}  {v.accuracy:.1%}") for v in front[:_MOST_LISTED]),
    ]
    if len(front) > _MOST_LISTED:
        handles.append(entry(f"and {len(front) - _MOST_LISTED} more"))
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=8)
