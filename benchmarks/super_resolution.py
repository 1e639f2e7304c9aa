"""Y-PSNR of a luma model and of bicubic interpolation on Set5, Set14 and B100.

    EDGE_SDK_DATA=DIR python benchmarks/super_resolution.py sr_x2_y

DIR holds sr_bench/Set5, sr_bench/Set14 and sr_bench/B100. The protocol is that of
``edge-sdk evaluate`` (edge_sdk.evaluation.protocol).
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from edge_sdk.evaluation import Degradation, ModelMethod, evaluate
from edge_sdk.zoo.catalogue import load_model
from pages import head, row

SETS = ("Set5", "Set14", "B100")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="shipped model or .safetensors file")
    parser.add_argument("--figures", type=Path, help="JSON file to write the model's PSNR to")
    arguments = parser.parse_args()
    root = Path(os.environ["EDGE_SDK_DATA"]) / "sr_bench"
    network = load_model(arguments.model)
    method = ModelMethod(network, network.spec, arguments.model)
    folders = [root / name for name in SETS]
    bicubic, ours = evaluate([method], folders, Degradation(network.spec.scale))
    print(head("set", "pictures", "bicubic", arguments.model))
    for name, base, result in zip(SETS, bicubic.folders, ours.folders, strict=True):
        count = len(result.pictures)
        print(row(name, str(count), f"{base.psnr_db:.2f}", f"{result.psnr_db:.2f}"))
    if arguments.figures:
        figures = {
            name: round(result.psnr_db, 2) for name, result in zip(SETS, ours.folders, strict=True)
        }
        arguments.figures.write_text(json.dumps({"psnr_db": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
