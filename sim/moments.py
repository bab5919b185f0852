"""Sorts of moments: when what runs together has the same things in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import numpy.typing as npt

from engine.scheduling.problem import Problem, memory_bytes
from sim.stretches import Stretch, changes
from sim.whole_trace import Asked

Index = npt.NDArray[np.intp]


class SortsOfMoments:
    """Windows of an input type, or turns of the apps that ask about them where they may take turns.

    Apps take turns where not everything that they may use fits into memory together.

    Args:
        problem: apps, options, sizes.
        asked: about each kind of window.
    """

    def __init__(self, problem: Problem, asked: Sequence[Asked]) -> None:
        self._asked = asked
        by_type: dict[str, set[str]] = {}
        for one in asked:
            by_type.setdefault(one.input_type, set()).update(one.due)
        types = sorted(by_type)
        self.type_of: Index = np.array([types.index(a.input_type) for a in asked], np.intp)
        self._numbers: dict[tuple[str, str], int] = {}
        last = -1
        for input_type in types:
            take_turns = _bytes(problem, by_type[input_type]) > problem.budget.memory_bytes
            for place, app in enumerate(sorted(by_type[input_type])):
                if take_turns or place == 0:
                    last += 1
                self._numbers[input_type, app] = last

    def of(self, kind: int) -> dict[int, list[str]]:
        """Return the apps of a kind of window by the sort of moment at which they run."""
        asked = self._asked[kind]
        found: dict[int, list[str]] = {}
        for app in asked.due:
            found.setdefault(self._numbers[asked.input_type, app], []).append(app)
        return found

    def changes(self, stretch: Stretch, kind_at: Index) -> dict[tuple[int, int], int]:
        """Count the changes between sorts of moments.

        Between input types, the sort of each that comes most often stands for all. Where two apps
        of one type take turns in an order that is not known, there is a change on every second window.
        """
        return self._between_types(stretch, kind_at) | self._between_apps(stretch)

    def _between_types(self, stretch: Stretch, kind_at: Index) -> dict[tuple[int, int], int]:
        counts: dict[int, dict[int, int]] = {}
        for group in stretch.groups:
            by_sort = counts.setdefault(int(self.type_of[group.kind]), {})
            for sort in self.of(group.kind):
                by_sort[sort] = by_sort.get(sort, 0) + group.count
        if len(counts) < 2:
            return {}
        chosen = {max(sorted(c), key=c.__getitem__) for c in counts.values()}
        at = np.full(len(self._asked), -1, np.intp)
        for group in stretch.groups:
            at[group.kind] = next((s for s in self.of(group.kind) if s in chosen), -1)
        return changes(at[kind_at[stretch.windows]])

    def _between_apps(self, stretch: Stretch) -> dict[tuple[int, int], int]:
        both: dict[tuple[int, int], int] = {}
        for group in stretch.groups:
            sorts = list(self.of(group.kind))
            for pair in permutations(sorts, 2):
                both[pair] = both.get(pair, 0) + group.count
        return {pair: count // 2 for pair, count in both.items() if count > 1}


def _bytes(problem: Problem, apps: set[str]) -> int:
    return memory_bytes(
        problem.pieces, (p for a in apps for o in problem.options.get(a, ()) for p in o.device_pieces)
    )
