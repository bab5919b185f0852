"""How sure a special head has to be: the threshold under which the generic model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.heads import Float32
from specializer.cascade import CascadeRates
from specializer.generic_answers import Behind
from specializer.head_candidates import OwnLabels
from specializer.other_classes import LEAST_CLASS_OUT, HiddenClass, OtherClasses, OtherRows

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# A head that passes more of its own classes' windows on hardly spares the generic model anything.
MOST_PASSED_IN = 0.5
# One that takes more of the others for its own has not learnt what "other" is.
LEAST_ACCURACY_OUT = 0.5
# Closer to each other towards 1, where the answers of a good head lie.
THRESHOLDS = np.append(0.0, 1.0 - np.logspace(-0.1, -4.0, 160))
_NOISE_ERRORS = 2.0
_LEVELS = len(THRESHOLDS) + 1
_NO_CLASS = -1
_NOTHING = 1e-9  # shares are sums of single weights
# Rows of which half of what the generic model's accuracy on them is off the usual is believed.
_ROWS_FOR_HALF = 20.0


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
        hidden: the other class of which surely too little is passed on; None where there is none.
    """

    confidence: float
    rates: CascadeRates
    passed_on: float
    accuracy: float
    wanted: float
    error: float
    hidden: HiddenClass | None

    @property
    def reaches(self) -> bool:
        """Whether the cascade is as accurate as it should be."""
        return self.accuracy >= self.wanted

    @property
    def tells_others(self) -> bool:
        """Whether it takes few enough windows of other classes for what they are not."""
        return self.rates.accuracy_out + self.rates.right_out >= LEAST_ACCURACY_OUT

    def rank(self, asking: float = 0.0) -> tuple[bool, bool, float]:
        """Order thresholds, best first: accurate enough and at little cost, or as accurate as can be.

        Those that hide a class come last.

        Args:
            asking: what further heads cost a window, as a share of the generic model's.
        """
        hides = self.hidden is not None
        return (hides, False, self.passed_on + asking) if self.reaches else (hides, True, -self.accuracy)

    def shortcoming(self) -> str | None:
        """Return why the head is of no use; None for one that is."""
        if not self.tells_others:
            told = self.rates.accuracy_out + self.rates.right_out
            return (
                f"it passes on {told:.1%} of other classes' windows, or answers them rightly: "
                f"expected at least {LEAST_ACCURACY_OUT:.0%}"
            )
        if self.rates.in_to_other > MOST_PASSED_IN:
            return (
                f"it passes on {self.rates.in_to_other:.1%} of its own classes' windows: "
                f"expected at most {MOST_PASSED_IN:.0%}"
            )
        if self.hidden is not None:
            return (
                f"it passes on {self.hidden.passed_on:.1%} of the windows of class {self.hidden.class_id}, "
                "or answers them rightly: "
                f"expected at least {LEAST_CLASS_OUT:.0%}"
            )
        if self.accuracy + _NOISE_ERRORS * self.error < self.wanted:
            return (
                f"with it {self.accuracy:.1%} of the answers are right: "
                f"expected {self.wanted:.1%}, as of the generic model"
            )
        return None


@dataclass(frozen=True, slots=True, eq=False)
class HeadAnswers:
    """What a head makes of N rows, or two of them one after the other.

    Args:
        levels: at how many of the thresholds, from the lowest on, each row is answered, (N,); 0 for one
            that it calls "other", which is always passed on.
        right: which rows are answered rightly where they are, (N,).
        owned: which are answered with a dominant class where they are, (N,).
    """

    levels: Int64
    right: Bool
    owned: Bool

    @classmethod
    def of(cls, confidences: Float32, rows: OwnLabels, others: Sequence[int] = ()) -> HeadAnswers:
        """Return those of one head.

        Args:
            confidences: (N, C), the dominant classes first.
            rows: what they really are.
            others: ids of the classes that come then; none where what comes then means "other".
        """
        answers = confidences.argmax(axis=1)
        top = np.take_along_axis(confidences, answers[:, None], axis=1)[:, 0]
        levels = np.searchsorted(THRESHOLDS.astype(np.float32), top, side="right")
        owned = answers < rows.dominant
        if not others:
            levels[~owned] = 0
            return cls(levels, answers == rows.own, owned)
        named = np.append(np.full(rows.dominant, _NO_CLASS), np.asarray(others, np.int64))[answers]
        return cls(levels, np.where(owned, answers == rows.own, named == rows.labels), owned)

    def asked_after(self, index: int) -> Bool:
        """Return about which rows a second head is asked at one of the thresholds, (N,).

        Those of which this one names a class and is not sure. What it calls "other" mostly is, and mostly a
        second head would only pass it on.
        """
        asked: Bool = (self.levels > 0) & (self.levels <= index)
        return asked

    def after(self, first: HeadAnswers, index: int) -> HeadAnswers:
        """Return what comes of asking this head about what another passes to it at one of its thresholds."""
        answered, asked = first.levels > index, first.asked_after(index)
        own = np.where(asked, self.levels, 0)
        return HeadAnswers(
            np.where(answered, len(THRESHOLDS), own),
            np.where(answered, first.right, self.right),
            np.where(answered, first.owned, self.owned),
        )


