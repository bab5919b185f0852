"""How a link changes over time, from the traces that the simulator reads too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from catalog.csv_rows import read_csv_rows
from catalog.errors import BadInput
from cloud.link_conditions import Cut, LinkConditions

_BYTES_PER_MBIT = 125_000.0


@dataclass(frozen=True, slots=True)
class LinkChange:
    """From a moment on a link is like this.

    Args:
        t_s: since the start of the trace.
        conditions: from then on.
    """

    t_s: float
    conditions: LinkConditions


def read_link_trace(
    connectivity: Path | None, bandwidth: Path | None, usual: LinkConditions, cut: Cut = Cut.STALL
) -> tuple[LinkChange, ...]:
    """Read `t_s,connected` and `t_s,mbps`; as in the simulator, there is no link before the first line.

    Args:
        connectivity: path of the first; None for a link that is always there.
        bandwidth: path of the second, which holds in both directions; None for the usual one.
        usual: what the traces do not tell.
        cut: what being without a connection means.

    Returns:
        The changes in order, the first at 0.

    Raises:
        BadInput: naming the line: a time that is none or not in order, a state other than 0 or 1, a
            speed below 0.
    """
    connected = None if connectivity is None else _steps(connectivity, "connected")
    mbps = None if bandwidth is None else _steps(bandwidth, "mbps")
    for where, state in (connected or {}).values():
        if state not in (0.0, 1.0):
            raise BadInput(f"{where}: connected = {state:g}: expected 0 or 1")
    moments = sorted({0.0, *(connected or {}), *(mbps or {})})
    changes: list[LinkChange] = []
    now = usual if mbps is None else _at_speed(usual, 0.0)
    up = connected is None
    for t_s in moments:
        if connected is not None and t_s in connected:
            up = bool(connected[t_s][1])
        if mbps is not None and t_s in mbps:
            now = _at_speed(usual, mbps[t_s][1])
        changes.append(LinkChange(t_s, now if up else replace(now, cut=cut)))
    return tuple(changes)


def _at_speed(usual: LinkConditions, mbps: float) -> LinkConditions:
    speed = _BYTES_PER_MBIT * mbps
    return replace(usual, up_bytes_per_s=speed, down_bytes_per_s=speed)


def _steps(path: Path, column: str) -> dict[float, tuple[str, float]]:
    """Return where each moment stands and what holds from then on."""
    steps: dict[float, tuple[str, float]] = {}
    last_s = 0.0
    for row in read_csv_rows(path, ("t_s", column)):
        t_s = row.number("t_s")
        if t_s < last_s:
            raise BadInput(f"{row.where}: t_s = {t_s:g}: earlier than {last_s:g} before it: sort by t_s")
        last_s = t_s
        steps[t_s] = (row.where, row.number(column))
    return steps
