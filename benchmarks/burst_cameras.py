"""Burst zoom with cameras that nobody trained for: lenses, reductions, noise and light.

    EDGE_SDK_DATA=DIR python benchmarks/burst_cameras.py --table docs/measurements/burst-cameras.md

DIR holds kodak24/ and video_burst/vid4_calendar/. ``--quick`` measures 24 cameras on 2 pictures in
some minutes, without it 144 on 8. Every finished burst is written to ``--results``, so that the
command goes on where it was stopped. Everything is seeded.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor, nn

from cameras.camera import Camera, Taken, kodak_part, reduced, take
from cameras.cells import LIGHTS, all_cells, named, quick_cells
from edge_sdk.burst import ZoomConfig, enlarge_single, zoom
from edge_sdk.imaging import psnr, read_picture, resize_bicubic
from edge_sdk.zoo.catalogue import model_path
from edge_sdk.zoo.fused_form import digest_of
from edge_sdk.zoo.networks import burst_network
from pages import head, page_parser, publish, row
from photographs import data_folder, kodak_paths

BORDER_PX = 8
METHODS = ("edge-sdk", "without a network", "one frame", "bicubic")
Scores = dict[str, float]


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="24 cameras on 2 pictures")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("runs/burst-cameras.json"),
        help="file of finished bursts [runs/burst-cameras.json]",
    )
    arguments = parser.parse_args()
    cells = quick_cells() if arguments.quick else all_cells()
    pictures = kodak_paths()[1::12] if arguments.quick else kodak_paths()[1::3]
    measured = Measured(arguments.results)
    rows: dict[Camera, list[Scores]] = {}
    for camera in cells:
        rows[camera] = [measured.of(path, camera) for path in pictures]
    name = ", ".join(path.stem for path in pictures)
    quick = " --quick" if arguments.quick else ""
    text = [HEAD.format(count=len(pictures), names=name, quick=quick)]
    text += [*cell_table(rows), *light_table(rows)]
    text += ["", *video_table(measured), READING]
    publish("\n".join(text), arguments.table, always_print=True)


class Measured:
    """Bursts that were measured, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Scores] = json.loads(path.read_text()) if path.is_file() else {}
        names = "burst_zoom_x2", "sr_x2_y"
        self._networks = burst_network(names[0], 2), burst_network(names[1], 2)
        # Other weights give other figures.
        self._weights = " ".join(digest_of(model_path(name))[:8] for name in names)

    def of(self, path: Path, camera: Camera) -> Scores:
        """PSNR of each method in dB, of one burst."""
        noise = f"{camera.noise:g} {camera.colored} {camera.light}"
        key = f"{self._weights} / {path.stem} / {named(camera)} / {noise}"
        if key not in self._known:
            part, seed = kodak_part(path)
            self._known[key] = scores(take(part, camera, seed), *self._networks)
            self._keep()
        return self._known[key]

    def of_video(self, reduction: str) -> Scores:
        """The same of seven frames of a video, reduced; the middle one is the reference."""
        key = f"{self._weights} / vid4_calendar / {reduction}"
        if key not in self._known:
            folder = data_folder() / "video_burst" / "vid4_calendar"
            whole = torch.stack(
                [read_picture(folder / f"{frame:02d}.webp").pixels for frame in range(2, 9)]
            )
            whole = whole[..., : whole.shape[-2] // 2 * 2, : whole.shape[-1] // 2 * 2]
            camera = Camera(reduction, 0.0, 0.0, False, "steady")
            frames = torch.stack([reduced(frame, camera) for frame in whole])
            frames = (frames * 255).round() / 255
            self._known[key] = scores(Taken(frames, whole), *self._networks, reference=3)
            self._keep()
        return self._known[key]

    def _keep(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._known, indent=1, ensure_ascii=False) + "\n")


