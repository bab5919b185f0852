"""The scheduling problem as a value: apps, options, costs and budgets.

It is the same for the live engine, the server and the simulator. Costs are held per piece (a part
or a head), because a configuration pays a piece that several apps share only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Place(StrEnum):
    """Where a stage runs."""

    DEVICE = "device"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class PieceCost:
    """What one part or head costs at the device.

    Args:
        run_s: expected processor time for one window.
        run_worst_s: 95th percentile of the same.
        run_energy_j: expected energy for one window.
        run_worst_energy_j: energy at the 95th percentile.
        load_s: from storage to the first answer; 0 for a head.
        load_energy_j: energy to load it.
        memory_bytes: held while it is resident.
    """

    run_s: float
    run_worst_s: float
    run_energy_j: float
    run_worst_energy_j: float
    load_s: float
    load_energy_j: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Pieces run at one place.

    Args:
        place: where.
        parts: part ids, in order.
        head: head id where this stage gives an answer, else None.
        probability: that the stage runs at all (a cascade goes on when unsure).
        up_bytes: sent to the place before it runs.
        down_bytes: sent back after it ran.
        run_s: expected execution time where place is the cloud; the pieces' own on the device.
        cost_usd: expected price of one run.
    """

    place: Place
    parts: tuple[str, ...]
    head: str | None = None
    probability: float = 1.0
    up_bytes: int = 0
    down_bytes: int = 0
    run_s: float = 0.0
    cost_usd: float = 0.0

    @property
    def pieces(self) -> tuple[str, ...]:
        """Everything that it runs, in order."""
        return self.parts if self.head is None else (*self.parts, self.head)


@dataclass(frozen=True, slots=True)
class Option:
    """A way to answer one app.

    Args:
        app: name of the app.
        variant: id of the variant that answers.
        accuracy: expected share of right answers, in [0, 1].
        stages: in order; at least one gives an answer.
    """

    app: str
    variant: str
    accuracy: float
    stages: tuple[Stage, ...]

    @property
    def place(self) -> Place:
        """Where the answer comes from: that of the last stage."""
        return self.stages[-1].place

    @property
    def device_pieces(self) -> tuple[str, ...]:
        """Every piece that it may run at the device, in order."""
        return tuple(p for s in self.stages if s.place is Place.DEVICE for p in s.pieces)


@dataclass(frozen=True, slots=True)
class App:
    """A user's question about one input type.

    Args:
        name: unique.
        task: name of the task that answers it.
        input_type: name of the input type of that task.
        least_hz: windows a second below which the app is not useful.
        wanted_hz: windows a second that it would like; inf for every window.
        latency_limit_s: a later answer counts as unserved.
        weight: of its accuracy in the objective.
        accuracy_floor: options below it are not offered.
    """

    name: str
    task: str
    input_type: str
    least_hz: float = 0.0
    wanted_hz: float = float("inf")
    latency_limit_s: float = float("inf")
    weight: float = 1.0
    accuracy_floor: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent.

    Args:
        energy_j: per period, base load already taken off; inf without a limit.
        cost_usd: cloud money per period; inf without a limit.
        period_s: length of a period; inf where there is none.
        memory_bytes: for resident pieces, at every moment.
    """

    energy_j: float = float("inf")
    cost_usd: float = float("inf")
    period_s: float = float("inf")
    memory_bytes: float = float("inf")


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that a policy knows before the first window.

    Args:
        apps: by name.
        options: by app name, most accurate first; an app may have none.
        pieces: cost at the device by part or head id.
        budget: what may be spent.
        frame_energy_j: expected energy to decode a frame and find its windows.
        windows_hz: expected windows a second by input type, where known.
        frames_hz: expected frames a second; 0 where unknown.
    """

    apps: Mapping[str, App]
    options: Mapping[str, tuple[Option, ...]]
    pieces: Mapping[str, PieceCost]
    budget: Budget = field(default_factory=Budget)
    frame_energy_j: float = 0.0
    windows_hz: Mapping[str, float] = field(default_factory=dict)
    frames_hz: float = 0.0


@dataclass(frozen=True, slots=True)
class ConfigurationCost:
    """What one configuration costs on one window at the device, shared pieces counted once.

    Args:
        run_s: expected processor time.
        run_worst_s: 95th percentile, added up.
        energy_j: expected energy.
        worst_energy_j: energy to reserve.
        cost_usd: expected money.
    """

    run_s: float
    run_worst_s: float
    energy_j: float
    worst_energy_j: float
    cost_usd: float


def distinct_pieces(options: Iterable[Option]) -> tuple[str, ...]:
    """Return every piece that the options run at the device, each once, in running order."""
    return tuple(dict.fromkeys(p for o in options for p in o.device_pieces))


def memory_bytes(pieces: Mapping[str, PieceCost], wanted: Iterable[str]) -> int:
    """Return the bytes that distinct pieces hold together."""
    return sum(pieces[p].memory_bytes for p in set(wanted))


def configuration_cost(pieces: Mapping[str, PieceCost], options: Iterable[Option]) -> ConfigurationCost:
    """Add up a configuration on one window, loading excluded.

    A piece that runs in several stages counts with the largest of their probabilities; the worst
    case counts it whole.
    """
    chance: dict[str, float] = {}
    cost_usd = 0.0
    for option in options:
        for stage in option.stages:
            cost_usd += stage.probability * stage.cost_usd
            if stage.place is Place.DEVICE:
                for piece in stage.pieces:
                    chance[piece] = max(chance.get(piece, 0.0), stage.probability)
    run_s = run_worst_s = energy_j = worst_energy_j = 0.0
    for piece, probability in chance.items():
        c = pieces[piece]
        run_s += probability * c.run_s
        run_worst_s += c.run_worst_s
        energy_j += probability * c.run_energy_j
        worst_energy_j += c.run_worst_energy_j
    return ConfigurationCost(run_s, run_worst_s, energy_j, worst_energy_j, cost_usd)
