"""The same problem at another price of processor time."""

from __future__ import annotations

from dataclasses import replace

from engine.scheduling.problem import PieceCost, Problem


def repriced(problem: Problem, factor: float) -> Problem:
    """Return a problem in which all that runs at the device takes `factor` times the energy."""
    pieces = {piece: _repriced(cost, factor) for piece, cost in problem.pieces.items()}
    return replace(problem, pieces=pieces, frame_energy_j=factor * problem.frame_energy_j)


def _repriced(cost: PieceCost, factor: float) -> PieceCost:
    return replace(
        cost,
        run_energy_j=factor * cost.run_energy_j,
        run_worst_energy_j=factor * cost.run_worst_energy_j,
        load_energy_j=factor * cost.load_energy_j,
    )
