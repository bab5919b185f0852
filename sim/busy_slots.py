"""When a processor or a link may be too slow: slots of time within which its capacity is a limit.

Long busy times are cut into slots. Where there are many short ones, those in which about equally
too much may be asked for share a slot, with what they have together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.whole_trace import queue

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

_LEAST_LIMITS = 30.0  # a slot is at least so many latency limits long


@dataclass(frozen=True, slots=True)
class BusySlots:
    """Slots, each a piece of time or several.

    Args:
        slot_at: (windows,) each window's slot, -1 where capacity is no limit.
        capacity_s: (slots,) what can be done for the windows of a slot: the length of each of its
            pieces and, as an answer may come that late, the latency limit.
        together: further sets of slots (first, last) with their capacity.
    """

    slot_at: Index
    capacity_s: tuple[float, ...]
    together: tuple[tuple[int, int, float], ...]


def busy_slots(t_s: Float64, most_s: Float64, limit_s: float, most_slots: int) -> BusySlots:
    """Find the times at which the most that windows may ask for takes longer than there is.

    Args:
        t_s: (windows,) when each comes.
        most_s: (windows,) the most that it may take.
        limit_s: within which it must be done; inf where it may take for ever.
        most_slots: to aim at: of long busy times, and again of short ones.
    """
    slot_at = np.full(len(t_s), -1, np.intp)
    if not len(t_s) or limit_s == np.inf or not most_s.any():
        return BusySlots(slot_at, (), ())
    busy = np.cumsum(queue(t_s, most_s).wait_s <= 0.0) - 1
    first = np.flatnonzero(np.diff(busy, prepend=-1))
    last = np.append(first[1:], len(t_s)) - 1
    length_s = t_s[last] - t_s[first]
    asked_s = np.add.reduceat(most_s, first)
    binding = asked_s > length_s + limit_s
    slot_s = max(_LEAST_LIMITS * limit_s, float(length_s[binding].sum()) / most_slots)
    short = binding & (length_s < slot_s)
    capacity_s: list[float] = []
    together = []
    for begin, end in zip(first[binding & ~short], last[binding & ~short] + 1, strict=True):
        times_s = t_s[begin:end]
        number = ((times_s - times_s[0]) / slot_s).astype(np.intp) if slot_s > 0.0 else np.zeros(end - begin)
        known, at = np.unique(number, return_inverse=True)
        slot_at[begin:end] = len(capacity_s) + at
        here = [times_s[at == i] for i in range(len(known))]
        if len(known) > 1:
            bounds = (len(capacity_s), len(capacity_s) + len(known) - 1)
            together.append((*bounds, float(times_s[-1] - times_s[0]) + limit_s))
        capacity_s += [float(h[-1] - h[0]) + limit_s for h in here]
    short_at = np.flatnonzero(short)
    by_excess = short_at[np.argsort(asked_s[short_at] / (length_s[short_at] + limit_s), kind="stable")]
    for alike in np.array_split(by_excess, min(len(by_excess), most_slots)) if len(by_excess) else ():
        for one in alike:
            slot_at[first[one] : last[one] + 1] = len(capacity_s)
        capacity_s.append(float(length_s[alike].sum()) + len(alike) * limit_s)
    return BusySlots(slot_at, tuple(capacity_s), tuple(together))
