r"""A short training of the network for bursts on real far and near shots.

    EDGE_SDK_DATA=DIR python benchmarks/pairs_training.py \
        --table docs/measurements/pairs-training.md

The pairs are those of DIR/real_zoom/city100_iphonex, whose far shots are reduced by 2 first, since
their authors brought both to one size. Writes the tables of the page between its marks, or prints
them. The weights are thrown away.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from edge_sdk.imaging import Picture, read_picture, resize_bicubic, write_picture
from edge_sdk.pairs import PairConfig, PairSet, build_set
from edge_sdk.training.inputs.loaders import picture_loader
from edge_sdk.training.inputs.pair_store import split_scenes
from edge_sdk.training.recipe.config import (
    DataConfig,
    OptimizerConfig,
    PairsConfig,
    TrainConfig,
)
from edge_sdk.training.run.initial import take_over
from edge_sdk.training.run.module import TrainingModule
from edge_sdk.training.run.running import train
from edge_sdk.training.tasks.pictures import PictureTask
from edge_sdk.zoo.catalogue import load_model
from pages import head, page_parser, publish_between_marks, row

INIT = "burst_zoom_x2"
SCALE, HELD_OUT = 2, 5


@dataclass(frozen=True)
class Figures:
    """Of one held-out scene, where its mask counts: mean absolute error and PSNR in dB."""

    loss: float
    psnr_db: float


def main() -> None:
    parser = page_parser(__doc__, "Markdown page whose tables are replaced")
    parser.add_argument("--steps", type=int, default=200, help="optimization steps (default 200)")
    parser.add_argument("--batch", type=int, default=8, help="patches per step (default 8)")
    parser.add_argument("--rate", type=float, default=2e-4, help="learning rate (default 2e-4)")
    parser.add_argument("--set", type=Path, help="folder that the set is kept in, to go on from")
    arguments = parser.parse_args()
    data = os.environ.get("EDGE_SDK_DATA")
    if data is None:
        parser.error("set EDGE_SDK_DATA to the folder of the data sets")
    with tempfile.TemporaryDirectory() as place:
        kept = arguments.set or Path(place)
        made = real_set(Path(data) / "real_zoom" / "city100_iphonex", kept)
        recipe = short_recipe(kept / "set", arguments)
        text = "\n".join(measured(made, recipe, Path(place) / "run"))
    publish_between_marks(text, arguments.table)


def real_set(shots: Path, place: Path) -> PairSet:
    """The set of the pairs, their far shots reduced by 2; near shots stay as they are."""
    far, near = place / "far", place / "near"
    for folder in (far, near):
        folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(shots.glob("*L.webp")):
        name = path.stem[:-1]
        reduced, linked = far / f"{name}.png", near / f"{name}.webp"
        if not reduced.is_file():
            pixels = read_picture(path).pixels
            size = (pixels.shape[-2] // SCALE, pixels.shape[-1] // SCALE)
            write_picture(Picture(resize_bicubic(pixels, size=size).clamp(0, 1)), reduced)
        if not linked.is_symlink():
            linked.symlink_to(path.with_name(f"{name}H.webp").resolve())
    return build_set(far, near, place / "set", PairConfig(scale=SCALE))


def short_recipe(folder: Path, arguments: argparse.Namespace) -> TrainConfig:
    return TrainConfig(
        model=load_model(INIT).config,
        init=INIT,
        data=DataConfig(
            pairs=PairsConfig(train=folder, held_out=HELD_OUT), patch_px=48, batch=arguments.batch
        ),
        optimizer=OptimizerConfig(
            steps=arguments.steps,
            learning_rate=arguments.rate,
            warmup_steps=arguments.steps // 10,
            ema_decay=0.98,
        ),
        # One validation, at the end: nothing is chosen by the scenes that are held out.
        validate_every=arguments.steps,
    )


def measured(made: PairSet, recipe: TrainConfig, out: Path) -> list[str]:
    """Figures on the scenes that are held out, before and after."""
    module = TrainingModule(recipe)
    take_over(module.network, INIT)
    pairs = recipe.data.pairs
    assert pairs is not None
    parts = split_scenes(pairs, SCALE, recipe.data.patch_px, module.network.spec.halo_px)
    trained, held_out = ([scene.name for scene in part.scenes] for part in parts)
    bicubic, before = figures(recipe, module, bicubic=True), figures(recipe, module)
    train(recipe, out, progress=False)
    take_over(module.network, str(out / "model.safetensors"))
    after = figures(recipe, module)
    optimizer = recipe.optimizer
    lines = [
        f"City100 (iPhone X; research only), far shots reduced by {SCALE}: {made.accepted} of "
        f"{len(made.scenes)} pairs accepted, {len(trained)} to train on, "
        f"{len(held_out)} held out; {optimizer.steps} steps of {recipe.data.batch} patches of "
        f"{recipe.data.patch_px} px from `{INIT}`, rate {optimizer.learning_rate:g}, seed "
        f"{recipe.seed}.",
        "",
        head(
            *("held-out scene", "loss before", "after"),
            *("PSNR before, dB", "after", "reference, bicubic"),
        ),
    ]
    rows = zip(held_out, before, after, bicubic, strict=True)
    lines += [scene_row(name, *found) for name, *found in rows]
    return [*lines, scene_row("mean", *(mean(part) for part in (before, after, bicubic)))]


@torch.no_grad()
def figures(recipe: TrainConfig, module: TrainingModule, *, bicubic: bool = False) -> list[Figures]:
    module.eval()
    task = module.task
    assert isinstance(task, PictureTask)
    found = []
    for source, target in picture_loader(recipe):
        output = task.baseline(source) if bicubic else module.network(source)
        loss = task.compared(output - target, target).abs().mean()
        found.append(Figures(float(loss), task.score(output, target)))
    return found


def mean(parts: list[Figures]) -> Figures:
    return Figures(
        statistics.mean(part.loss for part in parts), statistics.mean(p.psnr_db for p in parts)
    )


def scene_row(name: str, before: Figures, after: Figures, bicubic: Figures) -> str:
    losses = (f"{each.loss:.5f}" for each in (before, after))
    levels = (f"{each.psnr_db:.2f}" for each in (before, after, bicubic))
    return row(name, *losses, *levels)


if __name__ == "__main__":
    main()
