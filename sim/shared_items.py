"""What the apps that ask about one kind of window share, laid out for a linear program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.ways import RESOURCES, Item, KindOfWindow

Float64 = npt.NDArray[np.float64]
Terms = tuple[tuple[int, float], ...]
"""Numbers of ways and a coefficient for each."""


@dataclass(frozen=True, slots=True)
class SharedItem:
    """Items that are always used alike.

    Args:
        cost: (4,) of one window on which they run.
        uses: one an app that may share them.
    """

    cost: Float64
    uses: tuple[Terms, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of window.

    Args:
        apps: the ways of each app that has any.
        private: (ways, 4) what each way takes that no other app can share.
        shared: what several apps may share.
        needs: by app, then piece: the ways that need the piece in memory.
        exchanges: the ways of one app that exchange anything, with probabilities; empty where several
            apps do.
        exchanged_item: the shared item that then counts exchanges, -1 where there is none.
    """

    apps: tuple[tuple[int, ...], ...]
    private: Float64
    shared: tuple[SharedItem, ...]
    needs: dict[str, dict[str, list[int]]]
    exchanges: Terms
    exchanged_item: int


def lay_out(kind: KindOfWindow, exchanged: Item) -> Layout:
    """Tell what is shared from what is not.

    Args:
        exchanged: the item that says whether anything is exchanged with the cloud.
    """
    ways = kind.ways
    by_item: dict[Item, dict[str, list[tuple[int, float]]]] = {}
    for number, way in enumerate(ways):
        for item, probability in way.items.items():
            by_item.setdefault(item, {}).setdefault(way.app, []).append((number, probability))
    private = np.zeros((len(ways), RESOURCES))
    costs: list[Float64] = []
    patterns: dict[tuple[Terms, ...], int] = {}
    number_of: dict[Item, int] = {}
    for item, users in by_item.items():
        if len(users) == 1:
            for number, probability in next(iter(users.values())):
                private[number] += probability * kind.costs[item]
            continue
        pattern = tuple(tuple(uses) for uses in users.values())
        at = number_of[item] = patterns.setdefault(pattern, len(patterns))
        if at == len(costs):
            costs.append(np.zeros(RESOURCES))
        costs[at] = costs[at] + kind.costs[item]
    uses = by_item.get(exchanged, {})
    return Layout(
        _by_app([w.app for w in ways]),
        private,
        tuple(SharedItem(c, p) for c, p in zip(costs, patterns, strict=True)),
        _needs(kind),
        tuple(next(iter(uses.values()))) if len(uses) == 1 else (),
        number_of.get(exchanged, -1),
    )


def _by_app(apps: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    found: dict[str, list[int]] = {}
    for number, app in enumerate(apps):
        found.setdefault(app, []).append(number)
    return tuple(tuple(n) for n in found.values())


def _needs(kind: KindOfWindow) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = {}
    for number, way in enumerate(kind.ways):
        for piece in sorted(way.pieces):
            found.setdefault(way.app, {}).setdefault(piece, []).append(number)
    return found
