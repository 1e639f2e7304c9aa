"""Add an architecture from outside the package: train, fuse and convert it like any other.

    python examples/add_an_architecture.py [FOLDER, by default out]

Needs the extras train, tflite and examples.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

import edge_sdk
from edge_sdk.data import example_photo
from edge_sdk.models import ARCHITECTURES, Architecture, Color, PictureNetwork, PictureSpec
from edge_sdk.reparam import ConvBranchConfig, MultiBranchConv2d
from edge_sdk.training import TrainConfig


@dataclass(frozen=True)
class OneLayerConfig:  # what a model file holds, to build the network anew
    fused: bool = False
    architecture: Literal["one_layer"] = "one_layer"


class OneLayer(PictureNetwork):  # one block of branches, added to the picture
    def __init__(self, config: OneLayerConfig) -> None:
        super().__init__()
        plain, branches = nn.Conv2d(3, 3, 5, padding=2), map(ConvBranchConfig, [(5,), (3,), (1,)])
        self.change = plain if config.fused else MultiBranchConv2d(3, 3, tuple(branches))

    config = property(lambda self: OneLayerConfig(fused=not self.has_branches))
    spec = property(lambda self: PictureSpec("one_layer", "denoising", 1, Color.RGB, 1, halo_px=2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


ARCHITECTURES.register("one_layer", Architecture(OneLayer, OneLayerConfig))


def main(folder: Path) -> None:
    photos = {"folder": folder / "photos"}
    photos["folder"].mkdir(parents=True, exist_ok=True)
    picture = edge_sdk.Picture(example_photo("coffee")[:, 100:228, 200:360])
    edge_sdk.write_picture(picture, photos["folder"] / "coffee.png")
    data = {"train": photos, "validation": photos, "noise": {"sigma": [25, 25]}, "patch_px": 32}
    steps = {"steps": 200, "learning_rate": 0.01, "warmup_steps": 9, "ema_decay": 0.9}
    recipe = {"model": {"architecture": "one_layer"}, "data": data, "optimizer": steps}
    made = edge_sdk.train(TrainConfig.model_validate(recipe), folder / "run", progress=False)
    edge_sdk.convert(made.path, "tflite", folder / "one_layer.tflite", size=(64, 64))
    print(f"noisy {made.baseline_db:.1f} dB, by one convolution of 5×5 {made.psnr_db:.1f} dB")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["out"]))
