"""The policy `original`: every app runs its most accurate variant, whatever that costs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.scheduling.policies.fixed import FixedConfiguration
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import App, Option, Place, Problem, memory_bytes
from engine.scheduling.unserved import TOO_LARGE, without_options


class Original:
    """What an app would do that knows of no other app, no battery and no second variant.

    It takes the most accurate option whose own parts fit into the memory: one that does not could
    never run. It looks neither at energy nor at latency nor at the other apps; when the energy is
    gone it serves no longer. What is resident is left to demand, so apps whose parts do not fit
    together evict one another. It is the policy "Original" of MCDNN (MobiSys 2016), section 6.
    """

    def __init__(self, problem: Problem) -> None:
        self.set_problem(problem)

    @property
    def name(self) -> str:
        """`original`."""
        return "original"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps; corrected costs change nothing but admission."""
        options: dict[str, Option] = {}
        unserved: dict[str, str] = {}
        for app in problem.apps.values():
            option = _most_accurate(problem, app)
            if option is None:
                unserved[app.name] = TOO_LARGE if problem.options.get(app.name) else without_options(app)
            else:
                options[app.name] = option
        self._fixed = FixedConfiguration(problem, options, unserved)

    def plan(self, state: State, now: float) -> Plan:  # noqa: ARG002 - decided beforehand
        """Leave everything to demand."""
        return Plan()

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:  # noqa: ARG002
        """Return the most accurate option of every due app."""
        return self._fixed.choose(due, state)


def _most_accurate(problem: Problem, app: App) -> Option | None:
    fitting = [
        o
        for o in problem.options.get(app.name, ())
        if o.place is Place.DEVICE
        and memory_bytes(problem.pieces, o.device_pieces) <= problem.budget.memory_bytes
    ]
    return max(fitting, key=lambda o: o.accuracy, default=None)
