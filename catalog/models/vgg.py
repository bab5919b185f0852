"""Plain deep networks with fully connected layers: Simonyan and Zisserman, ICLR 2015, section 2.1.

Stages of 3x3 convolutions with batch normalisation, each ended by max-pooling that halves the maps,
then a fully connected layer of features. A quarter of the paper's channels, for small windows.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from catalog.models.convolutions import normalised_convolution, scaled_channels, scaled_count

# (channels, convolutions) at full width and depth: the paper's configuration B with a quarter of the
# channels; a window too small for the last stages does without them.
STAGES = ((16, 2), (32, 2), (64, 2), (128, 2), (128, 2))
FEATURES = 256
_SMALLEST_LAST_SIDE = 2
_DROPPED = 0.5


class Vgg(nn.Module):
    """Normalised planes (N, P, S, S) -> logits (N, C)."""

    def __init__(self, stages: list[nn.Module], connected: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.connected = connected
        self.head = head

    def trunk_parts(self) -> list[nn.Module]:
        """Return what comes before the linear layer: stage by stage, the last with what is connected."""
        return [*self.stages[:-1], nn.Sequential(self.stages[-1], self.connected)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch."""
        for part in self.trunk_parts():
            x = part(x)
        logits: Tensor = self.head(x)
        return logits


def vgg(
    size_px: int,
    classes: int,
    width: float = 1.0,
    depth: float = 1.0,
    first_width: float | None = None,
    features: int = FEATURES,
    planes: int = 3,
) -> Vgg:
    """Build a plain network with fresh weights.

    Args:
        size_px: side of its windows.
        classes: of its last linear layer.
        width: share of its channels.
        depth: share of the convolutions of each stage.
        first_width: share of the channels of the first stage, where that differs from width.
        features: of the fully connected layer at full width.
        planes: of its input.
    """
    stages = _stages_for(size_px)
    shares = [width if first_width is None else first_width, *[width] * (len(stages) - 1)]
    channels = [planes, *(scaled_channels(c, s) for (c, _), s in zip(stages, shares, strict=True))]
    built = [
        _stage(a, b, scaled_count(count, depth))
        for (a, b), (_, count) in zip(pairwise(channels), stages, strict=True)
    ]
    side = size_px // 2 ** len(stages)
    wide = scaled_channels(features, width)
    layer = nn.Linear(channels[-1] * side * side, wide)
    connected = nn.Sequential(nn.Flatten(), layer, nn.ReLU(), nn.Dropout(_DROPPED))
    return Vgg(built, connected, nn.Linear(wide, classes))


def _stages_for(size_px: int) -> tuple[tuple[int, int], ...]:
    """Return the stages that leave maps of two positions a side or more."""
    count = len(STAGES)
    while count > 1 and size_px // 2**count < _SMALLEST_LAST_SIDE:
        count -= 1
    return STAGES[:count]


def _stage(inputs: int, outputs: int, convolutions: int) -> nn.Module:
    first = normalised_convolution(inputs, outputs)
    others = (normalised_convolution(outputs, outputs) for _ in range(convolutions - 1))
    return nn.Sequential(first, *others, nn.MaxPool2d(2))
