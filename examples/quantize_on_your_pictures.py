"""Choose int8 codes from your own pictures, and convert with exactly these codes.

    python examples/quantize_on_your_pictures.py [FOLDER]

FOLDER, out by default, receives the file. Needs the extras executorch and examples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

import edge_sdk
from edge_sdk.data import example_photo
from edge_sdk.imaging import rgb_to_ycbcr

SIDE_PX = 48


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Cuts of what the model will see. Some choose the ranges, others tell what these cost.
    photos = [rgb_to_ycbcr(example_photo(name))[None, :1] for name in ("coffee", "chelsea")]
    places = [(top, left) for top in (40, 120, 200) for left in (30, 140, 250, 330)]
    cuts = [
        photo[..., top : top + SIDE_PX, left : left + SIDE_PX]
        for photo in photos
        for top, left in places
    ]
    chosen_by, measured_on = cuts[::2], cuts[1::2]

    fused, _ = edge_sdk.fuse(edge_sdk.load_model("sr_x2_y"), cuts[0])
    for observer in ("min-max", "mse"):
        made = edge_sdk.quantize(fused, cuts[0], chosen_by, observer)
        cost = edge_sdk.agreement_db(fused, made.model, measured_on)
        print(f"{observer}: {cost:.1f} dB between float32 and int8")

    # The same codes in a file: its runtime agrees with PyTorch on what int8 computes.
    path = folder / "sr_x2_y_int8.pte"
    edge_sdk.find_converter("executorch").convert(made.model, cuts[0], path, "int8")
    runner = edge_sdk.open_artifact(path)
    (name,) = runner.input_shapes
    (of_file,) = runner.run({name: measured_on[0].numpy()}).values()
    with torch.no_grad():
        of_torch = made.model(measured_on[0])
    steps = (of_torch - torch.from_numpy(of_file)).abs().max() * 255
    print(f"{path.name}: at most {float(steps):.2f} of 255 levels from PyTorch's codes")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["out"]))
