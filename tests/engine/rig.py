"""The live engine on a real catalog and on clocks of its own: what runs is real, what it takes is claimed.

Parts advance the clock by what the catalog says of them: wide 1 ms, narrow 0.5 ms, small 0.1 ms,
loading twenty times as long; heads take nothing. At 10 W that is 10, 5 and 1 mJ a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from catalog.backends.protocol import Array, LoadedPart
from catalog.backends.table import open_backend
from catalog.devices import DeviceProfile
from catalog.errors import BackendError
from catalog.store import Catalog
from engine.answering import Answerer
from engine.batch_sizes import ONE_BY_ONE, BatchSizes
from engine.clocks import Clocks
from engine.energy_model import CorrectedModel, Correction
from engine.frame_results import FrameResults
from engine.frames import Frame, TruthWindow, Window
from engine.ledger import Category, Ledger
from engine.loop_load import NOT_TIMED, LoopLoad
from engine.period import FixedPeriod
from engine.reachable_cloud import NO_CLOUD, ReachableCloud
from engine.results import Result
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import Residency
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import Choice, Plan, Policy, State
from engine.scheduling.problem import App, Budget, Option, Place, Problem, Stage
from engine.window_groups import Asked
from tests.engine.media import frame

PROFILE = DeviceProfile("rig", "made up", 0.0, 10.0)
WHO = App("who", "identity", "digit")
ODD = App("odd", "parity", "digit")
BOX = (4, 4, 20, 24)
SEVEN = TruthWindow(BOX, {"identity": "7", "parity": "odd"})


class Stopwatch:
    """A clock that stands still until something takes time."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class TimedPart:
    """A real part that takes what is claimed of it."""

    def __init__(self, part: LoadedPart, run_s: float, pieces: TimedPieces, name: str) -> None:
        self._part = part
        self._run_s = run_s
        self._pieces = pieces
        self._name = name

    def __call__(self, inputs: Array) -> Array:
        self._pieces.clock.now_s += self._run_s
        self._pieces.ran.append((self._name, len(inputs)))
        if self._name in self._pieces.cannot_run:
            raise BackendError(f"{self._name} cannot be run")
        output = self._part(inputs)
        return output * np.nan if self._name in self._pieces.gives_nonsense else output


class TimedPieces:
    """Pieces of a catalog that take what is claimed of them, or fail when they are told to."""

    def __init__(self, catalog: Catalog, clock: Stopwatch) -> None:
        self._catalog = catalog
        self._pieces = CatalogPieces(catalog, open_backend("onnxruntime"))
        self._claims = {m.part: m for m in catalog.measurements().parts}
        self.clock = clock
        self.cannot_load: set[str] = set()
        self.cannot_run: set[str] = set()
        self.gives_nonsense: set[str] = set()
        self.loads: list[str] = []
        self.ran: list[tuple[str, int]] = []  # part and number of windows

    def load(self, piece: str) -> Any:
        self.loads.append(piece)
        claim = self._claims.get(piece)
        if claim is not None:
            self.clock.now_s += claim.load_s
        if piece in self.cannot_load:
            raise BackendError(f"{piece} cannot be loaded")
        loaded = self._pieces.load(piece)
        return loaded if claim is None else TimedPart(loaded, claim.latency_p50_s, self, piece)

    def sizes(self) -> dict[str, int]:
        return self._pieces.sizes()


@dataclass
class Scripted:
    """A policy that always gives the same answer, and remembers what it was asked and told."""

    options: Mapping[str, Option]
    wanted: tuple[str, ...] = ()
    resident: tuple[str, ...] = ()
    rates_hz: Mapping[str, float] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    planned_s: list[float] = field(default_factory=list)
    name: str = "scripted"

    def set_problem(self, problem: Problem) -> None:
        self.problems.append(problem)

    def plan(self, state: State, now: float) -> Plan:
        self.planned_s.append(now)
        return Plan(self.resident, self.rates_hz)

    def choose(self, input_type: str, due: Iterable[str], state: State, now: float) -> Choice:
        self.states.append(state)
        options = {app: self.options[app] for app in due if app in self.options}
        return Choice(options, wanted=self.wanted)


