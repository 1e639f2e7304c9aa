"""Train by a recipe that is written in Python: a shipped network goes on with pictures of yours.

    python examples/train_by_a_recipe.py [FOLDER]

FOLDER, out by default, receives the pictures and the run. Needs the extras train and examples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import edge_sdk
from edge_sdk.data import example_photo
from edge_sdk.training import TrainConfig


def main(folder: Path) -> None:
    for name, photo in (("train", "coffee"), ("validation", "chelsea")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        picture = edge_sdk.Picture(example_photo(photo)[:, 60:220, 100:300])
        edge_sdk.write_picture(picture, folder / name / f"{photo}.png")

    # The keys are those of a recipe in YAML; whatever is wrong is said before anything is computed.
    recipe = TrainConfig.model_validate(
        {
            "model": {"scale": 2, "color": "y", "activation": "leaky_relu"},
            "init": "sr_x2_y",
            "data": {
                "train": {"folder": folder / "train"},
                "validation": {"folder": folder / "validation"},
                "patch_px": 32,
                "batch": 4,
            },
            "optimizer": {"steps": 20, "learning_rate": 1.0e-4, "warmup_steps": 5},
            "validate_every": 10,
        }
    )
    result = edge_sdk.train(recipe, folder / "run", overwrite=True, progress=False)
    print(f"{result.steps} steps: {result.psnr_db:.2f} dB; bicubic {result.baseline_db:.2f} dB")

    # What came out is a model like any other: fused, it enhances pictures.
    for enhanced in edge_sdk.enhance(folder / "validation", folder / "enhanced", result.path):
        print(f"wrote {enhanced.path}, {enhanced.width}×{enhanced.height} px")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["out"]))
