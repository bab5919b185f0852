"""A published network as a user would bring it: Chen et al., MobileFaceNets, CCBR 2018, table 1.

Written for the weights that are published for it, whose names its modules have. The network reads faces
of 112 x 96 px; windows are square, so it leaves out eight columns on either side.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

# (expansion, channels, blocks, stride of the first): table 1 of the paper.
STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
EMBEDDING = 128
COLUMNS = slice(8, 104)


class Layer(nn.Sequential):
    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        activated: bool = True,
    ) -> None:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        steps: dict[str, nn.Module] = {"conv": conv, "bn": nn.BatchNorm2d(outputs)}
        if activated:
            steps["prelu"] = nn.PReLU(outputs)
        super().__init__(OrderedDict(steps))


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.adds = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.adds else y


class MobileFaceNet(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = Layer(3, 64, 3, 2, 1)
        self.dw_conv1 = Layer(64, 64, 3, 1, 1, groups=64)
        blocks: list[nn.Module] = []
        inputs = 64
        for expansion, channels, count, stride in STAGES:
            for k in range(count):
                blocks.append(Bottleneck(inputs, channels, stride if k == 0 else 1, expansion))
                inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = Layer(inputs, 512, 1)
        self.linear7 = Layer(512, 512, (7, 6), groups=512, activated=False)
        self.linear1 = Layer(512, EMBEDDING, 1, activated=False)
        self.identity = nn.Linear(EMBEDDING, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.dw_conv1(self.conv1(x[:, :, :, COLUMNS])))
        x = self.linear1(self.linear7(self.conv2(x)))
        logits: Tensor = self.identity(x.view(x.size(0), -1))
        return logits
