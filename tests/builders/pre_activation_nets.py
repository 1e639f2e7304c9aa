"""Residual networks with BatchNorm and ReLU before each convolution, in several hands."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = (8, 12, 16, 20)


def before(channels: int, conv: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True), conv)


class Block(nn.Module):
    """1×1, 3×3, 1×1; the first of a stage halves the picture, beside BatchNorm and 1×1."""

    def __init__(self, inside: int, out: int, first: bool) -> None:
        super().__init__()
        middle, stride = out // 2, 2 if first else 1
        self.a = before(inside, nn.Conv2d(inside, middle, 1, bias=False))
        self.b = before(middle, nn.Conv2d(middle, middle, 3, stride, 1, bias=False))
        self.c = before(middle, nn.Conv2d(middle, out, 1, bias=False))
        self.residual = nn.Sequential()
        if first:
            self.residual.append(nn.BatchNorm2d(inside))
            self.residual.append(nn.Conv2d(inside, out, 1, stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.c(self.b(self.a(x)))


def staged(blocks: int = 2, stages: tuple[int, ...] = STAGES, classes: int = 5) -> nn.Sequential:
    """Stem, stages of blocks, BatchNorm, ReLU, mean over the picture, linear head."""
    parts: list[nn.Module] = [nn.Conv2d(3, stages[0], 3, padding=1)]
    width = stages[0]
    for out in stages:
        parts += [Block(width if index == 0 else out, out, index == 0) for index in range(blocks)]
        width = out
    head = (nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*parts, *head, nn.Linear(width, classes))


class FunctionalBlock(nn.Module):
    """As in public repositories: the shortcut reads what the first ReLU returns."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inside), nn.Conv2d(inside, out, 3, stride, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(out), nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.shortcut = None
        if stride > 1 or inside != out:
            self.shortcut = nn.Conv2d(inside, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(out)
        out = self.conv1(out)
        out = self.conv2(F.relu(self.bn2(out), inplace=True))
        out += shortcut
        return out


class Functional(nn.Module):
    """A stem that pools, functional activations, ``+=``, and ``view`` before the head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.pool = nn.Conv2d(3, 8, 5, 2, 2, bias=False), nn.MaxPool2d(3, 2, 1)
        self.layers = nn.ModuleList(
            [FunctionalBlock(8, 8, 1), FunctionalBlock(8, 12, 2), FunctionalBlock(12, 12, 1)]
        )
        self.bn, self.head = nn.BatchNorm2d(12), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        for layer in self.layers:
            x = layer(x)
        x = F.adaptive_avg_pool2d(torch.relu(self.bn(x)), 1)
        return self.head(x.view(x.size(0), -1))


@torch.no_grad()
def positive(model: nn.Module, seed: int = 0) -> nn.Module:
    """Statistics as training leaves them, and every γ above 0; returns the model, in evaluation."""
    generator = torch.Generator().manual_seed(seed)
    for part in model.modules():
        if not isinstance(part, nn.modules.batchnorm._BatchNorm) or part.running_mean is None:
            continue
        part.running_mean.normal_(0, 0.5, generator=generator)
        part.running_var.uniform_(0.3, 2, generator=generator)
        if part.affine:
            part.weight.uniform_(0.3, 1.5, generator=generator)
            part.bias.normal_(0, 0.5, generator=generator)
    return model.eval()


def norms_of(model: nn.Module) -> list[nn.Module]:
    """BatchNorms of any rank that a model holds."""
    return [part for part in model.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
