"""Why an app goes unserved by a plan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.scheduling.configurations import configuration
from engine.scheduling.kinds import Kind
from engine.scheduling.planner import Planner
from engine.scheduling.problem import Problem, memory_bytes, worst_latency_s
from engine.scheduling.unserved import (
    ENERGY_KEPT,
    MONEY_KEPT,
    NO_CONNECTION,
    NOT_PLANNED,
    OVERLOADED,
    TOO_LARGE,
    TOO_SLOW,
    UNKNOWN_APP,
    without_options,
)

Float64 = npt.NDArray[np.float64]


class WhyUnserved:
    """Finds reasons.

    Args:
        problem: apps, options and limits.
        planner: configurations by kind.
    """

    def __init__(self, problem: Problem, planner: Planner) -> None:
        self._problem = problem
        self._planner = planner

    def skipped(self, kind: Kind, app: str, prices: Float64, rush: bool) -> str:
        """Say why a plan gives a window of this kind nothing for an app.

        Args:
            prices: (3,) of the plan.
            rush: whether it is a plan for more windows than the processor carries.
        """
        never = self.never(kind, app)
        if never:
            return never
        if rush:
            return OVERLOADED
        option = self._planner.space(kind).least_costly(app, prices)
        if option is None:
            return NOT_PLANNED
        paid = configuration(self._problem, kind, [option]).resources * prices
        if not paid.any():
            return NOT_PLANNED
        return (ENERGY_KEPT, MONEY_KEPT, OVERLOADED)[int(paid.argmax())]

    def never(self, kind: Kind, app: str) -> str:
        """Say why no option of an app can be used on a window of this kind at all, "" where one can."""
        known = self._problem.apps.get(app)
        if known is None:
            return UNKNOWN_APP
        options = self._problem.options.get(app, ())
        if not options:
            return without_options(known)
        limit_bytes = self._problem.budget.memory_bytes
        pieces = self._problem.pieces
        fitting = [o for o in options if memory_bytes(pieces, o.device_pieces) <= limit_bytes]
        if not fitting:
            return TOO_LARGE
        in_time = [o for o in fitting if worst_latency_s(self._problem, o) <= known.latency_limit_s]
        if not in_time:
            return TOO_SLOW
        return NO_CONNECTION if not kind.connected and all(o.needs_cloud for o in in_time) else ""
