from __future__ import annotations

import numpy as np
import pytest

from catalog.training.joint_tasks import JointTasks, alone, mixed_order


def labels_of(counts: dict[tuple[int, ...], int]) -> np.ndarray:
    return np.array([row for row, count in counts.items() for _ in range(count)])


def test_outputs_follow_one_another() -> None:
    assert JointTasks((3, 2, 4), (1.0, 1.0, 1.0)).outputs == (slice(0, 3), slice(3, 5), slice(5, 9))
    assert alone(7).outputs == (slice(0, 7),)


def test_every_window_comes_once() -> None:
    labels = labels_of({(0, -1): 70, (-1, 1): 30, (1, 1): 7})
    assert sorted(mixed_order(labels, np.random.default_rng(0)).tolist()) == list(range(107))


@pytest.mark.parametrize("seed", range(4))
def test_every_batch_has_its_share_of_every_data_set(seed: int) -> None:
    labels = labels_of({(0, -1): 960, (-1, 1): 320})
    order = mixed_order(labels, np.random.default_rng(seed))
    of_second = (labels[order, 1] >= 0).reshape(-1, 32).sum(axis=1)
    assert (abs(of_second - 8) <= 1).all()


def test_the_order_is_random_within_a_data_set_and_the_same_for_a_seed() -> None:
    labels = labels_of({(0, -1): 50, (-1, 1): 50})
    one, again, other = (mixed_order(labels, np.random.default_rng(s)).tolist() for s in (1, 1, 2))
    assert one == again
    assert one != other
    first_set = [row for row in one if row < 50]
    assert first_set != sorted(first_set)
