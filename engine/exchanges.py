"""Exchanges: what a configuration asks of the cloud about one window, made ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.store import Catalog
from engine.device_runs import DevicePass, device_pass
from engine.offload import Question
from engine.scheduling.problem import App, Option, Place, Problem, Stage

SPLIT = "split"
_LONGEST_WAIT_S = 5.0  # for an app without a latency limit


@dataclass(frozen=True, slots=True)
class StandbyPass:
    """What the device runs for apps that the cloud has not answered in time.

    Args:
        apps: of an exchange that have the same latency limit and run together.
        limit_s: of each, from which on nobody waits any longer.
        ready: None where nothing stands by.
    """

    apps: tuple[App, ...]
    limit_s: float
    ready: DevicePass | None

    @property
    def worst_s(self) -> float:
        """How long before the limit it has to begin."""
        return 0.0 if self.ready is None else self.ready.worst_s


@dataclass(frozen=True, slots=True)
class Exchange:
    """Questions about a window that go to the cloud together.

    Args:
        questions: one an app.
        passed: parts that run at the device before; none where the window is sent.
        size_px: side of the window that is sent.
        up_bytes: expected.
        down_bytes: expected.
        worst_usd: to reserve.
        standby: every app is in one of them.
    """

    questions: tuple[Question, ...]
    passed: tuple[str, ...]
    size_px: int
    up_bytes: int
    down_bytes: int
    worst_usd: float
    standby: tuple[StandbyPass, ...]

    @property
    def place(self) -> str:
        """Where its answers come from, for a result line."""
        return SPLIT if self.passed else Place.CLOUD


def exchanges_of(catalog: Catalog, problem: Problem, options: Mapping[str, Option]) -> tuple[Exchange, ...]:
    """Return what options that run in the cloud ask of it: one exchange for each place of the network."""
    groups: dict[tuple[tuple[str, ...], int], dict[str, Option]] = {}
    for app, option in options.items():
        first, last = option.stages[0], option.stages[-1]
        passed = first.parts if first is not last else ()
        size_px = catalog.trunks[catalog.variants[option.variant].trunk].size_px
        groups.setdefault((passed, size_px), {})[app] = option
    return tuple(
        _exchange(catalog, problem, passed, size_px, own) for (passed, size_px), own in groups.items()
    )


def _exchange(
    catalog: Catalog,
    problem: Problem,
    passed: tuple[str, ...],
    size_px: int,
    options: Mapping[str, Option],
) -> Exchange:
    away = [o.stages[-1] for o in options.values()]
    runs = {s.parts: s.cost_usd for s in away}
    return Exchange(
        tuple(Question(app, o.variant) for app, o in options.items()),
        passed,
        size_px,
        max(s.up_bytes for s in away),
        sum(s.down_bytes for s in away),
        sum(runs.values()),
        _standby(catalog, problem, options),
    )


def _standby(catalog: Catalog, problem: Problem, options: Mapping[str, Option]) -> tuple[StandbyPass, ...]:
    """Return what stands by: apps with equal limits run together."""
    together: dict[tuple[float, bool], dict[str, Option]] = {}
    for app, option in options.items():
        limit_s = min(problem.apps[app].latency_limit_s, _LONGEST_WAIT_S)
        together.setdefault((limit_s, option.standby is not None), {})[app] = option
    passes = []
    for (limit_s, stands_by), own in together.items():
        ready = None
        if stands_by:
            here = {a: _at_device(problem, a, o.standby) for a, o in own.items() if o.standby is not None}
            ready = device_pass(catalog, problem, here)
        passes.append(StandbyPass(tuple(problem.apps[a] for a in own), limit_s, ready))
    return tuple(passes)


def _at_device(problem: Problem, app: str, standby: Stage) -> Option:
    """Return the option of an app that is what stands by."""
    return next(
        o
        for o in problem.options[app]
        if not o.needs_cloud and (o.stages[0].parts, o.stages[0].head) == (standby.parts, standby.head)
    )
