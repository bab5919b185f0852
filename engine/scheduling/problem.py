"""The scheduling problem as a value: apps, options, costs and budgets.

It is the same for the live engine, the server and the simulator. Costs are held per piece (a part
or a head), because a configuration pays a piece that several apps share only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.scheduling.day_profile import DayProfile


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
class InContext:
    """What an option is worth, and which of its stages run, while a certain context lasts.

    Args:
        context: name of the context, such as a set of classes that make up most of what is seen.
        accuracy: expected share of right answers then, in [0, 1].
        probabilities: one a stage, that it runs at all then.
    """

    context: str
    accuracy: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """A way to answer one app.

    Args:
        app: name of the app.
        variant: id of the variant that answers.
        accuracy: expected share of right answers, in [0, 1]; 0 for what is only of use in a context.
        stages: in order; at least one gives an answer.
        contexts: where it differs; in every other context accuracy and stages are as above.
        standby: at the device, what answers in time when the cloud does not; its probability is how
            often that is expected. It is resident and its energy is reserved whatever happens.
    """

    app: str
    variant: str
    accuracy: float
    stages: tuple[Stage, ...]
    contexts: tuple[InContext, ...] = ()
    standby: Stage | None = None

    @property
    def place(self) -> Place:
        """Where the answer is expected from: that of the last stage."""
        return self.stages[-1].place

    @property
    def where(self) -> str:
        """Say for people where it runs, so that no two ways to run a variant are called the same."""
        first = self.stages[0]
        if first.place is Place.DEVICE and first.head is None and self.needs_cloud:
            parts = "1 part" if len(first.parts) == 1 else f"{len(first.parts)} parts"
            return f"at the cloud after {parts} at the device"
        if self.is_cascade:
            before = " and ".join(s.head for s in self.stages[:-1] if s.head is not None)
            return f"at the {self.place} after {before}"
        return f"at the {self.place}"

    @property
    def device_pieces(self) -> tuple[str, ...]:
        """Every piece that it may run at the device, in order, what stands by included."""
        planned = tuple(p for s in self.stages if s.place is Place.DEVICE for p in s.pieces)
        return planned if self.standby is None else (*planned, *self.standby.pieces)

    @property
    def needs_cloud(self) -> bool:
        """Whether any stage runs in the cloud."""
        return any(s.place is Place.CLOUD for s in self.stages)

    @property
    def is_cascade(self) -> bool:
        """Whether its first stage answers at the device, and each other only what those before pass on."""
        return len(self.stages) > 1 and self.stages[0].head is not None

    def accuracy_in(self, context: str) -> float:
        """Return the expected share of right answers in a context."""
        return next((c.accuracy for c in self.contexts if c.context == context), self.accuracy)

    def probabilities_in(self, context: str) -> tuple[float, ...]:
        """Return how likely each stage is to run in a context."""
        known = next((c.probabilities for c in self.contexts if c.context == context), None)
        return tuple(s.probability for s in self.stages) if known is None else known


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
class Link:
    """What reaching the cloud takes, as far as is expected.

    Args:
        exchange_j: device energy of one exchange, whatever it carries.
        up_j_per_byte: further energy for each byte sent.
        down_j_per_byte: likewise received.
        mbps: megabits a second, both ways.
        round_trip_s: without the bytes' own time.
    """

    exchange_j: float = 0.0
    up_j_per_byte: float = 0.0
    down_j_per_byte: float = 0.0
    mbps: float = float("inf")
    round_trip_s: float = 0.0

    def energy_j(self, up_bytes: float, down_bytes: float) -> float:
        """Return the device's energy for one exchange."""
        return self.exchange_j + up_bytes * self.up_j_per_byte + down_bytes * self.down_j_per_byte

    def transfer_s(self, up_bytes: float, down_bytes: float, mbps: float = float("inf")) -> float:
        """Return the time of one exchange, at no more than a speed measured now."""
        return self.round_trip_s + 8e-6 * (up_bytes + down_bytes) / min(self.mbps, mbps)


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
        link: to the cloud.
        profile: what a period usually brings, where a history is known.
    """

    apps: Mapping[str, App]
    options: Mapping[str, tuple[Option, ...]]
    pieces: Mapping[str, PieceCost]
    budget: Budget = field(default_factory=Budget)
    frame_energy_j: float = 0.0
    windows_hz: Mapping[str, float] = field(default_factory=dict)
    frames_hz: float = 0.0
    link: Link = field(default_factory=Link)
    profile: DayProfile | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationCost:
    """What one configuration costs on one window, everything that is shared counted once.

    Args:
        run_s: expected processor time at the device.
        run_worst_s: 95th percentile, added up.
        energy_j: expected energy of the device, radio included.
        worst_energy_j: energy to reserve.
        cost_usd: expected money.
        worst_cost_usd: money to reserve.
        radio_j: what of energy_j is for sending and receiving.
        cloud_s: expected execution time in the cloud.
        up_bytes: expected to be sent.
        down_bytes: expected to be received.
    """

    run_s: float
    run_worst_s: float
    energy_j: float
    worst_energy_j: float
    cost_usd: float
    worst_cost_usd: float = 0.0
    radio_j: float = 0.0
    cloud_s: float = 0.0
    up_bytes: float = 0.0
    down_bytes: float = 0.0


def distinct_pieces(options: Iterable[Option]) -> tuple[str, ...]:
    """Return every piece that the options run at the device, each once, in running order."""
    return tuple(dict.fromkeys(p for o in options for p in o.device_pieces))


def memory_bytes(pieces: Mapping[str, PieceCost], wanted: Iterable[str]) -> int:
    """Return the bytes that distinct pieces hold together."""
    return sum(pieces[p].memory_bytes for p in set(wanted))


@dataclass(slots=True)
class _Runs:
    """What of a configuration runs, each thing once, with the largest probability that asks for it.

    Args:
        pieces: at the device.
        away: cloud stages by their parts; what is sent there is sent once from each cut.
        exchanges: by what ran at the device before: bytes up and down.
    """

    pieces: dict[str, float] = field(default_factory=dict)
    away: dict[tuple[str, ...], tuple[float, Stage]] = field(default_factory=dict)
    exchanges: dict[tuple[str, ...], tuple[float, int, int]] = field(default_factory=dict)

    def add(self, option: Option, context: str) -> None:
        """Add what an option runs."""
        before: tuple[str, ...] = ()
        for stage, probability in zip(option.stages, option.probabilities_in(context), strict=True):
            if stage.place is Place.DEVICE:
                for piece in stage.pieces:
                    self.pieces[piece] = max(self.pieces.get(piece, 0.0), probability)
                before += stage.parts
                continue
            known, _ = self.away.get(stage.parts, (0.0, stage))
            self.away[stage.parts] = (max(known, probability), stage)
            p, up, down = self.exchanges.get(before, (0.0, 0, 0))
            self.exchanges[before] = (
                max(p, probability),
                max(up, stage.up_bytes),
                max(down, stage.down_bytes),
            )
        if option.standby is not None:
            for piece in option.standby.pieces:
                self.pieces[piece] = max(self.pieces.get(piece, 0.0), option.standby.probability)


def configuration_cost(problem: Problem, options: Iterable[Option], context: str = "") -> ConfigurationCost:
    """Add up a configuration on one window, loading excluded.

    A piece that runs in several stages counts with the largest of their probabilities; the worst
    case counts it whole. In the cloud stages with the same parts run once for all apps, and what is
    sent from one place of the network is sent once.
    """
    runs = _Runs()
    for option in options:
        runs.add(option, context)
    run_s = run_worst_s = energy_j = worst_energy_j = 0.0
    for piece, probability in runs.pieces.items():
        c = problem.pieces[piece]
        run_s += probability * c.run_s
        run_worst_s += c.run_worst_s
        energy_j += probability * c.run_energy_j
        worst_energy_j += c.run_worst_energy_j
    radio_j = up_bytes = down_bytes = 0.0
    for probability, up, down in runs.exchanges.values():
        exchange_j = problem.link.energy_j(up, down)
        radio_j += probability * exchange_j
        worst_energy_j += exchange_j
        up_bytes += probability * up
        down_bytes += probability * down
    return ConfigurationCost(
        run_s,
        run_worst_s,
        energy_j + radio_j,
        worst_energy_j,
        sum(p * s.cost_usd for p, s in runs.away.values()),
        sum(s.cost_usd for _, s in runs.away.values()),
        radio_j,
        sum(p * s.run_s for p, s in runs.away.values()),
        up_bytes,
        down_bytes,
    )


def worst_latency_s(problem: Problem, option: Option, mbps: float = float("inf")) -> float:
    """Return how long an option takes at most, alone and with everything resident, transfers included.

    What stands by counts as if it always ran: it begins that much before the limit, so that is when
    the cloud has to have answered.

    Args:
        mbps: speed of the link now, where it is known to be slower than expected.
    """
    total_s = sum(problem.pieces[p].run_worst_s for p in dict.fromkeys(option.device_pieces))
    for stage in option.stages:
        if stage.place is Place.CLOUD:
            total_s += stage.run_s + problem.link.transfer_s(stage.up_bytes, stage.down_bytes, mbps)
    return total_s
