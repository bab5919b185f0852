"""What trunks that are not made yet will cost, judged by those that are.

A cost is (operations, bytes) of one window, as graph_costs counts them: figures that are the same on
every machine, so that a search is too. Everything is kept as natural logarithms: effects of sizes and
techniques multiply.

Sizes: log cost is linear in the logs of the shares of width, depth and resolution. The coefficients
start from what a convolutional net has (operations go with width^2 * depth * resolution^2) and are
fitted to the trunks that are made by ridge regression towards that start (Hoerl and Kennedy, 1970).
Techniques: a trunk costs what it starts from does, times the mean effect that the same steps had
elsewhere; before that, times the share that a technique is told to keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from catalog.compiler.outcomes import Outcome
from catalog.compiler.search_space import Combination, HasStrength
from catalog.transforms.recipe import Candidate

LogCost = npt.NDArray[np.float64]

# Rows: width, depth, resolution; columns: operations, bytes.
_SIZE_EFFECTS = np.array([[2.0, 1.5], [1.0, 0.7], [2.0, 1.0]])
_RIDGE = 0.1
# Deep Compression makes files smaller, not what runs: its zeros are stored dense there.
_STEP_EFFECTS = {"int8": (1.0, 0.25), "bf16": (1.0, 0.5), "deep-compress": (1.0, 1.0)}
_UNKNOWN_EFFECT = (0.5, 0.6)


@runtime_checkable
class HasShares(Protocol):
    """A recipe for a size of a family."""

    @property
    def shares(self) -> dict[str, float]:
        """Shares of the full size by axis; what is not named is full."""


def log_cost(outcome: Outcome) -> LogCost:
    """Return what a finished trunk costs: (log operations, log bytes)."""
    macs = sum(p.macs for p in outcome.parts)
    memory_bytes = sum(p.memory_bytes for p in outcome.parts)
    return np.log([max(macs, 1.0), max(memory_bytes, 1.0)])


class CostPredictor:
    """Predicts costs from the trunks that are made.

    Args:
        space: everything that may be made.
        made: costs of what is.
    """

    def __init__(self, space: Sequence[Combination], made: Mapping[str, LogCost]) -> None:
        self._made = made
        self._space = {c.candidate.name: c for c in space}
        self._size_effects = self._fitted_size_effects()
        self._step_effects = self._seen_step_effects()

    def __call__(self, combination: Combination) -> LogCost:
        """Return the cost of a trunk: known, or predicted.

        Before any trunk of a family is made its full size counts as (0, 0): one family's costs can then
        be compared with one another only.
        """
        candidate = combination.candidate
        if candidate.name in self._made:
            return self._made[candidate.name]
        start = self._starts_from(candidate)
        if start is not None:
            return self(start) + self._effect(candidate, _steps(candidate, start.candidate))
        base = self._space[combination.base].candidate
        return self._made.get(base.name, np.zeros(2)) + _size(candidate, base) @ self._size_effects

    def _starts_from(self, candidate: Candidate) -> Combination | None:
        """Return the trunk that a technique changes; None for a size of a family."""
        if isinstance(candidate.recipe, HasShares) or not candidate.after:
            return None
        return self._space[candidate.after[0]]

    def _fitted_size_effects(self) -> LogCost:
        rows, effects = [], []
        for c in self._space.values():
            base = self._space[c.base].candidate
            known = c.candidate.name in self._made and base.name in self._made
            if known and c.candidate is not base and isinstance(c.candidate.recipe, HasShares):
                rows.append(_size(c.candidate, base))
                effects.append(self._made[c.candidate.name] - self._made[base.name])
        if not rows:
            return _SIZE_EFFECTS
        x = np.stack(rows)  # (N, 3)
        surplus = np.stack(effects) - x @ _SIZE_EFFECTS  # (N, 2)
        return _SIZE_EFFECTS + np.linalg.solve(x.T @ x + _RIDGE * np.eye(3), x.T @ surplus)

    def _seen_step_effects(self) -> dict[str, list[LogCost]]:
        seen: dict[str, list[LogCost]] = {}
        for c in self._space.values():
            start = self._starts_from(c.candidate)
            if start is None or not {c.candidate.name, start.candidate.name} <= self._made.keys():
                continue
            effect = self._made[c.candidate.name] - self._made[start.candidate.name]
            for key in _keys(_steps(c.candidate, start.candidate)):
                seen.setdefault(key, []).append(effect)
        return seen

    def _effect(self, candidate: Candidate, steps: tuple[str, ...]) -> LogCost:
        """Return the effect of the same steps elsewhere, or of the same techniques with other parameters."""
        same, alike = _keys(steps)
        if same in self._step_effects:
            return np.asarray(np.mean(self._step_effects[same], axis=0))
        if isinstance(candidate.recipe, HasStrength) and alike not in _STEP_EFFECTS:
            return np.full(2, np.log(candidate.recipe.kept))
        if alike in self._step_effects:
            return np.asarray(np.mean(self._step_effects[alike], axis=0))
        expected = np.log([_STEP_EFFECTS.get(s.split()[0], _UNKNOWN_EFFECT) for s in steps])
        return np.asarray(expected.sum(axis=0))


def _steps(candidate: Candidate, start: Candidate) -> tuple[str, ...]:
    """Return what was done to the trunk that a candidate starts from."""
    return candidate.lineage[len(start.lineage) :]


def _keys(steps: tuple[str, ...]) -> tuple[str, str]:
    return "\n".join(steps), "\n".join(s.split()[0] for s in steps)


def _size(candidate: Candidate, base: Candidate) -> LogCost:
    """Return the logs of the shares of width, depth and resolution."""
    shares = candidate.recipe.shares if isinstance(candidate.recipe, HasShares) else {}
    resolution = candidate.size_px / base.size_px
    return np.log([shares.get("width", 1.0), shares.get("depth", 1.0), resolution])
