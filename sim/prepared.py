"""Configurations made ready to be simulated: what runs where, added up once and used many times."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.scheduling.passes import passes_in_memory
from engine.scheduling.problem import (
    Option,
    Place,
    Problem,
    Stage,
    configuration_cost,
    distinct_pieces,
)

_MOST_PREPARED = 4096
_FIRST_DRAW = 0.5
_NEXT_DRAW = 0.618033988749895  # the golden ratio: draws are spread evenly, however few there are


@dataclass(frozen=True, slots=True)
class CloudRun:
    """What the cloud runs in one exchange.

    Args:
        probability: that it is asked for.
        run_s: execution time.
        cost_usd: price.
    """

    probability: float
    run_s: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message to the cloud and its answer, for everything that leaves the network at one cut.

    Args:
        probability: that it happens at all.
        up_bytes: sent.
        down_bytes: received.
        runs: what the cloud runs.
        worst_j: energy to reserve, as the problem expects it.
        worst_usd: money to reserve.
    """

    probability: float
    up_bytes: int
    down_bytes: int
    runs: tuple[CloudRun, ...]
    worst_j: float
    worst_usd: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What one app gets.

    Args:
        option: what answers it.
        right: expected share of right answers in the context.
        limit_s: latest answer.
        weight: of the app.
        waits: exchanges that it may have to wait for, by position, and how likely that is.
        place: where the answer comes from where it waits for any.
    """

    option: Option
    right: float
    limit_s: float
    weight: float
    waits: tuple[tuple[int, float], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Message:
    """What one draw makes of an exchange.

    Args:
        up_bytes: sent.
        down_bytes: received.
        run_s: execution time in the cloud.
        cost_usd: price of that.
        alone: answers that wait for this exchange only.
        shared: positions among the course's shared answers of those that wait for it too.
    """

    up_bytes: int
    down_bytes: int
    run_s: float
    cost_usd: float
    alone: tuple[Answer, ...] = ()
    shared: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """What one draw makes of a pass.

    Args:
        at_once: answers that wait for no exchange.
        shared: answers that wait for several exchanges, and for how many.
        messages: one an exchange; None where it does not happen.
    """

    at_once: tuple[Answer, ...]
    shared: tuple[tuple[Answer, int], ...]
    messages: tuple[Message | None, ...]


@dataclass(slots=True)
class Pass:
    """A part of a configuration that fits the memory, in one context.

    Args:
        apps: that it answers.
        pieces: run at the device, in order.
        run_s: expected processor time at the device.
        run_j: expected energy of that.
        worst_j: energy to reserve for it, radio excluded.
        exchanges: with the cloud, after the device's part.
        answers: one an app.
        thresholds: draws at which another course is taken, in order.
        courses: one for the draws below the first threshold, and one from each of them on.
    """

    apps: tuple[str, ...]
    pieces: tuple[str, ...]
    piece_set: frozenset[str]
    run_s: float
    run_j: float
    worst_j: float
    exchanges: tuple[Exchange, ...]
    answers: tuple[Answer, ...]
    thresholds: tuple[float, ...]
    courses: tuple[Course, ...]
    _draw: float = field(default=_FIRST_DRAW)

    def draw(self) -> Course:
        """Draw a number in [0, 1) and return its course; a stage of probability p runs where it is below p.

        The numbers follow one another evenly instead of at random: of n windows, a stage runs on
        p * n, give or take one or two.
        """
        draw = self._draw
        self._draw = (draw + _NEXT_DRAW) % 1.0
        return self.courses[bisect_right(self.thresholds, draw)]


class PreparedPasses:
    """Passes by the options that were chosen and the context; forgets all when there are too many.

    Args:
        problem: where costs come from.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._by_context: dict[str, dict[tuple[int, ...], tuple[Mapping[str, Option], tuple[Pass, ...]]]] = {}
        self._asked: dict[tuple[int, str], tuple[Mapping[str, Option], tuple[Pass, ...]]] = {}
        self._count = 0

    def of(self, options: Mapping[str, Option], context: str) -> tuple[Pass, ...]:
        """Return the passes of a configuration, which is not changed afterwards."""
        asked = self._asked.get((id(options), context))
        if asked is not None:
            return asked[1]
        passes = self._known(options, context)
        if len(self._asked) >= _MOST_PREPARED:
            self._asked.clear()
        self._asked[id(options), context] = (options, passes)  # kept, so that no other gets its id
        return passes

    def _known(self, options: Mapping[str, Option], context: str) -> tuple[Pass, ...]:
        """Return the passes of a configuration of which there may be another copy."""
        known = self._by_context.get(context)
        key = tuple(map(id, options.values()))
        found = known.get(key) if known is not None else None
        return self._prepare(key, options, context) if found is None else found[1]

    def _prepare(self, key: tuple[int, ...], options: Mapping[str, Option], context: str) -> tuple[Pass, ...]:
        """Add the passes of a configuration; its options are kept, so that no other gets their ids."""
        if self._count >= _MOST_PREPARED:
            self._by_context.clear()
            self._count = 0
        limit_bytes = self._problem.budget.memory_bytes
        passes = tuple(
            make_pass(self._problem, together, context)
            for together in passes_in_memory(options, self._problem.pieces, limit_bytes)
        )
        self._by_context.setdefault(context, {})[key] = (dict(options), passes)
        self._count += 1
        return passes


