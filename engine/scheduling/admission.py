"""What of a configuration the energy that is left can pay for in the worst case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.scheduling.policy import Choice
from engine.scheduling.problem import Option, Problem, configuration_cost
from engine.scheduling.unserved import ENERGY_GONE


@dataclass(frozen=True, slots=True)
class Admission:
    """What may run and what is turned away.

    Args:
        options: by app, as many as the energy allows.
        refused: apps that it does not allow.
    """

    options: Mapping[str, Option]
    refused: tuple[str, ...] = ()

    def choice(self, unserved: Mapping[str, str], wanted: tuple[str, ...] = ()) -> Choice:
        """Return it as a policy's answer, with what was unserved for other reasons."""
        if self.refused:
            unserved = {**unserved, **dict.fromkeys(self.refused, ENERGY_GONE)}
        return Choice(self.options, unserved, wanted)


def admit(problem: Problem, options: Mapping[str, Option], energy_left_j: float) -> Admission:
    """Keep apps in their order while the worst case of all kept together is within energy_left_j.

    An app that shares its parts with a kept one adds only its head, so a later app may still fit
    where an earlier one did not. Without any energy left nothing is kept.
    """
    kept: dict[str, Option] = {}
    refused: list[str] = []
    for app, option in options.items():
        together = configuration_cost(problem, (*kept.values(), option))
        if energy_left_j > 0.0 and together.worst_energy_j <= energy_left_j:
            kept[app] = option
        else:
            refused.append(app)
    return Admission(kept, tuple(refused))