class ThresholdChoice:
    """Chooses thresholds of heads for the same classes on the same rows.

    Args:
        rows: what the rows really are, (N,).
        aim: what the heads are for.
        behind: what the generic model makes of the rows. What is hard for the head is hard for that model
            too, so that its accuracy over all windows promises too much for those that are passed on; it
            has to do where this is None.
    """

    def __init__(self, rows: OwnLabels, aim: CascadeAim, behind: Behind | None = None) -> None:
        self.rows, self.aim = rows, aim
        self._judged = _Judged(rows, aim, behind)

    def shares(self, counted: Bool) -> tuple[float, float]:
        """Return what share of the dominant classes' rows is counted, and of the others'.

        Args:
            counted: which rows are, (N,).
        """
        judged = self._judged
        return judged.own.share_of(counted), judged.other.share_of(counted)

    def best(self, answers: HeadAnswers) -> Threshold:
        """Return the threshold that passes on least while the cascade is as accurate as it should be.

        It also passes on enough of every other class. Where none does both, the most accurate one that
        passes on enough of each and leaves the head at least half of its classes' windows; where there is
        none either, the one that leaves it just that.

        Args:
            answers: of the head, (N,).
        """
        outcomes = _Outcomes(answers, self._judged)
        return outcomes.at(_chosen(outcomes))


def _chosen(outcomes: _Outcomes) -> int:
    # Each threshold passes on no less than the one before: those that leave the head enough come first,
    # those at which enough of every class is passed on come last.
    leaving = int((outcomes.in_to_other <= MOST_PASSED_IN).sum())
    first = len(THRESHOLDS) - int(outcomes.others.all_reached().sum())
    if first >= max(leaving, 1):
        return max(leaving - 1, 0)
    reaching = np.flatnonzero(outcomes.accuracy[first:] >= outcomes.wanted)
    if len(reaching) > 0:
        return first + int(reaching[0])
    return first + int(outcomes.accuracy[first : max(leaving, 1)].argmax())


class _Judged:
    """What is the same for all heads that are judged on the same rows; see ThresholdChoice."""

    def __init__(self, rows: OwnLabels, aim: CascadeAim, behind: Behind | None) -> None:
        inside = rows.inside
        self.aim, self.behind = aim, behind
        self.outside = np.flatnonzero(~inside)
        self.weights = rows.row_weights.astype(np.float64)
        self.others = OtherRows(rows.labels[self.outside])
        self.own, self.other = (_Kind(self.weights, kind, aim, behind) for kind in (inside, ~inside))
        right_behind = np.zeros(len(inside), np.bool_) if behind is None else behind.right_behind
        self._cells = (4 * _LEVELS) * (2 * ~inside + right_behind)

    def at_or_above(self, answers: HeadAnswers) -> Float64:
        """Return what rows weigh that are answered at each threshold, (2, 2, 2, 2, T).

        By whether they are of other classes, the generic model is right behind the head, the head is right,
        and it names one of its own classes.
        """
        cells = self._cells + _LEVELS * (2 * answers.right + answers.owned) + answers.levels
        weighed = np.bincount(cells, self.weights, 16 * _LEVELS).astype(np.float64, copy=False)
        at_level = weighed.reshape(2, 2, 2, 2, _LEVELS)
        found: Float64 = np.cumsum(at_level[..., :0:-1], axis=-1)[..., ::-1]
        return found