def make_pass(problem: Problem, options: Mapping[str, Option], context: str) -> Pass:
    """Add up options that run together on one window; see configuration_cost for what is shared."""
    cost = configuration_cost(problem, options.values(), context)
    exchanges, waits = _exchanges(problem, options, context)
    pieces = distinct_pieces(options.values())
    worst_radio_j = sum(e.worst_j for e in exchanges)
    answers = tuple(_answer(problem, o, context, tuple(waits[app])) for app, o in options.items())
    thresholds = sorted({e.probability for e in exchanges} | {p for a in answers for _, p in a.waits})
    return Pass(
        tuple(options),
        pieces,
        frozenset(pieces),
        cost.run_s,
        max(0.0, cost.energy_j - cost.radio_j),
        max(0.0, cost.worst_energy_j - worst_radio_j),
        exchanges,
        answers,
        tuple(thresholds),
        tuple(_course(answers, exchanges, draw) for draw in (-1.0, *thresholds)),
    )


def _course(answers: Sequence[Answer], exchanges: Sequence[Exchange], draw: float) -> Course:
    awaits = [(a, {at for at, probability in a.waits if draw < probability}) for a in answers]
    shared = [(a, at) for a, at in awaits if len(at) > 1]
    messages: list[Message | None] = []
    for number, exchange in enumerate(exchanges):
        runs = [r for r in exchange.runs if draw < r.probability]
        message = Message(
            exchange.up_bytes,
            exchange.down_bytes,
            sum((r.run_s for r in runs), 0.0),
            sum((r.cost_usd for r in runs), 0.0),
            tuple(a for a, at in awaits if at == {number}),
            tuple(position for position, (_, at) in enumerate(shared) if number in at),
        )
        messages.append(message if draw < exchange.probability else None)
    return Course(
        tuple(a for a, at in awaits if not at), tuple((a, len(at)) for a, at in shared), tuple(messages)
    )


def _answer(problem: Problem, option: Option, context: str, waits: tuple[tuple[int, float], ...]) -> Answer:
    app = problem.apps[option.app]
    return Answer(option, option.accuracy_in(context), app.latency_limit_s, app.weight, waits, option.place)


@dataclass(slots=True)
class _Cut:
    """What leaves the network at one place."""

    probability: float = 0.0
    up_bytes: int = 0
    down_bytes: int = 0
    runs: list[CloudRun] = field(default_factory=list)


def _exchanges(
    problem: Problem, options: Mapping[str, Option], context: str
) -> tuple[tuple[Exchange, ...], dict[str, list[tuple[int, float]]]]:
    """Return the exchanges of a configuration, and by app which it may wait for."""
    cuts: dict[tuple[str, ...], _Cut] = {}
    waits: dict[str, list[tuple[int, float]]] = {app: [] for app in options}
    asked: list[tuple[float, _Cut, Stage]] = []
    for app, option in options.items():
        before: tuple[str, ...] = ()
        for stage, probability in zip(option.stages, option.probabilities_in(context), strict=True):
            if stage.place is Place.DEVICE:
                before += stage.parts
                continue
            cut = cuts.setdefault(before, _Cut())
            cut.probability = max(cut.probability, probability)
            cut.up_bytes = max(cut.up_bytes, stage.up_bytes)
            cut.down_bytes = max(cut.down_bytes, stage.down_bytes)
            asked.append((probability, cut, stage))
            waits[app].append((list(cuts).index(before), probability))
    _divide_runs(asked)
    return tuple(_exchange(problem, cut) for cut in cuts.values()), waits


def _divide_runs(asked: list[tuple[float, _Cut, Stage]]) -> None:
    """Give each stage to the cut that asks for it most often; from there it runs once for all."""
    known: set[tuple[str, ...]] = set()
    for probability, cut, stage in sorted(asked, key=lambda a: -a[0]):
        if stage.parts not in known:
            known.add(stage.parts)
            cut.runs.append(CloudRun(probability, stage.run_s, stage.cost_usd))


def _exchange(problem: Problem, cut: _Cut) -> Exchange:
    return Exchange(
        cut.probability,
        cut.up_bytes,
        cut.down_bytes,
        tuple(cut.runs),
        problem.link.energy_j(cut.up_bytes, cut.down_bytes),
        sum(r.cost_usd for r in cut.runs),
    )
