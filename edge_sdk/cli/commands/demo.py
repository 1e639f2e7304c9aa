"""Command ``demo``: burst zoom on a simulated burst of a real photograph, measured and pictured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_sdk.cli.shared.console import out, plain, print_json, print_table, progress_bars
from edge_sdk.errors import OutputError


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for zoom.png and comparison.png.")
    ] = Path("out"),
    photo: Annotated[
        str, typer.Option(help="coffee, astronaut, chelsea, rocket, or a file of your own.")
    ] = "coffee",
    frames: Annotated[int, typer.Option(help="Number of frames.")] = 10,
    noise: Annotated[float, typer.Option(help="Noise of a frame, in 8-bit levels.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Seed of motion and noise.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Simulate a hand-held burst of a photograph, zoom it ×2 and compare with the truth.

    Writes zoom.png and comparison.png, and prints PSNR and SSIM of bicubic interpolation, of the
    average of perfectly aligned frames, and of ours.
    """
    from edge_sdk.burst import zoom
    from edge_sdk.burst.converted.by_name import DEFAULT_MODEL
    from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
    from edge_sdk.data.probes.examples import PHOTOS, example_photo
    from edge_sdk.evaluation.bursts import compare_with_truth, comparison_picture
    from edge_sdk.imaging import Picture, read_picture, write_picture
    from edge_sdk.outputs import after_writing
    from edge_sdk.zoo.networks import burst_network

    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file; give a folder")
    pixels = example_photo(photo) if photo in PHOTOS else read_picture(photo).pixels
    burst = simulate_burst(pixels, CameraConfig(frames=frames, noise_std=noise / 255, seed=seed))
    with progress_bars() as progress:
        result = zoom(burst.frames, burst_network(DEFAULT_MODEL, 2), on_progress=progress)
    scores = compare_with_truth(burst, result)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot be created ({error.strerror})") from error
    zoomed = write_picture(Picture(result.pixels), output / "zoom.png").path
    with after_writing(zoomed):
        sheet = write_picture(comparison_picture(scores), output / "comparison.png").path
    if as_json:
        figures = {score.name: {"psnr_db": score.psnr_db, "ssim": score.ssim} for score in scores}
        print_json(
            {"figures": figures, "seconds": plain(result.seconds), "pictures": [zoomed, sheet]}
        )
        return
    measured = [score for score in scores if score.name != "truth"]
    base = measured[0].psnr_db
    rows = [
        (score.name, f"{score.psnr_db:.2f}", f"{score.psnr_db - base:+.2f}", f"{score.ssim:.4f}")
        for score in measured
    ]
    height, width = burst.frames.shape[-2:]
    title = f"{photo}: {frames} frames of {width}×{height} px, noise {noise:g}/255, ×2"
    print_table(title, ("method", "PSNR (dB)", "gain (dB)", "SSIM"), rows, emphasize=len(rows) - 1)
    stages = " · ".join(f"{name} {seconds:.2f} s" for name, seconds in result.seconds.items())
    out.print(f"reference frame {result.reference}, {result.used} frames used · {stages}")
    out.print(f"wrote {zoomed} and {sheet}")
