"""What a package may bring in one file: a network that names a class, and its task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from edge_sdk.imaging import read_picture
from edge_sdk.models import ARCHITECTURES, Architecture, Network
from edge_sdk.progress import Progress
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.configs import ConvBranchConfig
from edge_sdk.training.inputs.picture_samples import InMemory, picture_paths
from edge_sdk.training.recipe.sections import PictureSource
from edge_sdk.training.recipe.tasks import TASKS, Batch, TrainingTask


@dataclass(frozen=True)
class ClassSpec:
    architecture: str
    task: str
    input_channels: int
    size_multiple: int
    classes: int


@dataclass(frozen=True)
class TellConfig:
    classes: int = 2
    plain: bool = False
    architecture: Literal["tell_net"] = "tell_net"


class TellNet(Network):
    """A block, the mean of what it finds, and a layer for the classes."""

    def __init__(self, config: TellConfig) -> None:
        super().__init__()
        self._config = config
        self.block = (
            nn.Conv2d(3, 8, 3, padding=1)
            if config.plain
            else MultiBranchConv2d(3, 8, (ConvBranchConfig((3,)), ConvBranchConfig((1,))))
        )
        self.classes = nn.Linear(8, config.classes)

    @property
    def config(self) -> TellConfig:
        return replace(self._config, plain=not self.has_branches)

    @property
    def spec(self) -> ClassSpec:
        return ClassSpec("tell_net", "telling", 3, 1, self._config.classes)

    def forward(self, x: Tensor) -> Tensor:
        found = functional.relu(self.block(x)).mean((2, 3))
        return self.classes(functional.relu(found))


class TellTask(TrainingTask):
    """Learns whether red was taken out of a picture."""

    baseline_label = "guessing"
    baseline_name = "guessing"

    def training_set(
        self, length: int, rank: int = 0, on_progress: Progress | None = None
    ) -> Dataset[Batch]:
        side = self.data.patch_px
        pictures = self._pictures(self.data.train)
        chosen = (pictures[index % len(pictures)] for index in range(length))
        return InMemory((picture[:, :side, :side], label) for picture, label in chosen)

    def validation_set(self) -> Dataset[Batch]:
        return InMemory(self._pictures(self.data.validation))

    def loss(self, output: Tensor, wanted: Tensor, target: Tensor, *, squared: bool) -> Tensor:
        return functional.cross_entropy(output, wanted)

    def score(self, output: Tensor, target: Tensor) -> float:
        """How likely the right class is, in dB: 0 where it is certain."""
        likely = functional.log_softmax(output, 1)[0, int(target)]
        return float(10 * likely / torch.tensor(10.0).log())

    def baseline(self, source: Tensor) -> Tensor:
        return torch.zeros(1, self.spec.classes)

    def _pictures(self, source: PictureSource | None) -> list[Batch]:
        factors = torch.tensor([[1.0, 1.0, 1.0], [0.25, 1.0, 1.0]]).reshape(2, 3, 1, 1)
        pictures = (read_picture(path).pixels for path in picture_paths(source))
        return [
            (picture * factor, torch.tensor(label))
            for picture in pictures
            for label, factor in enumerate(factors)
        ]


ARCHITECTURES.register("tell_net", Architecture(TellNet, TellConfig))
TASKS.register("telling", TellTask)