class _Outcomes:
    """What becomes of the validation rows at each threshold; arrays are (T,)."""

    def __init__(self, answers: HeadAnswers, judged: _Judged) -> None:
        aim, own, other = judged.aim, judged.own, judged.other
        inside, outside = judged.at_or_above(answers)
        self._aim = aim
        self._right, wrong, strayed = (own.share(w) for w in (inside[:, 1], inside[:, 0], inside[:, :, 0]))
        self._right_out, mistaken = (other.share(w) for w in (outside[:, 1], outside[:, 0]))
        self.in_to_other = np.maximum(0.0, 1.0 - self._right - wrong)
        self._accuracy_out = np.maximum(0.0, 1.0 - self._right_out - mistaken)
        self._strayed = strayed
        self.others = OtherClasses(judged.others, _lost(answers, judged), 1.0 - mistaken)
        self._in_passed = own.right_passed(inside[1], self.in_to_other)
        self._out_passed = other.right_passed(outside[1], self._accuracy_out)
        wrong_in, wrong_out = own.cautious(wrong), other.cautious(mistaken)
        passed_out = np.maximum(0.0, 1.0 - self._right_out - wrong_out)
        self.accuracy = aim.skew * (1.0 - wrong_in - self.in_to_other * (1.0 - self._in_passed)) + (
            1.0 - aim.skew
        ) * (self._right_out + passed_out * self._out_passed)
        self._overall = own.overall, other.overall
        self._easier = own.easier(aim.generic_accuracy), other.easier(aim.generic_accuracy)
        self.wanted = aim.skew * own.overall + (1.0 - aim.skew) * other.overall - aim.accuracy_loss
        self._error = np.hypot(aim.skew * own.error(wrong_in), (1.0 - aim.skew) * other.error(wrong_out))

    def at(self, index: int) -> Threshold:
        figures = (self._right, self.in_to_other, self._accuracy_out, self._in_passed, self._out_passed)
        right, to_other, out, in_passed, out_passed = (float(f[index]) for f in figures)
        in_all, out_all = self._overall
        harder = (in_all - in_passed, out_all - out_passed)
        rates = CascadeRates(
            right,
            to_other,
            out,
            *harder,
            easier_in=self._easier[0],
            easier_out=self._easier[1],
            right_out=float(self._right_out[index]),
            strayed_in=float(self._strayed[index]),
        )
        return Threshold(
            float(THRESHOLDS[index]),
            rates,
            rates.passed_on(self._aim.skew),
            float(self.accuracy[index]),
            self.wanted,
            float(self._error[index]),
            self.others.hidden(index),
        )


def _lost(answers: HeadAnswers, judged: _Judged) -> Int64:
    """Return at how many thresholds each row of other classes gets a wrong answer for good, (M,)."""
    levels, right = answers.levels[judged.outside], answers.right[judged.outside]
    answered_rightly = right & (levels > 0)
    lost = np.where(answered_rightly, 0, levels)
    if judged.behind is not None:
        lost[judged.behind.taken[judged.outside] & ~answered_rightly] = len(THRESHOLDS)
    return lost


class _Kind:
    """The rows of dominant classes, or those of others.

    Args:
        weights: of all rows, (N,).
        kind: which rows, (N,).
        aim: what heads are for.
        behind: what the generic model makes of the rows; None where that is not known.
    """

    def __init__(self, weights: Float64, kind: Bool, aim: CascadeAim, behind: Behind | None) -> None:
        self._weights = np.where(kind, weights, 0.0)
        self._total = float(self._weights.sum())
        self._rows = int(kind.sum())
        self._right_behind: float | None = None
        self.overall = aim.generic_accuracy  # of the generic model alone, on all of these rows
        if behind is not None:
            self.overall = self.share_of(behind.right)
            self._right_behind = self.share_of(behind.right_behind)

    def share_of(self, counted: Bool) -> float:
        """Return what rows weigh that are counted, (N,), as a share of all of this kind."""
        return float(self._weights @ counted) / self._total

    def share(self, weighed: Float64) -> Float64:
        """Return rows (..., T) by what they weigh as a share of all of this kind, (T,)."""
        found: Float64 = weighed.reshape(-1, weighed.shape[-1]).sum(axis=0) / self._total
        return np.minimum(1.0, found)

    def right_passed(self, weighed: Float64, passed: Float64) -> Float64:
        """Return how accurate the generic model is on what is passed on, (T,).

        Args:
            weighed: what rows weigh that are answered and that it would answer rightly, (..., T).
            passed: share of rows that are passed on, (T,).
        """
        if self._right_behind is None:
            return np.full(len(passed), self.overall)
        left = np.clip(self._right_behind - self.share(weighed), 0.0, passed)
        found = np.full(len(passed), self.overall)
        np.divide(left, passed, out=found, where=passed > _NOTHING)
        return found

    def easier(self, usual: float) -> float:
        """Return how much more accurate the generic model is on these rows than usual; few prove little."""
        return (self.overall - usual) * self._rows / (self._rows + _ROWS_FOR_HALF)

    def cautious(self, share: Float64) -> Float64:
        """Return shares as they would be with half a row more: few rows prove little."""
        return (share * self._rows + 0.5) / (self._rows + 1.0)

    def error(self, share: Float64) -> Float64:
        """Return the standard error of shares."""
        found: Float64 = np.sqrt(np.maximum(0.0, share * (1.0 - share)) / self._rows)
        return found
