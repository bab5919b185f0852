"""A trunk in training that learns from a teacher: its loss, and the regressor between their features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import Batch, drawn_view, shuffled
from catalog.training.distillation import Distillation, feature_loss
from catalog.training.joint_tasks import JointTasks

UInt8 = npt.NDArray[np.uint8]
FrozenParts = Callable[[UInt8], npt.NDArray[np.float32]]

_BATCH = 32
_BATCHES = 32  # that the regressor is fitted to: features have rarely a thousand values
_RIDGE = 1e-3


class Pupil:
    """What a trunk has to learn from its teacher.

    Where features are matched and theirs are not as many as the teacher's, a linear regressor maps the
    one to the other. It is fitted to the trunk as it comes, so that it says nothing new to a trunk that
    was cut from its teacher, and trained together with it; it is no part of the trunk.

    Args:
        trunk: gives (N, D).
        distillation: from whom it learns.
        data: training windows.
        frozen: what stands before the trunk; None where it reads windows.
        views_seed: see drawn_view.
    """

    def __init__(
        self,
        trunk: nn.Module,
        distillation: Distillation,
        data: LabelledWindows,
        frozen: FrozenParts | None,
        views_seed: int,
    ) -> None:
        self._distillation = distillation
        self._regressor: nn.Module = nn.Identity()
        if distillation.feature_weight > 0.0:
            self._regressor = _regressor(trunk, distillation, data, frozen, views_seed)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield what is trained beside the trunk."""
        return self._regressor.parameters()

    def loss(
        self, label_loss: Tensor, features: Tensor, logits: Tensor, batch: Batch, tasks: JointTasks
    ) -> Tensor:
        """Return the loss of a batch whose labels alone give label_loss.

        Args:
            features: of the trunk, (N, D).
            logits: (N, C).
        """
        lesson = self._distillation.teacher(batch)
        loss = self._distillation.blended(label_loss, logits, lesson, tasks)
        weight = self._distillation.feature_weight
        if weight == 0.0:
            return loss
        return loss + weight * feature_loss(self._regressor(features), torch.from_numpy(lesson.features))


def _regressor(
    trunk: nn.Module,
    distillation: Distillation,
    data: LabelledWindows,
    frozen: FrozenParts | None,
    views_seed: int,
) -> nn.Module:
    view = drawn_view(0, data, views_seed)
    trunk.eval()
    own, taught = [], []
    for batch in islice(shuffled(data, _BATCH, np.random.default_rng(views_seed), view), _BATCHES):
        inputs = torch.from_numpy(batch.windows if frozen is None else frozen(batch.windows))
        taught.append(torch.from_numpy(distillation.teacher(batch).features))
        with torch.no_grad():
            own.append(trunk(inputs))
        if own[0].shape[1] == taught[0].shape[1]:
            return nn.Identity()
    return _fitted(torch.cat(own), torch.cat(taught))


def _fitted(own: Tensor, taught: Tensor) -> nn.Linear:
    """Return the ridge regression from features (N, D) to a teacher's (N, E), without an offset."""
    layer = nn.Linear(own.shape[1], taught.shape[1], bias=False)
    x, y = own.double(), taught.double()
    gram = x.T @ x
    ridge = _RIDGE * gram.diagonal().mean().clamp(min=1e-12) * torch.eye(len(gram), dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.linalg.solve(gram + ridge, x.T @ y).T)
    return layer
