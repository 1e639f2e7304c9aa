"""What a package may bring in one file: a network for pictures, a task, a runtime, a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from edge_sdk.emulate.runtimes.executorch import ExecuTorchRunner
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.html.page import Section as PageSection
from edge_sdk.html.page import page, paragraph
from edge_sdk.models import ARCHITECTURES, Architecture, Color, PictureNetwork, PictureSpec
from edge_sdk.progress import Progress
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.configs import BranchConfig, ConvBranchConfig
from edge_sdk.report.kinds import REPORTS, Report
from edge_sdk.training.inputs.picture_samples import InMemory, picture_patches, whole_pictures
from edge_sdk.training.recipe.sections import Section
from edge_sdk.training.recipe.tasks import TASKS, Batch
from edge_sdk.training.tasks.pictures import PictureTask


@dataclass(frozen=True)
class TintConfig:
    channels: int = 4
    branches: tuple[BranchConfig, ...] | None = (ConvBranchConfig((3,)), ConvBranchConfig((1,)))
    architecture: Literal["tint_net"] = "tint_net"


class TintNet(PictureNetwork):
    """Two blocks around an activation, and the picture added."""

    def __init__(self, config: TintConfig) -> None:
        super().__init__()
        self._config = config
        self.first = _block(3, config.channels, config)
        self.last = _block(config.channels, 3, config)

    @property
    def config(self) -> TintConfig:
        return self._config if self.has_branches else replace(self._config, branches=None)

    @property
    def spec(self) -> PictureSpec:
        return PictureSpec("tint_net", "tinting", 1, Color.RGB, size_multiple=1, halo_px=2)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.last(functional.relu(self.first(x)))
        return x + change


def _block(before: int, after: int, config: TintConfig) -> nn.Module:
    if config.branches is None:
        return nn.Conv2d(before, after, 3, padding=1)
    return MultiBranchConv2d(before, after, config.branches, collapsed=True)


class TintOptions(Section):
    red: float = Field(0.5, ge=0, le=1, description="factor of red")


class Tinted(Dataset[Batch]):
    """Pictures beside the same with less red."""

    def __init__(self, pictures: Dataset[Batch], red: float) -> None:
        self._pictures = pictures
        self._factor = torch.tensor([red, 1.0, 1.0]).reshape(3, 1, 1)

    def __len__(self) -> int:
        return len(self._pictures)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Batch:
        _, picture = self._pictures[index]
        return picture, picture * self._factor


class TintTask(PictureTask):
    """Takes red out of pictures."""

    options_type = TintOptions

    def training_set(
        self, length: int, rank: int = 0, on_progress: Progress | None = None
    ) -> Dataset[Batch]:
        return Tinted(picture_patches(self.data, self.spec, length, self.seed), self.options.red)

    def validation_set(self) -> Dataset[Batch]:
        pictures = InMemory(whole_pictures(self.data, self.spec, self.seed))
        return Tinted(pictures, self.options.red)


class LoudRunner(ExecuTorchRunner):
    """ExecuTorch that writes down that it ran."""

    opened: ClassVar[list[Path]] = []

    def __init__(self, path: Path, *, trial: bool = True) -> None:
        self.opened.append(path)
        super().__init__(path, trial=trial)


@dataclass(frozen=True)
class TintSummary:
    network: TintNet


def tint_report(summary: TintSummary) -> str:
    text = paragraph(f"{summary.network.config.channels} channels")
    return page("Tint", ("What became of red.",), [PageSection("Network", (text,))])


ARCHITECTURES.register("tint_net", Architecture(TintNet, TintConfig))
TASKS.register("tinting", TintTask)
RUNTIMES.register("loud", Runtime(LoudRunner, ".pte", "executorch", on_request=True))
REPORTS.register("tint", Report(TintSummary, tint_report))
