"""The loss of tasks that train one trunk together, and how many answers were right."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from catalog.labelled_windows import UNLABELLED
from catalog.training.joint_tasks import JointTasks


def joint_cross_entropy(logits: Tensor, labels: Tensor, tasks: JointTasks) -> Tensor:
    """Return the weighted sum of each task's mean cross-entropy over the rows that it has labels for.

    A task without a label in the batch adds nothing.

    Args:
        logits: (N, sum of classes).
        labels: (N, T), UNLABELLED where there is none; or (N,) of an only task.
        tasks: whose they are.
    """
    columns = labels.reshape(len(labels), len(tasks.classes))
    losses = [
        weight * functional.cross_entropy(logits[:, outputs], column, ignore_index=UNLABELLED)
        for outputs, weight, column in zip(tasks.outputs, tasks.weights, columns.unbind(1), strict=True)
        if bool((column != UNLABELLED).any())
    ]
    return torch.stack(losses).sum() if losses else logits.sum() * 0.0


def right_answers(logits: Tensor, labels: Tensor, tasks: JointTasks) -> tuple[int, int]:
    """Return how many labels a batch was right about, and how many it had."""
    columns = labels.reshape(len(labels), len(tasks.classes))
    right = 0
    for outputs, column in zip(tasks.outputs, columns.unbind(1), strict=True):
        right += int((logits[:, outputs].argmax(1) == column).sum())
    return right, int((columns != UNLABELLED).sum())
