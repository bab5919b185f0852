"""Modules as users write them: some that can be made a trunk of, and some that cannot."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Residual(nn.Module):
    """Functional activations, a residual sum, dropout and view."""

    def __init__(self, classes: int = 4, size_px: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.layer1 = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.layer2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.layer3 = nn.Conv2d(16, 16, 3, padding=1)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(16 * (size_px // 4) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        x = functional.relu(x + self.norm(self.layer1(x)))
        x = functional.relu(self.layer2(x))
        x = functional.max_pool2d(functional.relu(self.layer3(x)), 2)
        x = self.drop(x.view(x.size(0), -1))
        logits: Tensor = self.fc(x)
        return logits


class TwoStreams(nn.Module):
    """Two streams from the pixels to the last layer: more than one tensor crosses everywhere."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.left = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
        self.right = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU())
        self.fc = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        streams = [self.left(x).mean((2, 3)), self.right(x).mean((2, 3))]
        logits: Tensor = self.fc(torch.cat(streams, 1))
        return logits


class Small(nn.Module):
    """What the modules that cannot be taken apart share."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 4)

    def features(self, x: Tensor) -> Tensor:
        means: Tensor = self.conv(x).mean((2, 3))
        return means


class NotFinite(Small):
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(x) * float("nan"))
        return logits


class WithSoftmax(Small):
    def forward(self, x: Tensor) -> Tensor:
        return functional.softmax(self.fc(self.features(x)), 1)


class UsedTwice(Small):
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(functional.relu(self.fc(self.features(x))))
        return logits


class EveryPosition(Small):
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.conv(x).permute(0, 2, 3, 1))
        return logits


class NoLinear(Small):
    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


class Dictionary(Small):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": self.fc(self.features(x))}


class TwoInputs(Small):
    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(x * mask))
        return logits


class Undecided(Small):
    """Chooses by the values that it sees, which no graph can."""

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        logits: Tensor = self.fc(features if features.mean() > 0 else -features)
        return logits


class Narrow(Small):
    """Reads one plane, whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(x))
        return logits


def sequential(classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
    )


class AsideLinear(Small):
    """Runs another linear layer after the one that gives its output."""

    def __init__(self) -> None:
        super().__init__()
        self.aside = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(x))
        self.aside(logits)
        return logits


def wanting(colours: int) -> nn.Module:
    return nn.Conv2d(colours, 1, 1)


def nothing() -> None:
    return None