class UpTo:
    """Runs so many windows at once, whatever the parts; notes the room that it is told of."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rooms: list[float] = []

    def most(self, parts: Iterable[str], room_bytes: float) -> int:
        self.rooms.append(room_bytes)
        return self._most


@dataclass(frozen=True)
class Rig:
    catalog: Catalog
    clock: Stopwatch
    clocks: Clocks
    pieces: TimedPieces
    memory: PieceMemory
    ledger: Ledger
    answerer: Answerer
    load: LoopLoad

    def ask(self, now: float = 0.0, due: Iterable[str] = ("who", "odd"), index: int = 0) -> list[Result]:
        return self.answer(now, due, self.clock.now_s, index)

    def answer(self, now: float, due: Iterable[str], began_s: float, index: int = 0) -> list[Result]:
        about = window(now, index)
        answers = FrameResults(about.frame)
        self.answerer.answer(Asked(about, list(due), now, began_s, answers))
        return answers.results

    def spent_j(self, category: Category, now: float = 0.0) -> float:
        return sum(line.energy_j for line in self.ledger.lines(now) if line.category is category)


def window(now: float = 0.0, index: int = 0, truth: TruthWindow | None = SEVEN) -> Window:
    return Window(replace(frame(index), t_s=now), "digit", 0, BOX, truth)


def still(index: int, fps: float = 10.0, truth: TruthWindow = SEVEN) -> Frame:
    """A frame with one thing in it."""
    return replace(frame(index, fps=fps), truth=(truth,))


class OneBox:
    """An extractor that finds the same box in every frame, and takes a while."""

    def __init__(self, clock: Stopwatch, busy_s: float = 0.0) -> None:
        self._clock = clock
        self._busy_s = busy_s

    def extract(self, frame: Frame) -> list[tuple[int, int, int, int]]:
        self._clock.now_s += self._busy_s
        return [BOX]


def option(catalog: Catalog, app: App, trunk: str) -> Option:
    variant = catalog.variants[f"{trunk}/{app.task}"]
    stage = Stage(Place.DEVICE, catalog.trunks[trunk].parts, variant.head)
    return Option(app.name, variant.id, variant.validation_accuracy, (stage,))


def on_trunks(catalog: Catalog, **trunks: str) -> dict[str, Option]:
    """Options of "who" and "odd" by the names of trunks."""
    apps = {"who": WHO, "odd": ODD}
    return {name: option(catalog, apps[name], trunk) for name, trunk in trunks.items()}


def bytes_of(catalog: Catalog, *options: Option) -> int:
    sizes = CatalogPieces(catalog, open_backend("onnxruntime")).sizes()
    return sum(sizes[p] for p in {p for o in options for p in o.device_pieces})


def make_rig(
    catalog: Catalog,
    policy: Policy | str = "mcdnn2016",
    apps: Iterable[App] = (WHO, ODD),
    energy_j: float = float("inf"),
    period_s: float = 60.0,
    memory_bytes: float = float("inf"),
    options: Mapping[str, tuple[Option, ...]] | None = None,
    cloud: ReachableCloud = NO_CLOUD,
    cost_usd: float = float("inf"),
    sizes: BatchSizes = ONE_BY_ONE,
    metered: Correction | None = None,
    timed: bool = False,
) -> Rig:
    """Put the parts together.

    Args:
        options: in place of all that the catalog offers, by app.
        sizes: how many windows run at once.
        metered: by how much a meter says that the model is off.
        timed: whether the policy is told what the loop has for models.
    """
    clock = Stopwatch()
    clocks = Clocks(clock, clock)
    load = LoopLoad(clocks) if timed else NOT_TIMED
    budget = Budget(energy_j, cost_usd, memory_bytes=memory_bytes)
    ledger = Ledger(budget, FixedPeriod(period_s))
    problem = problem_from_catalog(catalog, apps, ledger.budget, PROFILE, catalog.measurements())
    problem = replace(problem, options={**problem.options, **(options or {})})
    pieces = TimedPieces(catalog, clock)
    memory = PieceMemory(pieces, pieces.sizes(), Residency(memory_bytes), clocks)
    made = make_policy(policy, problem) if isinstance(policy, str) else policy
    model = PROFILE if metered is None else CorrectedModel(PROFILE, metered)
    answerer = Answerer(
        catalog, problem, made, ledger, memory, model, clocks, cloud, sizes=sizes, metered=metered, load=load
    )
    return Rig(catalog, clock, clocks, pieces, memory, ledger, answerer, load)
