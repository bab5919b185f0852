"""What every trainer of heads must do; a test class for each implementation inherits from it.

The fixtures train from the built catalog: `trainer` is shared by many tests, `closable` by none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from specializer.cascade_threshold import CascadeAim
from specializer.errors import NotTrainable, TrainerBroke, TrainingFailed, TrainingLate
from specializer.head_trainer import HeadTrainer, TrainingOrder, TrainingResult

PATIENCE_S = 60.0
ORDER = TrainingOrder("wide", "identity", (7, 2), 3, PATIENCE_S, CascadeAim(0.9, 0.9))


def outcome(future: Future[TrainingResult]) -> TrainingResult:
    return future.result(2.0 * PATIENCE_S)


def until(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.005)


class HeadTrainerContract:
    def test_a_head_comes_back_with_how_it_does_and_what_it_took(self, trainer: HeadTrainer) -> None:
        result = outcome(trainer.begin(ORDER))
        head = result.head
        assert head.dominant == (7, 2)
        assert head.weights.weight.shape[1] == 32
        assert len(head.weights.bias) > 2
        assert head.rates.accuracy_in > 0.9
        assert head.rates.accuracy_out > 0.9
        assert result.processor_s > 0.0
        assert 0.0 < result.took_s < PATIENCE_S

    def test_the_same_order_gives_the_same_head(self, trainer: HeadTrainer) -> None:
        first, second = (outcome(trainer.begin(ORDER)).head for _ in range(2))
        assert np.array_equal(first.weights.weight, second.weights.weight)
        assert np.array_equal(first.weights.bias, second.weights.bias)
        assert (first.weights.temperature, first.threshold) == (second.weights.temperature, second.threshold)
        assert first.rates == second.rates

    def test_a_relabelled_task_gets_a_head_of_its_own_classes(self, trainer: HeadTrainer) -> None:
        head = outcome(trainer.begin(replace(ORDER, task="parity", dominant=(1,)))).head
        assert head.dominant == (1,)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"trunk": "absent"}, "absent/identity"),
            ({"task": "absent"}, "wide/absent"),
            ({"dominant": (12,)}, r"classes \[12\]"),
            ({"dominant": (1, 1)}, "all different"),
            ({"dominant": ()}, "one or more"),
            ({"dominant": tuple(range(10))}, "no training features of other classes"),
        ],
    )
    def test_what_cannot_be_trained_is_named_and_the_next_order_is_fulfilled(
        self, trainer: HeadTrainer, change: dict[str, object], message: str
    ) -> None:
        with pytest.raises(NotTrainable, match=message):
            outcome(trainer.begin(replace(ORDER, **change)))
        assert outcome(trainer.begin(ORDER)).head.dominant == (7, 2)

    @pytest.mark.parametrize("deadline_s", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
    def test_an_order_without_time_is_late_at_once(self, trainer: HeadTrainer, deadline_s: float) -> None:
        with pytest.raises(TrainingLate):
            outcome(trainer.begin(replace(ORDER, deadline_s=deadline_s)))

    def test_several_threads_may_order(self, trainer: HeadTrainer) -> None:
        with ThreadPoolExecutor(3) as threads:
            begun = list(threads.map(lambda s: trainer.begin(replace(ORDER, seed=s)), range(3)))
        assert all(outcome(b).head.dominant == (7, 2) for b in begun)

    def test_nothing_is_under_way_after_a_close(self, closable: HeadTrainer) -> None:
        begun = [closable.begin(replace(ORDER, seed=s)) for s in range(3)]
        closable.close()
        assert all(b.done() for b in begun)
        assert all(b.exception() is None or isinstance(b.exception(), TrainingFailed) for b in begun)
        with pytest.raises(TrainerBroke, match="closed"):
            closable.begin(ORDER).result(0.0)
        closable.close()
