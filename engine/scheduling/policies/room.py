"""The memory that is left beside what was already chosen for a window."""

from __future__ import annotations

from engine.scheduling.policies.candidates import Candidate
from engine.scheduling.problem import Problem, memory_bytes


class Room:
    """Counts what the options of one window hold together.

    Args:
        problem: sizes of pieces and the limit.
    """

    def __init__(self, problem: Problem) -> None:
        self._bytes = {p: c.memory_bytes for p, c in problem.pieces.items()}
        self._limit_bytes = problem.budget.memory_bytes
        self._unlimited = memory_bytes(problem.pieces, problem.pieces) <= self._limit_bytes
        self._taken: set[str] = set()
        self._used_bytes = 0

    def empty(self) -> None:
        """Begin a window."""
        self._taken.clear()
        self._used_bytes = 0

    def holds(self, candidate: Candidate) -> bool:
        """Tell whether a candidate fits, parts that are there already counted once."""
        if self._unlimited or self._used_bytes + candidate.memory_bytes <= self._limit_bytes:
            return True
        return self._used_bytes + self._further_bytes(candidate) <= self._limit_bytes

    def take(self, candidate: Candidate) -> None:
        """Take a candidate's memory."""
        if not self._unlimited:
            self._used_bytes += self._further_bytes(candidate)
            self._taken |= candidate.pieces

    def _further_bytes(self, candidate: Candidate) -> int:
        return sum(self._bytes[p] for p in candidate.pieces - self._taken)
