"""Learning from a larger trunk's answers besides the labels.

Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, section 2: the student
matches the teacher's probabilities at a raised temperature T, weighted by T^2 so that their gradients
keep their size whatever T is, together with the labels at temperature 1. The teacher sees exactly the
window that the student sees (Beyer et al., Knowledge distillation: a good teacher is patient and
consistent, CVPR 2022, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from catalog.training.batches import Batch
from catalog.training.joint_tasks import JointTasks

if TYPE_CHECKING:
    from torch import Tensor

TEMPERATURE = 4.0
TAUGHT_SHARE = 0.7


class Teacher(Protocol):
    """Answers for windows that a student is shown."""

    def __call__(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Return logits (N, C), with the classes of all tasks that train together in order."""


@dataclass(frozen=True, slots=True)
class Distillation:
    """What is learned from whom.

    Args:
        teacher: answers for each batch.
        temperature: T, at which the answers are compared.
        share: of the teacher in the loss, in [0, 1]; the rest is the labels'.
    """

    teacher: Teacher
    temperature: float = TEMPERATURE
    share: float = TAUGHT_SHARE

    def blended(self, label_loss: Tensor, logits: Tensor, batch: Batch, tasks: JointTasks) -> Tensor:
        """Return the loss of a student whose labels alone give label_loss and whose logits are (N, C)."""
        import torch

        taught = torch.from_numpy(self.teacher(batch))  # (N, C)
        soft = soft_target_loss(logits, taught, tasks, self.temperature)
        return (1.0 - self.share) * label_loss + self.share * soft


def soft_target_loss(logits: Tensor, taught: Tensor, tasks: JointTasks, temperature: float) -> Tensor:
    """Return T^2 times the divergence of a student's probabilities at temperature T from its teacher's.

    It is the Kullback-Leibler divergence, mean over the rows; each task's probabilities are its own and
    count with its weight, also for windows that have no label for it.

    Args:
        logits: of the student, (N, C).
        taught: of the teacher, (N, C).
        tasks: whose the C outputs are.
        temperature: T.
    """
    import torch
    from torch.nn import functional

    losses = [
        weight
        * functional.kl_div(
            functional.log_softmax(logits[:, outputs] / temperature, dim=1),
            functional.log_softmax(taught[:, outputs] / temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        for outputs, weight in zip(tasks.outputs, tasks.weights, strict=True)
    ]
    return temperature**2 * torch.stack(losses).sum()
