"""A trace cut into stretches, within which equal windows are one group.

Memory is looked at in the order of windows, which a device answers first come, first served: what
must be in memory for one window cannot be for another between two uses without being loaded again.
Where order matters stretches are therefore cut, as far as a program of reasonable size allows,
wherever a window of another input type follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]

_EVENLY = 128  # stretches that all types share are much alike


@dataclass(frozen=True, slots=True)
class Group:
    """Equal windows of one stretch.

    Args:
        kind: index of what they are.
        slots: index of the busy slot of each limited capacity, -1 for none.
        count: how many.
    """

    kind: int
    slots: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the trace.

    Args:
        period: index of the budget's period.
        groups: of windows.
        windows: where they are in the trace, in order.
    """

    period: int
    groups: tuple[Group, ...]
    windows: Index


def cut_into_groups(kind_at: Index, period_at: Index, slots_at: Sequence[Index]) -> list[Stretch]:
    """Put all windows of a period together, wherever they are in it.

    Args:
        kind_at: (windows,) what each is.
        period_at: (windows,) period of the budget.
        slots_at: (windows,) busy slot, for each limited capacity.
    """
    return _stretches(period_at, kind_at, period_at, slots_at)


def cut_in_order(
    kind_at: Index, type_at: Index, period_at: Index, slots_at: Sequence[Index], most: int
) -> list[Stretch]:
    """Cut a trace wherever another input type or period begins.

    Args:
        type_at: (windows,) number of its input type.
        most: stretches; where input types change more often, the trace is cut evenly into far fewer.
    """
    if not len(kind_at):
        return []
    runs = np.cumsum(np.diff(type_at, prepend=type_at[0]) != 0)
    if runs[-1] >= most:
        runs = np.arange(len(kind_at)) * max(1, most // _EVENLY) // len(kind_at)
    changed = np.any([np.diff(k, prepend=k[0]) != 0 for k in (runs, period_at)], axis=0)
    return _stretches(np.cumsum(changed).astype(np.intp), kind_at, period_at, slots_at)


def _stretches(at: Index, kind_at: Index, period_at: Index, slots_at: Sequence[Index]) -> list[Stretch]:
    if not len(at):
        return []
    order = np.argsort(at, kind="stable")
    ends = np.flatnonzero(np.diff(at[order])) + 1
    alike = np.stack([kind_at, *slots_at])  # (1 + capacities, windows)
    return [Stretch(int(period_at[here[0]]), _groups(alike[:, here]), here) for here in np.split(order, ends)]


def _groups(alike: Index) -> tuple[Group, ...]:
    different, counts = np.unique(alike, axis=1, return_counts=True)
    return tuple(
        Group(int(kind), tuple(slots), int(count))
        for (kind, *slots), count in zip(different.T.tolist(), counts, strict=True)
    )


def changes(moments: Index) -> dict[tuple[int, int], int]:
    """Count, for two numbers, how often the second comes next after the first, passing over others.

    Args:
        moments: in order; negative ones are passed over.
    """
    known = [int(m) for m in np.unique(moments) if m >= 0]
    found: dict[tuple[int, int], int] = {}
    for one in known:
        for other in known:
            if one != other:
                both = moments[(moments == one) | (moments == other)]
                found[one, other] = int(np.sum((both[:-1] == one) & (both[1:] == other)))
    return found
