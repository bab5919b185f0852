"""Heads: a linear layer from features to the classes of a task, with a calibrated temperature."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.errors import BackendError, BadInput

Float32 = npt.NDArray[np.float32]

_FEW_CLASSES = 32  # up to about so many, python takes less time than the calls into numpy


@dataclass(frozen=True, slots=True)
class Head:
    """What the catalog knows of a head without reading its weights.

    Args:
        id: first 16 hex digits of the SHA-256 of the stored file.
        trunk: name of the trunk whose features it reads.
        task: name of the task that it answers.
        size_bytes: 4 * C * (D + 1), the weights and the bias.
    """

    id: str
    trunk: str
    task: str
    size_bytes: int


class HeadWeights:
    """Weight (C, D), bias (C,) and temperature; immutable, so that a swap is one assignment.

    Confidence is softmax(logits / temperature): Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017, section 4.2.

    Raises:
        BadInput: shapes that do not fit, values that are not finite, a temperature that is not positive.
    """

    __slots__ = ("_scaled_bias", "_scaled_weight_t", "bias", "temperature", "weight")

    def __init__(self, weight: Float32, bias: Float32, temperature: float) -> None:
        if weight.ndim != 2 or bias.shape != (weight.shape[0],):
            raise BadInput(f"head: weight {weight.shape} and bias {bias.shape}: expected (C, D) and (C,)")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise BadInput("head: weights are not finite")
        if not (np.isfinite(temperature) and temperature > 0.0):
            raise BadInput(f"head: temperature {temperature}: expected a positive number")
        self.weight = np.ascontiguousarray(weight, dtype=np.float32)
        self.bias = np.ascontiguousarray(bias, dtype=np.float32)
        self.temperature = float(temperature)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            self._scaled_weight_t = np.ascontiguousarray((self.weight / np.float32(temperature)).T)
            self._scaled_bias = self.bias / np.float32(temperature)
        if not (np.isfinite(self._scaled_weight_t).all() and np.isfinite(self._scaled_bias).all()):
            raise BadInput(f"head: temperature {temperature}: too small for these weights")

    def with_prior_shift(self, classes: Sequence[int], shift: float) -> HeadWeights:
        """Return the head as it would be were some classes more frequent than it learnt.

        Args:
            classes: positions of theirs.
            shift: natural logarithm by which their odds are raised (Saerens et al., Neural Computation 2002).
        """
        bias = self.bias.copy()
        bias[list(classes)] += np.float32(self.temperature * shift)
        return HeadWeights(self.weight, bias, self.temperature)

    def confidences(self, features: Float32) -> Float32:
        """Return calibrated class probabilities (N, C) for features (N, D)."""
        logits = features @ self._scaled_weight_t + self._scaled_bias  # (N, C)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits


class FusedHeads:
    """Heads that read the same features, applied with one product.

    The heads of several apps on one trunk cost little more than one head that way: a call into
    numpy takes longer than a linear layer of this size.

    Args:
        heads: at least one, all with the same D; kept as a list.
    """

    __slots__ = ("_bias", "_biases", "_firsts", "_is_small", "_segment", "_starts", "_weight_t", "heads")

    def __init__(self, heads: Sequence[HeadWeights]) -> None:
        self.heads = list(heads)
        scaled = [(h.weight / np.float32(h.temperature), h.bias / np.float32(h.temperature)) for h in heads]
        self._weight_t = np.ascontiguousarray(np.concatenate([w for w, _ in scaled]).T)  # (D, sum of C)
        self._bias = np.concatenate([b for _, b in scaled])
        self._biases: list[float] = self._bias.tolist()
        sizes = [len(h.bias) for h in heads]
        self._is_small = len(heads) == 1 and sizes[0] <= _FEW_CLASSES
        self._starts = np.cumsum([0, *sizes[:-1]], dtype=np.intp)
        self._firsts: list[int] = self._starts.tolist()
        self._segment = np.repeat(np.arange(len(sizes)), sizes)

    def answers(self, features: Float32) -> list[list[tuple[int, float]]]:
        """Return, for each row of (N, D), the class id and its calibrated confidence by every head.

        Raises:
            BackendError: features that are not finite: the part that gave them is broken.
        """
        return [self._row(f) for f in features]

    def _row(self, features: Float32) -> list[tuple[int, float]]:
        """Answer one window, (D,); few calls into numpy, since each takes longer than its arithmetic."""
        logits = features.dot(self._weight_t)  # (sum of C,)
        if self._is_small:
            return [self._only(logits.tolist())]
        logits += self._bias
        values = logits.tolist()
        if not math.isfinite(sum(values)):  # before it can cause warnings: silencing them takes longer
            raise BackendError("features are not finite")
        top = np.maximum.reduceat(logits, self._starts)  # (heads,)
        logits -= top[self._segment]
        sums = np.add.reduceat(np.exp(logits, out=logits), self._starts)
        return [
            (values.index(most, start) - start, 1.0 / total)
            for most, start, total in zip(top.tolist(), self._firsts, sums.tolist(), strict=True)
        ]

    def _only(self, products: list[float]) -> tuple[int, float]:
        """Answer by the only head, of few classes."""
        values = list(map(operator.add, products, self._biases))
        if not math.isfinite(sum(values)):
            raise BackendError("features are not finite")
        highest, exp = max(values), math.exp
        return values.index(highest), 1.0 / sum([exp(v - highest) for v in values])
