"""Y-PSNR of a ×2 luma model and of bicubic interpolation on Set5, Set14 and B100.

    EDGE_SDK_DATA=DIR python benchmarks/super_resolution.py sr_x2_y

DIR holds sr_bench/Set5, sr_bench/Set14 and sr_bench/B100. Protocol: the picture is cropped to even
sides, its BT.601 luma (studio swing, 8 bits) reduced by MATLAB-style antialiased bicubic to 8 bits,
enlarged, rounded to 8 bits, compared without a border of 2 pixels, averaged over pictures.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.data.patches import list_pictures
from edge_sdk.imaging import psnr, quantise, read_picture, resize_bicubic, rgb_to_ycbcr
from edge_sdk.zoo import resolve_model

SETS = ("Set5", "Set14", "B100")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="shipped model or .safetensors file")
    parser.add_argument("--figures", type=Path, help="JSON file to write the model's PSNR to")
    arguments = parser.parse_args()
    root = Path(os.environ["EDGE_SDK_DATA"]) / "sr_bench"
    network = resolve_model(arguments.model)
    figures = {}
    print("| set | pictures | bicubic | " + arguments.model + " |\n|---|---|---|---|")
    for name in SETS:
        pairs = [measure(luma(path), network) for path in list_pictures(root / name)]
        bicubic, ours = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
        figures[name] = round(ours, 2)
        print(f"| {name} | {len(pairs)} | {bicubic:.2f} | {ours:.2f} |")
    if arguments.figures:
        arguments.figures.write_text(json.dumps({"psnr_db": figures}, indent=2) + "\n")


def luma(path: Path) -> Tensor:
    """Luma [1, H, W] of even sides, 8 bits; a grey file is luma already."""
    picture = read_picture(path)
    y = picture.pixels[:1] if picture.metadata.grey else rgb_to_ycbcr(picture.pixels)[:1]
    height, width = (side - side % 2 for side in y.shape[-2:])
    return quantise(y[:, :height, :width])


@torch.no_grad()
def measure(truth: Tensor, network: torch.nn.Module) -> tuple[float, float]:
    """PSNR in dB of bicubic interpolation and of the network."""
    height, width = truth.shape[-2:]
    low = quantise(resize_bicubic(truth, size=(height // 2, width // 2)))
    bicubic = quantise(resize_bicubic(low, size=(height, width)))
    ours = quantise(network(low[None])[0])
    return psnr(bicubic, truth, border=2), psnr(ours, truth, border=2)


if __name__ == "__main__":
    main()
