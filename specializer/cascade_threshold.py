"""How sure a special head has to be: the threshold under which the generic model is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.heads import Float32
from specializer.cascade import CascadeRates
from specializer.head_candidates import OwnLabels

Bool = npt.NDArray[np.bool_]

# A head that passes more of its own classes' windows on hardly spares the generic model anything.
MOST_PASSED_IN = 0.5
# One that takes more of the others for its own has not learnt what "other" is.
LEAST_ACCURACY_OUT = 0.5
# Closer to each other towards 1, where the answers of a good head lie.
_THRESHOLDS = np.append(0.0, 1.0 - np.logspace(-0.1, -4.0, 160))
_NOISE_ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class CascadeAim:
    """What a special head is wanted for.

    Args:
        skew: share of its classes in what is seen, in (0, 1].
        generic_accuracy: of the model that answers what it passes on, in [0, 1]; not read where that
            model's own answers to the validation rows are known.
        accuracy_loss: by how much the cascade may be less accurate than that model, in [0, 1].
    """

    skew: float
    generic_accuracy: float
    accuracy_loss: float = 0.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and how a head does with it on the rows that it was chosen on.

    Args:
        confidence: least of an answer that is not passed on.
        rates: as counted.
        passed_on: share of windows that go on to the generic model at the aim's skew.
        accuracy: of the cascade at that skew, counted with half a wrong window more.
        wanted: what it should be at least.
        error: standard error of accuracy.
    """

    confidence: float
    rates: CascadeRates
    passed_on: float
    accuracy: float
    wanted: float
    error: float

    @property
    def reaches(self) -> bool:
        """Whether the cascade is as accurate as it should be."""
        return self.accuracy >= self.wanted

    def shortcoming(self) -> str | None:
        """Return why the head is of no use; None for one that is."""
        if self.rates.accuracy_out < LEAST_ACCURACY_OUT:
            return (
                f"it passes on {self.rates.accuracy_out:.1%} of other classes' windows: "
                f"expected at least {LEAST_ACCURACY_OUT:.0%}"
            )
        if self.rates.in_to_other > MOST_PASSED_IN:
            return (
                f"it passes on {self.rates.in_to_other:.1%} of its own classes' windows: "
                f"expected at most {MOST_PASSED_IN:.0%}"
            )
        if self.accuracy + _NOISE_ERRORS * self.error < self.wanted:
            return (
                f"with it {self.accuracy:.1%} of the answers are right: "
                f"expected {self.wanted:.1%}, as of the generic model"
            )
        return None


def choose_threshold(
    confidences: Float32, rows: OwnLabels, aim: CascadeAim, generic_right: Bool | None = None
) -> Threshold:
    """Return the threshold that passes on least while the cascade is as accurate as it should be.

    Where none is, the most accurate one that leaves the head at least half of its classes' windows.

    Args:
        confidences: (N, C) of the head, the dominant classes first.
        rows: what the rows really are, (N,).
        aim: what the head is for.
        generic_right: which rows the generic model answers rightly, (N,). What is hard for the head is
            hard for that model too, so that its accuracy over all windows promises too much for those
            that are passed on; it has to do where this is None.
    """
    outcomes = _Outcomes(confidences, rows, generic_right)
    found: list[Threshold] = []
    for threshold in _THRESHOLDS:  # each passes on no less than the one before
        found.append(outcomes.at(float(threshold), aim))
        if found[-1].reaches:
            return found[-1]
    own = [t for t in found if t.rates.in_to_other <= MOST_PASSED_IN] or found[:1]
    return max(own, key=lambda t: (t.accuracy, -t.confidence))


class _Outcomes:
    """What becomes of the validation rows, by threshold."""

    def __init__(self, confidences: Float32, rows: OwnLabels, generic_right: Bool | None) -> None:
        answers = confidences.argmax(axis=1)
        top, weights, inside = confidences.max(axis=1), rows.row_weights, rows.inside
        taken = answers < rows.dominant  # rows that are answered unless the threshold forbids it
        right = answers == rows.own
        self._right = _Above(top, weights, taken & inside & right, inside)
        self._wrong = _Above(top, weights, taken & inside & ~right, inside)
        self._mistaken = _Above(top, weights, taken & ~inside, ~inside)
        self._generic = [
            None if generic_right is None else _Generic(top, weights, taken, kind, generic_right)
            for kind in (inside, ~inside)
        ]

    def at(self, threshold: float, aim: CascadeAim) -> Threshold:
        right, wrong = self._right.share(threshold), self._wrong.share(threshold)
        mistaken = self._mistaken.share(threshold)
        passed_in, passed_out = max(0.0, 1.0 - right - wrong), 1.0 - mistaken
        wrong_in, wrong_out = self._wrong.cautious(wrong), self._mistaken.cautious(mistaken)
        in_passed, out_passed = (
            aim.generic_accuracy if g is None else g.accuracy(threshold, p)
            for g, p in zip(self._generic, (passed_in, passed_out), strict=True)
        )
        in_all, out_all = (aim.generic_accuracy if g is None else g.overall for g in self._generic)
        harder = (max(0.0, in_all - in_passed), max(0.0, out_all - out_passed))
        rates = CascadeRates(right, passed_in, passed_out, *harder)
        return Threshold(
            threshold,
            rates,
            rates.passed_on(aim.skew),
            aim.skew * (1.0 - wrong_in - rates.in_to_other * (1.0 - in_passed))
            + (1.0 - aim.skew) * (1.0 - wrong_out) * out_passed,
            aim.skew * in_all + (1.0 - aim.skew) * out_all - aim.accuracy_loss,
            math.hypot(
                aim.skew * self._wrong.error(wrong_in), (1.0 - aim.skew) * self._mistaken.error(wrong_out)
            ),
        )


class _Generic:
    """How the generic model does on rows of one kind, and on those of them that are passed on."""

    def __init__(self, top: Float32, row_weights: Float32, taken: Bool, kind: Bool, right: Bool) -> None:
        self._answered = _Above(top, row_weights, taken & kind & right, kind)
        self.overall = float(row_weights[kind & right].sum() / row_weights[kind].sum())

    def accuracy(self, threshold: float, passed: float) -> float:
        """Return its accuracy on the rows that are passed on, which are that share of all."""
        if passed <= 0.0:
            return self.overall
        return max(0.0, self.overall - self._answered.share(threshold)) / passed


class _Above:
    """Weighted share, among the rows of a kind, of some of them that lie at or above a confidence.

    Args:
        top: confidence of each row, (N,).
        row_weights: (N,).
        counted: which rows, (N,).
        kind: of which those are some, (N,).
    """

    def __init__(self, top: Float32, row_weights: Float32, counted: Bool, kind: Bool) -> None:
        order = np.argsort(top[counted])
        weights = row_weights[counted][order].astype(np.float64)
        self._sorted = top[counted][order]
        # From each row on to the surest one.
        self._from = np.append(np.cumsum(weights[::-1])[::-1], 0.0) / row_weights[kind].sum(dtype=np.float64)
        self._rows = int(kind.sum())

    def share(self, threshold: float) -> float:
        return float(self._from[np.searchsorted(self._sorted, np.float32(threshold), side="left")])

    def cautious(self, share: float) -> float:
        """Return a share as it would be with half a row more: few rows prove little."""
        return (share * self._rows + 0.5) / (self._rows + 1.0)

    def error(self, share: float) -> float:
        return math.sqrt(max(0.0, share * (1.0 - share)) / self._rows)
