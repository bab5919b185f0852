"""What a compile would make, and about how long it would take, without making it.

The full size of each family is built and trained on a few windows of noise: that gives its operations
and bytes, and the time that one operation takes in training on this machine. Other trunks follow from
predicted costs. A search is run as if accuracy grew with the logarithm of cost; a true one turns out
otherwise as soon as it knows better, but takes about as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from catalog.compiler.front_gaps import Choice, Known, Tried, choose
from catalog.compiler.planning import plan_candidates
from catalog.compiler.predicted_costs import CostPredictor, LogCost
from catalog.compiler.rehearsal import rehearse
from catalog.compiler.rehearsal import trials as model_trials
from catalog.compiler.request import CompileRequest
from catalog.compiler.search_record import SearchLimits
from catalog.compiler.search_space import Combination, search_space
from catalog.compiler.searching import LEAST_AHEAD
from catalog.compiler.share_depths import plan_share_depths
from catalog.datasets.data_spec import DIGITS, DataSpec
from catalog.datasets.listing import list_splits
from catalog.errors import RunFailed
from catalog.graph_costs import describe_part
from catalog.labelled_windows import LabelledWindows
from catalog.measured_calls import Clock
from catalog.training.schedule import Progress
from catalog.transforms.recipe import Bench, Candidate, Effort, StoredTrunk
from catalog.transforms.trained_trunks import LoadResampled, LoadTrunk, TrainOnFirstPart, TrainTrunk

_TRIAL_WINDOWS = 64
_TRIAL_CLASSES = 10
_PASSES_FOR_HEADS = 0.5  # all windows forward, where training also goes backward
_UNTRAINED = frozenset({"int8", "bf16"})


@dataclass(frozen=True, slots=True)
class Expected:
    """One trunk that would be made.

    Args:
        candidate: its name.
        macs: multiply-accumulates of one window.
        memory_bytes: its parts resident.
        seconds: of one process.
    """

    candidate: str
    macs: float
    memory_bytes: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be made, in order.

    Args:
        combinations: how many there are to choose from.
        seconds: altogether, with so many processes as were given.
    """

    combinations: int
    expected: tuple[Expected, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Trial:
    """What was learned from building one family.

    Args:
        cost: of its full size.
        second_per_mac: of training, one window.
        fixed_s: building and storing a trunk.
    """

    cost: LogCost
    second_per_mac: float
    fixed_s: float


def forecast(request: CompileRequest, limits: SearchLimits | None, jobs: int, clock: Clock) -> Forecast:
    """Return what would be made, by a search where there are limits for one, else of the request's list.

    Raises:
        BadInput: the request or its data is wrong, as far as that shows without decoding an image.
        MissingExtra: torch is not installed.
        RunFailed: the full size of a family cannot be trained.
    """
    listed = plan_candidates(request)
    space = search_space(request)
    for trial in model_trials(request, [c.candidate for c in space]):
        rehearse(trial)
    windows = {i.name: _training_windows(request, i.name) for i in request.input_types}
    trials = {c.base: _trial(c.candidate, request, clock) for c in space if c.candidate.name == c.base}
    predict = CostPredictor(space, {name: t.cost for name, t in trials.items()})

    def expected(c: Combination) -> Expected:
        macs, memory_bytes = np.exp(predict(c))
        trial = trials[c.base]
        passes = _epochs(c, request.effort) + _PASSES_FOR_HEADS
        trained_s = trial.second_per_mac * macs * passes * windows[c.candidate.input_type]
        return Expected(c.candidate.name, float(macs), float(memory_bytes), trial.fixed_s + float(trained_s))

    by_name = {c.candidate.name: c for c in space}
    data = {t.name: t.data for t in request.tasks}

    def expected_at_most(c: Candidate) -> Expected:
        """What a trunk with parts of a task's own takes, if it is needed: about what its whole would."""
        base, own = by_name[c.after[0]], data[c.task or ""]
        macs, memory_bytes = np.exp(predict(base))
        assert own is not None
        windows_seen = (request.effort.epochs + _PASSES_FOR_HEADS) * _training_windows_of(own, request)
        seconds = trials[base.base].fixed_s + float(trials[base.base].second_per_mac * macs * windows_seen)
        return Expected(c.name, float(macs), float(memory_bytes), seconds)

    depths = [expected_at_most(c) for c in plan_share_depths(request)]
    if limits is None:
        made = _summed(len(listed), (expected(by_name[c.name]) for c in listed), jobs, None, set())
        return _with_more(made, depths, jobs)
    order = _searched(space, predict, request.seed, max(LEAST_AHEAD, jobs))
    most = len(space) if limits.max_candidates is None else limits.max_candidates
    first = (c for c, _ in zip(order, range(most), strict=False))
    searched = _summed(len(space), map(expected, first), jobs, limits.budget_s, set(trials))
    return _with_more(searched, depths, jobs)


def _with_more(forecast: Forecast, more: Sequence[Expected], jobs: int) -> Forecast:
    """Add trunks that follow the others."""
    seconds = forecast.seconds + sum(e.seconds for e in more) / jobs
    return Forecast(forecast.combinations + len(more), (*forecast.expected, *more), seconds)


def _summed(
    combinations: int,
    expected: Iterator[Expected],
    jobs: int,
    budget_s: float | None,
    in_any_case: Collection[str],
) -> Forecast:
    taken: list[Expected] = []
    work_s = 0.0
    for e in expected:
        late = budget_s is not None and (work_s + e.seconds) / jobs > budget_s
        if late and e.candidate not in in_any_case:
            break
        taken.append(e)
        work_s += e.seconds
    longest_s = max(e.seconds for e in taken)
    return Forecast(combinations, tuple(taken), max(work_s / jobs, longest_s))


def _searched(
    space: Sequence[Combination], predict: CostPredictor, seed: int, ahead: int
) -> Iterator[Combination]:
    """Yield what a search would try if all went as predicted."""
    costs: dict[str, LogCost] = {}
    while (choice := _next_choice(space, costs, seed, ahead)) is not None:
        costs[choice.combination.candidate.name] = predict(choice.combination)
        yield choice.combination


def _next_choice(
    space: Sequence[Combination], costs: Mapping[str, LogCost], seed: int, ahead: int
) -> Choice | None:
    names = list(costs)
    for seen in range(max(0, len(names) - ahead + 1), len(names) + 1):
        finished = {n: Tried(costs[n], _accuracy(costs[n])) for n in names[:seen]}
        choice = choose(space, Known(finished, (), names[seen:]), seed)
        if choice is not None:
            return choice
    return None


def _accuracy(cost: LogCost) -> float:
    return math.tanh(float(cost.mean()) / 10.0)


def _epochs(combination: Combination, effort: Effort) -> int:
    recipe, lineage = combination.candidate.recipe, combination.candidate.lineage
    if isinstance(recipe, LoadTrunk):
        return effort.tuning_epochs if recipe.fine_tune else 0
    if isinstance(recipe, LoadResampled):
        return effort.scaled_epochs
    if isinstance(recipe, TrainTrunk):
        return effort.epochs if combination.candidate.name == combination.base else effort.scaled_epochs
    if isinstance(recipe, TrainOnFirstPart):
        return effort.epochs
    return 0 if lineage[-1].split()[0] in _UNTRAINED else effort.tuning_epochs


def _training_windows(request: CompileRequest, input_type: str) -> int:
    """Return how many windows train a trunk; one that several tasks have counts for each."""
    weights = request.trunk_weights()
    mine = [t for t in request.tasks if t.input_type == input_type]
    trainers = [t for t in mine if t.name in weights] or mine[:1]
    return sum(_training_windows_of(t.data, request) for t in trainers if t.data is not None)


def _training_windows_of(data: DataSpec, request: CompileRequest) -> int:
    if data.source == DIGITS:
        return round(request.rendered_windows * data.shares[0])
    return len(list_splits(data, request.seed).files["train"])


def _trial(base: Candidate, request: CompileRequest, clock: Clock) -> _Trial:
    recipe = base.recipe
    if isinstance(recipe, LoadTrunk):
        recipe = TrainTrunk(replace(recipe.arch, weights=None))
    elif isinstance(recipe, TrainTrunk):
        recipe = replace(recipe, teacher=None)
    rng = np.random.default_rng(request.seed)
    side = base.size_px
    noise = rng.integers(0, 256, (_TRIAL_WINDOWS, side, side, 3), dtype=np.uint8)
    data = LabelledWindows(noise, rng.integers(0, _TRIAL_CLASSES, _TRIAL_WINDOWS))
    ends: list[float] = []
    start = clock()
    parts = recipe.make(
        Bench(request.seed, side, _TRIAL_CLASSES, data, Effort(2, 2, 2), _nothing, _noting(ends, clock))
    )
    whole_s = clock() - start
    described = [describe_part(part, base.name) for part in parts]
    macs = max(sum(p.macs for p in described), 1)
    memory_bytes = max(sum(p.memory_bytes for p in described), 1)
    epoch_s = ends[-1] - ends[0] if len(ends) > 1 else 0.0
    return _Trial(
        np.log([macs, memory_bytes]), epoch_s / (_TRIAL_WINDOWS * macs), max(0.0, whole_s - 2 * epoch_s)
    )


def _noting(ends: list[float], clock: Clock) -> Callable[[Progress], None]:
    def note(_: Progress) -> None:
        ends.append(clock())

    return note


def _nothing(name: str) -> StoredTrunk:
    raise RunFailed(f"{name}: a full size starts from no other trunk")