def scores(
    burst: Taken, network: nn.Module, single: nn.Module, reference: int | None = None
) -> Scores:
    """PSNR of each method against the truth of the frame that ours takes as reference."""
    ours = zoom(burst.frames, network, ZoomConfig(reference=reference))
    without = zoom(burst.frames, None, ZoomConfig(reference=ours.reference))
    frame, truth = burst.frames[ours.reference], burst.truths[ours.reference]
    made: dict[str, Tensor] = dict(
        zip(
            METHODS,
            (ours.pixels, without.pixels, enlarge_single(frame, single), resize_bicubic(frame, 2)),
            strict=True,
        )
    )
    return {
        name: float(psnr(pixels.clamp(0, 1), truth, border=BORDER_PX))
        for name, pixels in made.items()
    }


def cell_table(rows: dict[Camera, list[Scores]]) -> list[str]:
    """Means by reduction, noise and light, and what ours is over the best of the others."""
    lines = [head("camera", "noise", "light", *METHODS, "ours over the best other")]
    kept = 0
    for camera, found in rows.items():
        means = [statistics.mean(scores[name] for scores in found) for name in METHODS]
        margin = means[0] - max(means[1:])
        kept += margin >= -0.05
        noise = f"{camera.noise:g}, {'by color, smooth' if camera.colored else 'white'}"
        cells = (f"{mean:.2f}" for mean in means)
        lines.append(row(named(camera), noise, camera.light, *cells, f"{margin:+.2f}"))
    share = f"At least the best of the others less 0.05 dB in {kept} of {len(rows)} cells."
    return [*lines, "", share]


def light_table(rows: dict[Camera, list[Scores]]) -> list[str]:
    """What light costs ours against steady light, where the same burst has both."""
    costs: defaultdict[str, list[float]] = defaultdict(list)
    for camera, found in rows.items():
        steady = rows.get(
            Camera(camera.reduction, camera.lens_px, camera.noise, camera.colored, "steady")
        )
        if steady is not None and camera.light != "steady":
            costs[camera.light] += [
                even["edge-sdk"] - lit["edge-sdk"] for even, lit in zip(steady, found, strict=True)
            ]
    if not costs:
        return []
    lines = ["", head("light", "costs against steady light, mean, dB", "most in a burst")]
    lines += [
        row(light, f"{statistics.mean(costs[light]):+.2f}", f"{max(costs[light]):+.2f}")
        for light in LIGHTS
        if light in costs
    ]
    return lines


def video_table(measured: Measured) -> list[str]:
    """Seven frames of a real video, reduced in both ways."""
    lines = ["Seven frames of a video that moves by itself (`vid4_calendar`):", ""]
    lines.append(head("reduction", *METHODS))
    for reduction in ("bicubic", "box"):
        found = measured.of_video(reduction)
        lines.append(row(reduction, *(f"{found[name]:.2f}" for name in METHODS)))
    return lines


HEAD = """\
# Cameras that nobody trained for

Eight frames each of a camera written for this page alone (`benchmarks/cameras`): poses of a hand;
then a Gaussian lens and areas of light, or means of 2×2 codes (box), or MATLAB's antialiased
bicubic; light (flicker by up to ± 8 %, three bands of 12 %, white balance by up to ± 5 %); noise,
white, or by color (R : G : B = 1 : 0.7 : 1.6) and smooth; 8 bits. Parts of 560×420 px of {count}
pictures of Kodak24:
{names}.
PSNR over R, G and B in dB, borders of 8 px left out, against the truth of the frame that was taken
as reference, without noise and in its own light; *one frame* is that frame by `sr_x2_y`. Written by
`python benchmarks/burst_cameras.py{quick} --table docs/measurements/burst-cameras.md` (with
`EDGE_SDK_DATA`).
"""

READING = """
The network has learned lenses of 0 to 1 px, the three reductions, and noise of 1 to 24 levels. What
it is told of the lens is estimated, and MATLAB's bicubic and a lens of 0.3 px look alike there: it
sharpens the one a little too much and the other a little too little. Means over 2×2 codes with
white noise of 8 levels and more are where the restoration without a network is nearest.
"""


if __name__ == "__main__":
    main()
