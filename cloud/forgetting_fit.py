"""A line through what was measured lately: least squares with coefficients of at least 0, that forgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

_STEADY_SHARE = 0.1
_SURPRISE_DEVIATIONS = 4.0


@dataclass(frozen=True, slots=True)
class Memory:
    """How soon what was measured counts less.

    Args:
        half_life_s: after which a sample counts half.
        samples: after that many newer ones it counts a third.
        doubted_samples: as how many everything older counts, at most, once two samples in a row lie far
            on the same side of what was expected: what is measured has changed.
        least_surprise: how far off a sample must be at least to be one, in the unit of the samples.
    """

    half_life_s: float = 60.0
    samples: float = 30.0
    doubted_samples: float = 2.0
    least_surprise: float = 0.0


class ForgettingFit:
    """Fits y = the sum of x times coefficients; pure, and without a lock.

    Minimises the weighted mean of the squared residuals plus pull * (coefficients - prior) ** 2, which
    decides where samples alone do not, as when all of them have the same size. The variable memory is
    that of Fortescue, Kershenbaum and Ydstie, Implementation of self-tuning regulators with variable
    forgetting factors, Automatica 1981, in its simplest form.

    Args:
        prior: two or three coefficients before the first sample, each at least 0.
        pull: towards each of them, positive; of the unit of x squared.
        memory: how it forgets.
    """

    def __init__(self, prior: Sequence[float], pull: Sequence[float], memory: Memory) -> None:
        self._pull = tuple(pull)
        self._pulled = tuple(w * c for w, c in zip(pull, prior, strict=True))
        self._memory = memory
        self._weight = 0.0
        self._squares = [[0.0] * len(prior) for _ in prior]
        self._products = [0.0] * len(prior)
        self._deviation = 0.0
        self._side = 0
        self._last_s = 0.0
        self._coefficients = tuple(prior)

    @property
    def coefficients(self) -> tuple[float, ...]:
        """The fit now; the prior before the first sample."""
        return self._coefficients

    @property
    def samples(self) -> float:
        """As how many samples what was learnt counts now."""
        return self._weight

    def expected(self, x: Sequence[float]) -> float:
        """Return what y should be."""
        return sum(c * v for c, v in zip(self._coefficients, x, strict=True))

    def learn(self, x: Sequence[float], y: float, now_s: float) -> None:
        """Take a sample.

        Args:
            x: finite.
            y: finite; below 0 it counts as 0.
            now_s: no earlier than before.
        """
        y = max(0.0, y)
        self._keep(self._aged(now_s))
        if self._is_other(y - self.expected(x)):
            self.doubt()
        self._weight += 1.0
        for i, xi in enumerate(x):
            self._products[i] += xi * y
            row = self._squares[i]
            for j, xj in enumerate(x):
                row[j] += xi * xj
        self._coefficients = self._fitted()

    def doubt(self) -> None:
        """Let what was learnt so far count as no more than a few samples."""
        if self._weight > self._memory.doubted_samples:
            self._keep(self._memory.doubted_samples / self._weight)

    def _keep(self, share: float) -> None:
        self._weight *= share
        self._products = [share * p for p in self._products]
        self._squares = [[share * v for v in row] for row in self._squares]

    def _aged(self, now_s: float) -> float:
        aged_s, self._last_s = max(0.0, now_s - self._last_s), now_s
        by_time = 0.5 ** (aged_s / self._memory.half_life_s)
        return float(by_time) * (1.0 - 1.0 / self._memory.samples)

    def _is_other(self, off: float) -> bool:
        if not self._weight:
            return False
        far = abs(off) > max(_SURPRISE_DEVIATIONS * self._deviation, self._memory.least_surprise)
        side = (1 if off > 0.0 else -1) if far else 0
        changed = far and side == self._side
        self._side = side
        self._deviation += _STEADY_SHARE * (abs(off) - self._deviation)
        return changed

    def _fitted(self) -> tuple[float, ...]:
        inverse = 1.0 / self._weight
        squares = [[inverse * v for v in row] for row in self._squares]
        for i, pull in enumerate(self._pull):
            squares[i][i] += pull
        products = [inverse * p + q for p, q in zip(self._products, self._pulled, strict=True)]
        return nonnegative_minimum(squares, products)


def nonnegative_minimum(squares: list[list[float]], products: list[float]) -> tuple[float, ...]:
    """Return the c >= 0 with the least c @ squares @ c - 2 * products @ c.

    Exact, by trying which of the few coefficients are 0; made anew with every answer, so it must not
    take the quarter of a millisecond that scipy.optimize.nnls takes for the same.

    Args:
        squares: symmetric, positive definite.
        products: as many.
    """
    size = len(products)
    best, best_value = (0.0,) * size, 0.0
    for count in range(size, 0, -1):
        for free in combinations(range(size), count):
            found = _stationary(squares, products, free)
            if min(found) < 0.0:
                continue
            value = sum(products[i] * c for i, c in zip(free, found, strict=True))
            if value > best_value:
                full = dict(zip(free, found, strict=True))
                best, best_value = tuple(full.get(i, 0.0) for i in range(size)), value
            if count == size:
                return best
    return best


def _stationary(squares: list[list[float]], products: list[float], free: tuple[int, ...]) -> list[float]:
    """Solve for some of the coefficients, the others 0; positive definite, so no pivoting is needed."""
    rows = [[squares[i][j] for j in free] + [products[i]] for i in free]
    for k, pivot in enumerate(rows):
        for row in rows[k + 1 :]:
            factor = row[k] / pivot[k]
            for j in range(k, len(row)):
                row[j] -= factor * pivot[j]
    found = [0.0] * len(rows)
    for k in range(len(rows) - 1, -1, -1):
        row = rows[k]
        known = sum(row[j] * found[j] for j in range(k + 1, len(rows)))
        found[k] = (row[-1] - known) / row[k]
    return found
