from __future__ import annotations

import torch
from torch.nn import functional

from catalog.training.joint_loss import joint_cross_entropy, right_answers
from catalog.training.joint_tasks import JointTasks, alone

TASKS = JointTasks((3, 2), (1.0, 0.5))


def logits(rows: int) -> torch.Tensor:
    return torch.randn(rows, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)


def test_a_window_counts_only_for_the_tasks_that_it_has_labels_for() -> None:
    x = logits(4)
    labels = torch.tensor([[2, -1], [0, 1], [-1, 0], [-1, -1]])
    expected = functional.cross_entropy(x[[0, 1], :3], torch.tensor([2, 0])) + 0.5 * functional.cross_entropy(
        x[[1, 2], 3:], torch.tensor([1, 0])
    )
    loss = joint_cross_entropy(x, labels, TASKS)
    torch.testing.assert_close(loss, expected)
    torch.autograd.backward([loss])
    assert x.grad is not None
    assert not x.grad[0, 3:].any() and not x.grad[2, :3].any() and not x.grad[3].any()
    assert x.grad[0, :3].all() and x.grad[2, 3:].all()


def test_a_task_without_a_label_in_the_batch_adds_nothing() -> None:
    x = logits(2)
    labels = torch.tensor([[1, -1], [2, -1]])
    torch.testing.assert_close(
        joint_cross_entropy(x, labels, TASKS), functional.cross_entropy(x[:, :3], labels[:, 0])
    )
    nothing = joint_cross_entropy(x, torch.full((2, 2), -1), TASKS)
    torch.autograd.backward([nothing])
    assert nothing.item() == 0.0


def test_for_one_task_it_is_cross_entropy_to_the_last_bit() -> None:
    x, labels = logits(6), torch.tensor([0, 1, 2, 3, 4, 0])
    assert torch.equal(joint_cross_entropy(x, labels, alone(5)), functional.cross_entropy(x, labels))


def test_right_answers_are_counted_among_the_classes_of_each_task() -> None:
    x = torch.tensor([[0.0, 1.0, 0.0, 9.0, 0.0], [5.0, 0.0, 0.0, 0.0, 1.0]])
    assert right_answers(x, torch.tensor([[1, 0], [1, -1]]), TASKS) == (2, 3)
