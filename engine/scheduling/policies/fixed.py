"""One option for each app, always: what the policies that decide beforehand have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.scheduling.admission import admit
from engine.scheduling.policy import Choice, State
from engine.scheduling.problem import Option, Problem, configuration_cost
from engine.scheduling.unserved import UNKNOWN_APP

_MOST_KNOWN = 1000  # of many apps with rates of their own, ever other ones are due together


@dataclass(frozen=True, slots=True)
class _Known:
    """A choice for one set of due apps, made ready, and what it may cost."""

    choice: Choice
    worst_energy_j: float


class FixedConfiguration:
    """Answers with the options it was given, as far as the energy left can pay for them.

    Args:
        problem: where costs come from.
        options: by app.
        unserved: why not, for the other apps.
    """

    def __init__(self, problem: Problem, options: Mapping[str, Option], unserved: Mapping[str, str]) -> None:
        self.options = dict(options)
        self.unserved = dict(unserved)
        self._problem = problem
        self._known: dict[tuple[str, ...], _Known] = {}

    def choose(self, due: Sequence[str], state: State) -> Choice:
        """Return the fixed options of the due apps."""
        key = tuple(due)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = self._prepare(key)
        if known.worst_energy_j <= state.energy_left_j and state.energy_left_j > 0.0:
            return known.choice
        admitted = admit(self._problem, known.choice.options, state.energy_left_j)
        return admitted.choice(known.choice.unserved)

    def _prepare(self, due: tuple[str, ...]) -> _Known:
        options = {app: self.options[app] for app in due if app in self.options}
        unserved = {app: self.unserved.get(app, UNKNOWN_APP) for app in due if app not in options}
        cost = configuration_cost(self._problem, options.values())
        return _Known(Choice(options, unserved), cost.worst_energy_j)
