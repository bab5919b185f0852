"""Learning from a larger trunk's answers besides the labels.

Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, section 2: the student
matches the teacher's probabilities at a raised temperature T, weighted by T^2 so that their gradients
keep their size whatever T is, together with the labels at temperature 1. The teacher sees exactly the
window that the student sees, also where that shows two things (see mixture.py; Beyer et al., Knowledge
distillation: a good teacher is patient and consistent, CVPR 2022, section 3.1). Where features are
matched, the angle between the student's and the teacher's counts besides (Romero et al., FitNets, ICLR
2015, section 2.2, with a linear regressor where sizes differ): that tells of windows without labels,
too, all that the teacher sees in them.
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


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a teacher says about a batch of N windows.

    Args:
        features: (N, D) of its trunk.
        logits: (N, C), with the classes of all tasks that train together in order.
    """

    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]


class Teacher(Protocol):
    """Says what it sees in windows that a student is shown."""

    def __call__(self, batch: Batch) -> Lesson:
        """Return the lesson of a batch."""


@dataclass(frozen=True, slots=True)
class Distillation:
    """What is learned from whom.

    Args:
        teacher: of each batch.
        temperature: T, at which the answers are compared.
        share: of the teacher's answers in the loss, in [0, 1]; the rest is the labels'.
        feature_weight: of the loss of features, see feature_loss, which is added; 0 to match answers alone.
    """

    teacher: Teacher
    temperature: float = TEMPERATURE
    share: float = TAUGHT_SHARE
    feature_weight: float = 0.0

    def blended(self, label_loss: Tensor, logits: Tensor, lesson: Lesson, tasks: JointTasks) -> Tensor:
        """Return the loss of a student whose labels alone give label_loss and whose logits are (N, C)."""
        import torch

        soft = soft_target_loss(logits, torch.from_numpy(lesson.logits), tasks, self.temperature)
        return (1.0 - self.share) * label_loss + self.share * soft


def feature_loss(features: Tensor, taught: Tensor) -> Tensor:
    """Return 1 - cos of the angle between features (N, D) and those of a teacher, mean over the rows."""
    from torch.nn import functional

    return 1.0 - functional.cosine_similarity(features, taught).mean()


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
