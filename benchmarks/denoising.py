"""PSNR of a denoising model and of the noisy pictures on Kodak24 at several strengths of noise.

    EDGE_SDK_DATA=DIR python benchmarks/denoising.py denoise_rgb

DIR holds kodak24. The protocol is that of ``edge-sdk evaluate --sigma``: noise in floating point,
neither clipped nor rounded, the result in 8 bits, all three channels, no border left out.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from edge_sdk.evaluation import Degradation, ModelMethod, evaluate
from edge_sdk.zoo.networks import fused_by_name
from pages import head, row

SIGMAS = (15.0, 25.0, 50.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="shipped model or .safetensors file")
    parser.add_argument("--sigmas", type=float, nargs="+", default=SIGMAS, help="in 8-bit levels")
    parser.add_argument("--figures", type=Path, help="JSON file to write the model's PSNR to")
    arguments = parser.parse_args()
    folder = Path(os.environ["EDGE_SDK_DATA"]) / "kodak24"
    network = fused_by_name(arguments.model)
    method = ModelMethod(network, network.spec, arguments.model)
    found = {}
    print(head("σ", "noisy", arguments.model))
    for sigma in arguments.sigmas:
        noisy, ours = evaluate([method], [folder], Degradation(1, sigma))
        found[sigma] = ours.folders[0].psnr_db
        print(row(f"{sigma:g}", f"{noisy.folders[0].psnr_db:.2f}", f"{found[sigma]:.2f}"))
    if arguments.figures:
        figures = {f"Kodak24 σ{sigma:g}": round(value, 2) for sigma, value in found.items()}
        arguments.figures.write_text(
            json.dumps({"psnr_db": figures}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
