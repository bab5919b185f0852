"""The policies `client-only`, `server-only` and `server-first`: the 2016 rule without a choice of place.

They are the baselines of MCDNN (MobiSys 2016), figures 12 and 13: the rule that picks a variant
within a request's budget is the same (mcdnn2016), only the places differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.scheduling.admission import admit
from engine.scheduling.policies.mcdnn2016 import Mcdnn2016
from engine.scheduling.policies.places import only_cloud, only_device
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import Problem


class ClientOnly:
    """Everything runs at the device.

    Args:
        problem: apps, options and costs.
        frequencies_hz, immediate, acceptable_s, admission: see Mcdnn2016.
    """

    def __init__(self, problem: Problem, **settings: object) -> None:
        self._rule = Mcdnn2016(only_device(problem), **settings)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """`client-only`."""
        return "client-only"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps, costs or budgets."""
        self._rule.set_problem(only_device(problem))

    def plan(self, state: State, now: float) -> Plan:
        """Leave everything to demand."""
        return self._rule.plan(state, now)

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Return what the rule picks among the options at the device."""
        return self._rule.choose(input_type, due, state, now)


class ServerOnly:
    """Everything runs in the cloud, or not at all.

    Args:
        problem: apps, options and costs.
        frequencies_hz, immediate, acceptable_s, admission: see Mcdnn2016.
    """

    def __init__(self, problem: Problem, **settings: object) -> None:
        self._rule = Mcdnn2016(only_cloud(problem), **settings)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """`server-only`."""
        return "server-only"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps, costs or budgets."""
        self._rule.set_problem(only_cloud(problem))

    def plan(self, state: State, now: float) -> Plan:
        """Leave everything to demand."""
        return self._rule.plan(state, now)

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Return what the rule picks among the options in the cloud."""
        return self._rule.choose(input_type, due, state, now)


class ServerFirst:
    """Whatever can run in the cloud does; the device takes what is left.

    Args:
        problem: apps, options and costs.
        frequencies_hz, immediate, acceptable_s, admission: see Mcdnn2016.
    """

    def __init__(self, problem: Problem, **settings: object) -> None:
        self._admission = bool(settings.get("admission", True))
        self._problem = problem
        self._cloud = ServerOnly(problem, **settings)
        self._device = ClientOnly(problem, **settings)

    @property
    def name(self) -> str:
        """`server-first`."""
        return "server-first"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps, costs or budgets."""
        self._problem = problem
        self._cloud.set_problem(problem)
        self._device.set_problem(problem)

    def plan(self, state: State, now: float) -> Plan:
        """Leave everything to demand."""
        return self._device.plan(state, now)

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Ask the rule in the cloud, and at the device for the apps that get nothing there."""
        away = self._cloud.choose(input_type, due, state, now)
        left = [app for app in due if app not in away.options]
        if not left:
            return away
        here = self._device.choose(input_type, left, state, now)
        options = {**away.options, **here.options}
        if self._admission and away.options:
            return admit(self._problem, options, state.energy_left_j).choice(here.unserved, here.wanted)
        return Choice(options, here.unserved, here.wanted)
