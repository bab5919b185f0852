"""How long and how fast to train, and how far training is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """A plan for one training.

    Args:
        epochs: passes over the training windows.
        peak_rate: highest learning rate of the one cycle (Smith and Topin, Super-Convergence, 2019).
        batch: windows a step.
        weight_decay: of AdamW (Loshchilov and Hutter, ICLR 2019).
    """

    epochs: int
    peak_rate: float = 4e-3
    batch: int = 32
    weight_decay: float = 0.05


@dataclass(frozen=True, slots=True)
class Progress:
    """How one epoch went, over the varied training windows.

    Args:
        epoch: the one that ended, 1 to epochs.
        epochs: of the whole training.
        loss: mean of what was minimised, nats: cross-entropy, or what distillation makes of it.
        accuracy: share of right answers while training, in [0, 1].
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
