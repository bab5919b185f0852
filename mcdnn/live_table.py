"""The live table in the terminal: how every app stands, drawn anew twice a second."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from engine.snapshot import Snapshot
from mcdnn.figures_table import (
    apps_table,
    budget_line,
    frames_line,
    memory_line,
    source_lines,
    troubled_sink_lines,
    windows_line,
)

# Drawing takes about 10 ms during which the engine may have to wait: twice a second is 2 % at most.
_REFRESHES_HZ = 2.0


def live_table(
    latest: Callable[[], Snapshot], console: Console, title: str
) -> AbstractContextManager[object]:
    """Show how a run stands while the context is open; nothing where the console is no terminal.

    Args:
        latest: gives the newest snapshot; called by a thread of the table's own.
        console: where to draw.
        title: source and policy.
    """
    if not console.is_terminal:
        return nullcontext()
    return Live(
        get_renderable=lambda: live_view(latest(), title),
        console=console,
        refresh_per_second=_REFRESHES_HZ,
        transient=True,
    )


def live_view(snapshot: Snapshot, title: str) -> Group:
    """Return one picture of the table."""
    lines = (frames_line, windows_line, budget_line, memory_line)
    texts = [text for line in lines if (text := line(snapshot))] + source_lines(snapshot)
    texts += troubled_sink_lines(snapshot.standing.sinks)
    shown = [Text(text, no_wrap=True, overflow="ellipsis") for text in texts]
    head = Text(f"{title}  {snapshot.t_s:.1f} s", style="bold", no_wrap=True, overflow="ellipsis")
    return Group(head, apps_table(snapshot), *shown)
