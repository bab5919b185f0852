"""Configurations made ready to run: built once, used for every window that gets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.store import Catalog
from engine.device_runs import DevicePass, device_pass
from engine.exchanges import Exchange, exchanges_of
from engine.scheduling.passes import passes_in_memory
from engine.scheduling.problem import Option, Place, Problem
from engine.special_variants import SpecialVariant

_MOST_PREPARED = 256


@dataclass(frozen=True, slots=True)
class PreparedPass:
    """A part of a configuration that fits the memory, made ready.

    Args:
        options: that it was made from: while they are kept, no others get their ids.
        here: what runs at the device; None where everything is in the cloud.
        exchanges: what the cloud is asked.
        pieces: whatever it may run at the device.
    """

    options: Mapping[str, Option]
    here: DevicePass | None
    exchanges: tuple[Exchange, ...]
    pieces: frozenset[str]

    @property
    def takes_several(self) -> bool:
        """Whether several windows can run at once."""
        return not self.exchanges and self.here is not None and self.here.takes_several


class PreparedPasses:
    """Keeps what was made ready, as long as the problem that it was made for holds.

    Args:
        catalog: where routes come from.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._prepared: dict[tuple[int, ...], tuple[PreparedPass, ...]] = {}

    def of(
        self, problem: Problem, options: Mapping[str, Option], specials: Mapping[str, SpecialVariant]
    ) -> tuple[PreparedPass, ...]:
        """Return a configuration, one app after the other, as passes that each fit the memory.

        Args:
            problem: the one that was told last, or clear() was called since.
            options: of the problem, by app.
            specials: by head, what may answer in a cascade before its generic variant.
        """
        key = tuple(map(id, options.values()))
        prepared = self._prepared.get(key)
        if prepared is None:
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
            prepared = self._prepared[key] = self._make(problem, options, specials)
        return prepared

    def clear(self) -> None:
        """Forget everything: the problem has changed."""
        self._prepared.clear()

    def let_go(self, evicted: Iterable[str]) -> None:
        """Forget what uses pieces that left the memory, so that nothing keeps them alive."""
        gone = frozenset(evicted)
        self._prepared = {
            key: passes
            for key, passes in self._prepared.items()
            if all(gone.isdisjoint(p.pieces) for p in passes)
        }

    def _make(
        self, problem: Problem, options: Mapping[str, Option], specials: Mapping[str, SpecialVariant]
    ) -> tuple[PreparedPass, ...]:
        catalog, passes = self._catalog, []
        for together in passes_in_memory(options, problem.pieces, problem.budget.memory_bytes):
            here = {a: o for a, o in together.items() if o.stages[0].place is Place.DEVICE}
            away = {a: o for a, o in together.items() if o.needs_cloud}
            passes.append(
                PreparedPass(
                    together,
                    device_pass(catalog, problem, here, specials) if here else None,
                    exchanges_of(catalog, problem, away) if away else (),
                    frozenset(p for o in together.values() for p in o.device_pieces),
                )
            )
        return tuple(passes)
