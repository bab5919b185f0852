"""What a run came to: as text for people, as a mapping for programs, and several runs side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TextIO

from rich.console import Console

from engine.snapshot import Snapshot
from mcdnn.figures_table import (
    apps_table,
    energy_cell,
    figures_table,
    only_origin,
    standing_lines,
    trunk_mix,
)
from mcdnn.quantities import energy, latency, share

_SHOWN_REASONS = 5
_PIPE_WIDTH = 120


def text_console(stream: TextIO) -> Console:
    """Return a console for a stream: as wide as the terminal, or 120 columns in a pipe or file."""
    console = Console(file=stream)
    return console if console.is_terminal else Console(file=stream, width=_PIPE_WIDTH)


def print_closing_summary(snapshot: Snapshot, console: Console, title: str) -> None:
    """Print the table of apps, why requests were not served, and frames, energy and memory."""
    _print_line(console, f"{title}: {snapshot.t_s:.1f} s of video in {snapshot.elapsed_s:.1f} s")
    console.print(apps_table(snapshot))
    for app in snapshot.apps:
        _print_line(console, f"{app.app} answered by {trunk_mix(app)}")
    for reason, count in list(snapshot.unserved.items())[:_SHOWN_REASONS]:
        _print_line(console, f"unserved: {count} ({count / snapshot.requests:.1%}): {reason}")
    for line in standing_lines(snapshot):
        _print_line(console, line)


def print_comparison(snapshots: Mapping[str, Snapshot], console: Console) -> None:
    """Print one row a run, by its name: served, accuracy, slowest p95, energy, evictions."""
    origin = only_origin(s.standing.spent_by_origin_j for s in snapshots.values())
    energy_title = f"energy\n{origin}".strip()
    table = figures_table(
        "policy", ("served", "accuracy", "p95", energy_title, "left", "overdraft", "evicted")
    )
    for name, snapshot in snapshots.items():
        standing = snapshot.standing
        p95s_s = [a.latency_p95_s for a in snapshot.apps if a.latency_p95_s is not None]
        table.add_row(
            name,
            share(snapshot.served_share),
            share(snapshot.accuracy),
            latency(max(p95s_s, default=None)),
            energy_cell(standing.spent_by_origin_j, origin),
            energy(standing.budget.energy_left_j),
            energy(standing.budget.overdraft_j),
            str(standing.memory.evictions),
        )
    console.print(table)


def summary_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as what json.dumps takes: what has no limit is null."""
    figures = _without_infinity(asdict(snapshot))
    for row, app in zip(figures["apps"], snapshot.apps, strict=True):
        row |= {"served_share": app.served_share, "accuracy": app.accuracy}
    figures |= {"served_share": snapshot.served_share, "accuracy": snapshot.accuracy}
    figures["standing"]["truth"]["recall"] = snapshot.standing.truth.recall
    written: dict[str, Any] = figures
    return written


def _print_line(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _without_infinity(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _without_infinity(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinity(v) for v in value]
    return value
