"""Training sets from far and near shots: exactness on simulated scenes, and a real data set.

    EDGE_SDK_DATA=DIR python benchmarks/pairs.py --table docs/measurements/pairs.md

Without DIR the simulated scenes show scikit-image's photographs and the real pairs are left out;
with it they show the photographs of DIR/train/cc0_photos, and the pairs are those of
DIR/real_zoom/city100_iphonex. Writes the tables of the page between its marks, or prints them.
"""

from __future__ import annotations

import math
import os
import re
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.burst import TensorSource
from edge_sdk.data.camera.far_near import FarNearConfig, FarNearShots, simulate_far_near
from edge_sdk.data.camera.simulation import CameraConfig
from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.errors import SceneError
from edge_sdk.imaging import read_picture, resize_bicubic
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.pairs import Couple, PairConfig, build_set, make_couple
from edge_sdk.pairs.couple.geometry import region_offset
from edge_sdk.pairs.couple.quality import masked_psnr
from edge_sdk.pairs.dataset.folder import SCENES, read_json
from edge_sdk.pairs.dataset.record import MASK, RECORD, TARGET, frame_name
from edge_sdk.registration.motion import centered_grid, transform
from pages import head, page_parser, publish_between_marks, row

LONG_SIDE = 960
Corruption = Callable[[FarNearShots, FarNearShots], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Trial:
    """One simulated scene: errors in target pixels where it was accepted, else the reason."""

    errors: Tensor | None
    reason: str


def main() -> None:
    parser = page_parser(__doc__, "Markdown page whose tables are replaced")
    parser.add_argument("--pictures", type=int, default=12, help="photographs (default 12)")
    arguments = parser.parse_args()
    data = os.environ.get("EDGE_SDK_DATA")
    lines = simulated(photographs(data, arguments.pictures))
    lines += ["", *real(Path(data))] if data else []
    text = "\n".join(lines)
    publish_between_marks(text, arguments.table)


def photographs(data: str | None, count: int) -> list[Tensor]:
    if data is None:
        return [example_photo(name) for name in PHOTOS][:count]
    paths = sorted((Path(data) / "train" / "cc0_photos").glob("*.jpg"))
    found = []
    for path in paths[:: max(1, len(paths) // count)][:count]:
        pixels = read_picture(path).pixels
        share = LONG_SIDE / max(pixels.shape[-2:])
        size = (round(share * pixels.shape[-2]), round(share * pixels.shape[-1]))
        found.append(resize_bicubic(pixels, size=size).clamp(0, 1))
    return found


def shots_of(photo: Tensor, seed: int) -> FarNearShots:
    far = CameraConfig(frames=4, scale=2, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    gains = (0.7 + 0.6 * torch.rand(3, generator=generator)).tolist()
    return simulate_far_near(
        photo, FarNearConfig(far=far, shots=3, gains=(gains[0], gains[1], gains[2]), seed=seed)
    )


def simulated(photos: list[Tensor]) -> list[str]:
    scenes = [shots_of(photo, seed) for seed, photo in enumerate(photos)]
    lines = [
        f"{len(photos)} photographs, ×2. Errors are those of all pixels of the accepted scenes "
        "where the mask counts, in pixels of the target.",
        "",
        head("scenes", "accepted", "median", "95 %", "worst scene's median", "why dropped"),
    ]
    for name, corrupt in CORRUPTIONS.items():
        trials = []
        for index, shots in enumerate(scenes):
            far, near = corrupt(shots, scenes[(index + 1) % len(scenes)])
            trials.append(trial(shots, far, near))
            print(name, index, trials[-1].reason or "accepted", flush=True)
        lines.append(scene_row(name, trials))
    return lines


def trial(shots: FarNearShots, far: Tensor, near: Tensor) -> Trial:
    try:
        couple = make_couple(
            TensorSource(far), TensorSource(near), PairConfig(), lambda stage, done, total: None
        )
    except SceneError as error:
        return Trial(None, str(error))
    same = far.shape == shots.burst.frames.shape
    return Trial(placement_error(shots, couple) if same else torch.full((1,), math.inf), "")


def placement_error(shots: FarNearShots, couple: Couple) -> Tensor:
    """Distance of estimated and true place, in target pixels, of the far pixels that count."""
    height, width = shots.burst.frames.shape[-2:]
    scale = shots.burst.config.scale
    region = couple.region
    truth = shots.homography(couple.choice.index, couple.standard.reference)
    grid = centered_grid(region.height, region.width, like=truth)
    places = (grid + region_offset(region, height, width)).reshape(-1, 2)
    apart = couple.refined.placement.at(grid).reshape(-1, 2) - transform(truth, places)
    counted = couple.mask[::scale, ::scale].flatten()
    return (apart.norm(dim=-1) * scale / couple.zoom_ratio).float()[counted]


def scene_row(name: str, trials: list[Trial]) -> str:
    errors = [found.errors for found in trials if found.errors is not None]
    cells = ["—"] * 3
    if errors:
        joined = torch.cat(errors).sort().values
        worst = max(float(error.median()) for error in errors)
        cells = [f"{float(joined[int(share * len(joined))]):.3f}" for share in (0.5, 0.95)]
        cells.append(f"{worst:.3f}")
    reasons: dict[str, int] = {}
    for found in trials:
        if found.reason:
            short = re.sub(r"^[\d%]+ of ", "", found.reason)
            short = re.split(r"[:(\d]| is not", short)[0].strip()
            reasons[short] = reasons.get(short, 0) + 1
    why = "; ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))
    return row(name, f"{len(errors)} of {len(trials)}", *cells, why or "—")


def untouched(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    return shots.burst.frames, shots.near


def moved_thing(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    return shots.burst.frames, pasted(shots, other, 0.1)


def other_scene(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    return shots.burst.frames, other.near


def blurred_near(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    return shots.burst.frames, gaussian_blur(shots.near, 4.0)


def blurred_far(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    return gaussian_blur(shots.burst.frames, 4.0), shots.near


def small_overlap(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    width = shots.burst.frames.shape[-1]
    return shots.burst.frames[..., : round(0.28 * width)].contiguous(), shots.near


def large_thing(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    return shots.burst.frames, pasted(shots, other, 0.65)


def same_distance(shots: FarNearShots, other: FarNearShots) -> tuple[Tensor, Tensor]:
    size = (shots.near.shape[-2] // 2, shots.near.shape[-1] // 2)
    return shots.burst.frames, resize_bicubic(shots.near, size=size).clamp(0, 1)


def pasted(shots: FarNearShots, other: FarNearShots, share: float) -> Tensor:
    """Near shots over whose middle lies something else, the same in all of them."""
    near = shots.near.clone()
    height, width = near.shape[-2:]
    tall, wide = round(math.sqrt(share) * height), round(math.sqrt(share) * width)
    thing = resize_bicubic(other.near[0], size=(tall, wide)).clamp(0, 1).flip(-1)
    top, left = (height - tall) // 2, (width - wide) // 2
    near[:, :, top : top + tall, left : left + wide] = thing
    return near


CORRUPTIONS: dict[str, Corruption] = {
    "good": untouched,
    "good, a thing over 10 % of the near shots": moved_thing,
    "bad: another scene": other_scene,
    "bad: near shots blurred by 2 far px": blurred_near,
    "bad: far shots blurred by 4 px": blurred_far,
    "bad: hardly any overlap": small_overlap,
    "bad: a thing over 65 % of the near shots": large_thing,
    "bad: near shots from the far place": same_distance,
}


def real(data: Path) -> list[str]:
    folder = data / "real_zoom" / "city100_iphonex"
    if not folder.is_dir():
        return [f"City100: {folder.name} is not there."]
    with tempfile.TemporaryDirectory() as place:
        far, near = Path(place) / "far", Path(place) / "near"
        for side, letter in ((far, "L"), (near, "H")):
            side.mkdir()
            for path in folder.glob(f"*{letter}.webp"):
                (side / f"{path.stem[:-1]}.webp").symlink_to(path)
        found = build_set(far, near, Path(place) / "set", PairConfig(scale=1))
        names = [str(scene["name"]) for scene in found.scenes if scene["accepted"]]
        shown = [measured(Path(place), name) for name in names]
        far_db = statistics.mean(float(scene["psnr_far_db"]) for scene in found.scenes)
    kinds = ("whole shared view", "where the mask counts")
    lines = [
        f"City100 (iPhone X; research only): {found.accepted} of {len(found.scenes)} pairs "
        f"accepted, {statistics.mean(figures[4] for figures in shown):.0%} of their pixels count.",
        "",
        head(
            "PSNR of far against near, dB, mean over the accepted pairs",
            "as stored",
            "registered and in the far shot's colors",
        ),
    ]
    for place_, kind in enumerate(kinds):
        raw, after = (statistics.mean(each[2 * place_ + k] for each in shown) for k in (0, 1))
        lines.append(row(kind, f"{raw:.2f}", f"{after:.2f}"))
    best = statistics.mean(each[6] for each in shown)
    lines.append(row("whole shared view, 3×4 color map of least squares", "—", f"{best:.2f}"))
    raw = statistics.mean(each[5] for each in shown)
    kind = "where the mask counts, the near shot blurred as the far one is"
    return [*lines, row(kind, f"{raw:.2f}", f"{far_db:.2f}")]


def measured(place: Path, name: str) -> tuple[float, ...]:
    """PSNR in dB as stored and after, over the shared view and where the mask counts; share."""
    folder = place / "set" / SCENES / name
    record = read_json(folder / RECORD) or {}
    frame = record["frames"][0]
    near = read_picture(place / "near" / f"{name}.webp").pixels
    rows = slice(frame["top"], frame["top"] + record["height"])
    near = near[:, rows, frame["left"] : frame["left"] + record["width"]]
    far = read_picture(folder / frame_name(0)).pixels
    target = read_picture(folder / TARGET).pixels
    mask = read_picture(folder / MASK).pixels[0] > 0.5
    everywhere = torch.ones_like(mask)
    soft = gaussian_blur(near[None], max(float(record["blur_px"]), 0.0))[0]
    return (
        masked_psnr(far, near, everywhere),
        masked_psnr(far, target, everywhere),
        masked_psnr(far, near, mask),
        masked_psnr(far, target, mask),
        float(mask.float().mean()),
        masked_psnr(far, soft, mask),
        masked_psnr(far, least_squares(target, far), everywhere),
    )


def least_squares(target: Tensor, far: Tensor) -> Tensor:
    """The 3×4 map of the target's colors of the least squared difference from the far picture."""
    levels = torch.cat((target.flatten(1), torch.ones(1, target[0].numel()))).double().T
    mapped = levels @ torch.linalg.lstsq(levels, far.flatten(1).double().T).solution
    return mapped.T.reshape(far.shape).float()


if __name__ == "__main__":
    main()
