"""Runs parts at the device for one window or several at once: reserve, load, run, settle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.errors import McdnnError
from catalog.preprocessing import window_pixels
from catalog.store import Catalog
from engine.broken_pieces import BrokenPieces
from engine.clocks import Clocks
from engine.energy_model import EnergyModel
from engine.errors import PartFailed
from engine.frames import Window
from engine.ledger import Ledger
from engine.load_booking import LoadBooking
from engine.loop_load import NOT_TIMED, LoopLoad
from engine.reservations import Refusal, Reservation
from engine.route_run import Execution, never_checked, run_route
from engine.router import Route, build_route
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import TooLarge
from engine.scheduling.problem import Option, PieceCost, Problem, configuration_cost
from engine.scheduling.unserved import TOO_LARGE
from engine.special_variants import NO_SPECIALS, SpecialVariant


@dataclass(frozen=True, slots=True)
class DevicePass:
    """A part of a configuration that fits the memory, made ready: how it runs and what it may cost.

    Args:
        worst_energy_j: loading left out.
        worst_s: 95th percentile of the processor time.
        run_s: expected processor time.
        trunks: of what answers, by id: windows for which they are the same can run at once.
    """

    route: Route
    pieces: frozenset[str]
    worst_energy_j: float
    worst_s: float
    run_s: float
    trunks: frozenset[str]

    @property
    def takes_several(self) -> bool:
        """Whether several windows can run at once: each goes the same way, and none goes on elsewhere."""
        return not self.route.cascades and not self.route.cuts


@dataclass(frozen=True, slots=True)
class NotRun:
    """There was no answer.

    Args:
        reason: for a result line.
    """

    reason: str


def device_pass(
    catalog: Catalog,
    problem: Problem,
    options: Mapping[str, Option],
    specials: Mapping[str, SpecialVariant] = NO_SPECIALS,
) -> DevicePass:
    """Make the device's part of some options ready, all of which run something at the device."""
    route = build_route(catalog, options, specials)
    if any(o.needs_cloud for o in options.values()):
        worst_j = sum(problem.pieces[p].run_worst_energy_j for p in route.pieces)
    else:
        worst_j = configuration_cost(problem, options.values()).worst_energy_j
    worst_s = sum(problem.pieces[p].run_worst_s for p in route.pieces)
    run_s = sum(problem.pieces[p].run_s for p in route.pieces)
    trunks = frozenset(catalog.variants[o.variant].trunk for o in options.values())
    return DevicePass(route, frozenset(route.pieces), worst_j, worst_s, run_s, trunks)


class DeviceRuns:
    """Runs passes; used by one thread.

    Args:
        catalog: where preprocessing comes from.
        ledger: reserves and settles.
        memory: pieces that can be run.
        loads: knows what loading takes.
        broken: told what fails.
        profile: turns processor time into joules.
        clocks: what runs take is measured by them.
        checks: tells whether an answer of an app's specialised head is to be checked.
        load: told what runs take.
    """

    def __init__(
        self,
        catalog: Catalog,
        ledger: Ledger,
        memory: PieceMemory,
        loads: LoadBooking,
        broken: BrokenPieces,
        profile: EnergyModel,
        clocks: Clocks,
        checks: Callable[[str], bool] = never_checked,
        load: LoopLoad = NOT_TIMED,
    ) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._memory = memory
        self._loads = loads
        self._broken = broken
        self._profile = profile
        self._clocks = clocks
        self._checks = checks
        self._load = load

    def reserve(self, ready: DevicePass, costs: Mapping[str, PieceCost], now: float) -> Reservation | Refusal:
        """Hold the worst case of a pass, loads of what is missing included."""
        worst_j = ready.worst_energy_j + self._loads.energy_j(ready.pieces, costs)
        return self._ledger.reserve(worst_j, 0.0, now)

    def reserve_further(self, ready: DevicePass, now: float) -> Reservation | Refusal:
        """Hold the worst case of a further window that runs together with one whose loads are held."""
        return self._ledger.reserve(ready.worst_energy_j, 0.0, now)

    def execute(
        self, ready: DevicePass, windows: Sequence[Window], held: Sequence[Reservation], now: float
    ) -> Execution | NotRun:
        """Load, run and settle one pass.

        Args:
            windows: of one input type; several only where the pass takes several.
            held: one a window; each is charged the same.
        """
        busy_s = 0.0
        try:
            loaded = self._obtain(ready.route.pieces)
            execution = run_route(
                ready.route, loaded, self._pixels_of(windows), self._clocks.busy_s, self._checks
            )
            busy_s = execution.busy_s
            return execution
        except PartFailed as e:
            busy_s = e.busy_s
            self._broken.note(e.piece, str(e), now)
            return NotRun(str(e))
        except TooLarge:
            return NotRun(TOO_LARGE)
        except McdnnError as e:  # which piece could not be loaded is among the memory's events
            return NotRun(str(e))
        finally:
            self._load.ran(busy_s)
            each_j = self._profile.processor_energy_j(busy_s) / len(held)
            for reservation in held:
                self._ledger.settle(reservation, each_j, now)

    def keep_ready(self, pieces: frozenset[str]) -> None:
        """Bring pieces into memory that may be needed soon; what cannot be had is told when it is run."""
        try:
            self._obtain(pieces)
        except McdnnError:
            return

    def _obtain(self, pieces: Iterable[str]) -> list[Any]:
        """Return pieces ready to be called; loading is rare, and none of what each frame takes."""
        self._load.waits()
        try:
            return self._memory.obtain(pieces)
        finally:
            self._load.goes_on()

    def _pixels_of(self, windows: Sequence[Window]) -> Callable[[int], Any]:
        input_type = self._catalog.input_types[windows[0].input_type]
        if len(windows) == 1:
            frame, box = windows[0].frame.pixels, windows[0].box
            return lambda size_px: window_pixels(frame, box, input_type, size_px)
        return lambda size_px: np.concatenate(
            [window_pixels(w.frame.pixels, w.box, input_type, size_px) for w in windows]
        )
