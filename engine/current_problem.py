"""What a policy may choose from as it is now: costs as measured, parts that work, what a cloud offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.broken_pieces import BrokenPieces, without_pieces
from engine.cloud_link import CloudLink
from engine.demand import Demand
from engine.energy_model import Correction
from engine.load_booking import Booked
from engine.prepared_passes import PreparedPasses
from engine.runtime.loading import PieceMemory
from engine.scheduling.costs_correction import CostsCorrection
from engine.scheduling.policy import Policy
from engine.scheduling.problem import Problem
from engine.scheduling.repricing import repriced
from engine.scheduling.special_options import special_heads, without_specials
from engine.specializing import Specializing


class CurrentProblem:
    """Follows what changes the problem of one policy, and tells it; used by one thread.

    Args:
        problem: that the policy was made for.
        policy: told of every other one.
        memory: what no app can use any more leaves it.
        prepared: what was made ready for the problem; cleared when it changes.
        link: offers the options of the cloud.
        specializing: offers cascades of the heads in use.
        correction: knows what pieces really take.
        metered: by how much a meter says that prices are off.
        broken: knows which pieces are set aside.
    """

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        memory: PieceMemory,
        prepared: PreparedPasses,
        link: CloudLink,
        specializing: Specializing,
        correction: CostsCorrection,
        metered: Correction,
        broken: BrokenPieces,
    ) -> None:
        self._problem = problem
        self._policy = policy
        self._memory = memory
        self._prepared = prepared
        self._link = link
        self._specializing = specializing
        self._correction = correction
        self._metered = metered
        self._broken = broken
        self._aside: frozenset[str] = frozenset()
        self._why_aside: dict[str, str] = {}
        self._knows_demand = False

    @property
    def problem(self) -> Problem:
        """All that may be chosen, what is set aside included."""
        return self._problem

    @property
    def why_aside(self) -> Mapping[str, str]:
        """Why apps can use nothing now that they could otherwise, by app."""
        return self._why_aside

    def set(self, problem: Problem) -> None:
        """Take other apps, costs or budgets; what no app can use any more leaves the memory.

        The options of the cloud, and cascades of the heads in use, are put in anew, as they are now.
        """
        if problem.apps != self._problem.apps:
            self._knows_demand = False
        problem = self._link.offer(without_specials(problem), self._aside)
        problem = self._problem = self._specializing.offer(problem)
        self._prepared.clear()
        self._memory.set_sizes({h: problem.pieces[h].memory_bytes for h in special_heads(problem)})
        self._memory.drop(self._memory.resident - (problem.pieces.keys() - self._aside))
        usable = without_pieces(problem, self._aside)
        self._why_aside = self._broken.why_unserved(problem, usable)
        self._policy.set_problem(usable)

    def offer_anew(self) -> None:
        """Follow the cloud and the heads in use, which are others than they were."""
        self.set(self._problem)

    def follow_meter(self) -> float:
        """Take over what a meter says of prices; return by what all of them have changed."""
        off_by = self._metered.adopt()
        if off_by != 1.0:
            self.set(repriced(self._problem, off_by))
        return off_by

    def correct(self, demand: Demand | None) -> None:
        """Replace expected costs by measured ones where they differ, and learn the demand once.

        Once is enough for the fixed policies, which would not be fixed otherwise; those that adapt
        measure it themselves.

        Args:
            demand: None while it is not known.
        """
        problem = self._correction.correct(self._problem)
        if demand is not None and not self._knows_demand:
            problem = replace(
                problem or self._problem,
                windows_hz=demand.windows_hz,
                frames_hz=demand.frames_hz,
                frame_energy_j=demand.frame_energy_j,
            )
            self._knows_demand = True
        if problem is not None:
            self.set(problem)

    def learn(self, demand: Demand | None) -> None:
        """Put the costs and the demand that were measured up to the end into the problem.

        Args:
            demand: None where it never became known.
        """
        self._knows_demand = False
        self.correct(demand)

    def take_note(self, booked: Booked, now: float) -> None:
        """Follow what happened in memory: routes let go of what went, policies of what is broken.

        A piece that nobody can use any more is not broken: a specialised head may be let go of while it
        waits to be loaded behind the parts of its trunk.
        """
        if booked.evicted:
            self._prepared.let_go(booked.evicted)
        for failure in (f for f in booked.failures if f.piece in self._problem.pieces):
            self._broken.note(failure.piece, failure.why, now)
        aside = self._broken.set_aside(now)
        if aside != self._aside:
            self._aside = aside
            self.set(self._problem)
