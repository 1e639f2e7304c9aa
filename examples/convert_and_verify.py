"""Convert a shipped model, run the file in its runtime, and check what it computes.

    python examples/convert_and_verify.py [FOLDER]

FOLDER, out by default, receives the file. Needs the extras tflite and examples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import edge_sdk
from edge_sdk.data import example_photo
from edge_sdk.imaging import rgb_to_ycbcr


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = edge_sdk.convert("sr_x2_y", "tflite", folder / "sr_x2_y.tflite", size=(64, 64))
    report = made.report
    print(f"wrote {made.path}: {report.size_bytes} bytes, operators {dict(report.operators)}")

    # The chain: PyTorch, the fused network, the file; each against the first, on photographs.
    parity = edge_sdk.verify("sr_x2_y", [made.path])
    for row in parity.rows:
        print(f"{row.step}: {row.psnr_db:.1f} dB, worst picture {row.worst_db:.1f} dB")
    print("passed" if parity.passed else "MISSED")

    # The same file by itself: arrays by name in, arrays by name out.
    runner = edge_sdk.open_artifact(made.path)
    luma = rgb_to_ycbcr(example_photo("chelsea")[:, 100:164, 150:214])[:1]
    (name,) = runner.input_shapes
    (output,) = runner.run({name: luma[None].numpy()}).values()
    print(f"{runner.info.runtime} made {output.shape} of {tuple(luma[None].shape)}")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["out"]))
