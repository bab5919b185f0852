"""How long it takes to train a small network in full, the alternative to a new head."""

from __future__ import annotations

import time

import torch
from torch import nn

from catalog.models.resnet import resnet

PASSES = 12  # over the windows, as mcdnn compile trains by default
_SIDE_PX, _CLASSES, _BATCH, _BATCHES = 32, 3, 64, 6


def full_training_s(windows: int) -> float:
    """Train ResNet-20 on some batches, on one core, and return what so many windows and passes take.

    What comes on top of the steps is left out: reading, mirroring, validation, export.
    """
    torch.set_num_threads(1)
    model = resnet(_SIDE_PX, _CLASSES)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    labels = torch.arange(_BATCH) % _CLASSES
    took_s: list[float] = []
    for _ in range(_BATCHES):
        pixels = torch.rand(_BATCH, 3, _SIDE_PX, _SIDE_PX)
        began_s = time.perf_counter()
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(pixels), labels)
        torch.autograd.backward(loss)
        optimiser.step()
        took_s.append(time.perf_counter() - began_s)
    return sorted(took_s)[_BATCHES // 2] / _BATCH * windows * PASSES
