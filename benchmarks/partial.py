"""What a five-branch network costs when only some of its branches merge.

    python benchmarks/partial.py --table docs/measurements/partial-merging.md

The network is trained for a few hundred steps on photographs of scikit-image, so that int8 has
weights to round that have learned something; then each plan merges it, the result is converted with
the branches that stay, and the files take turns in LiteRT on one thread.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.deploy import convert, quantize_loaded
from edge_sdk.deploy.quantize import QuantizeOptions
from edge_sdk.emulate import Job, measure
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.reparam import (
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    count_macs,
    count_parameters,
    fuse_partially,
    keep_branches,
    parse_plan,
)
from edge_sdk.training import TrainConfig, train
from edge_sdk.zoo import as_loaded, load_model
from pages import head, page_parser, publish, row

SIDE_PX = 128
RUNS = 50
BRANCHES = (
    ConvBranchConfig((3, 1), (32,)),
    ConvBranchConfig((1, 3), (32,)),
    ConvBranchConfig((3,)),
    ConvBranchConfig((1,)),
    IdentityBranchConfig(),
)
MODEL = EnhanceNetConfig(widths=(16,) * 5, skips=((0, 4),), branches=BRANCHES, ends="plain")
PLANS = (
    ("as trained", None, "together"),
    ("`count:2`, `every:1`: each chain alone", "count:2", "every:1"),
    ("`count:1`: the 3×3 and the 1×1", "count:1", "together"),
    ("`kernel:3`: all with a 3×3", "kernel:3", "together"),
    ("`count:1,count:2`: all but the identity", "count:1,count:2", "together"),
    ("`all`, `by-type`: identity apart", "all", "by-type"),
    ("`all`", "all", "together"),
)
INTRODUCTION = f"""# What merging in part costs

An EnhanceNet ×2 (luma, 16 channels, four modules, plain ends) whose modules have five branches:
3×3→32→1×1, 1×1→32→3×3, 3×3, 1×1 and the identity. Q is what a plan leaves of them. Every row gives
the same picture, within rounding; what differs is what runs. MACs and times for {SIDE_PX}×{SIDE_PX}
pixels; times are medians of LiteRT on one thread of a desktop processor, quartiles in brackets, the
files taking turns: they say how the rows compare here, not how fast a phone is. Int8 is by ranges
alone: what the codes lose of the PSNR against the truth, on one of the four photographs that the
network was trained on, by which the ranges were not chosen.
"""


@dataclass(frozen=True)
class Merged:
    """A row of the table before its file was timed."""

    name: str
    branches: int
    macs: int
    parameters: int
    int8_cost_db: float
    path: Path


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--steps", type=int, default=400, help="of the training [400]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photos = folder / "photos"
        photos.mkdir()
        for name in PHOTOS:
            write_picture(Picture(example_photo(name)), photos / f"{name}.png")
        network = trained(photos, folder / "run", arguments.steps)
        rows = [merged(network, *plan, photos, folder) for plan in PLANS]
        jobs = [Job(str(each.path), "litert", threads=1) for each in rows]
        times = measure(jobs, RUNS)
    titles = ("plan", "Q", "MACs", "parameters", "time, ms", "int8 costs, dB")
    lines = [INTRODUCTION, head(*titles)]
    for each, time in zip(rows, times, strict=True):
        spread = f"{time.low_s * 1e3:.2f} … {time.high_s * 1e3:.2f}"
        cells = (
            str(each.branches),
            f"{each.macs / 1e6:.0f} M",
            f"{each.parameters:,}",
            f"{time.median_s * 1e3:.2f} ({spread})",
            f"{each.int8_cost_db:.2f}",
        )
        lines.append(row(each.name, *cells))
    lines += ["", "`python benchmarks/partial.py` makes this page again."]
    publish("\n".join(lines), arguments.table, always_print=True)


def trained(photos: Path, folder: Path, steps: int) -> EnhanceNet:
    """The five-branch network after a short training on the photographs."""
    source = {"folder": str(photos)}
    recipe = TrainConfig(
        model=MODEL,
        data={"train": source, "validation": source, "patch_px": 24, "batch": 8},
        optimizer={"steps": steps, "learning_rate": 2e-3},
        validate_every=steps,
    )
    result = train(recipe, folder, progress=False)
    network = load_model(str(result.path))
    assert isinstance(network, EnhanceNet)
    return network


def merged(
    network: EnhanceNet, name: str, select: str | None, group: str, photos: Path, folder: Path
) -> Merged:
    """The network after a plan: counted, converted and rounded with the branches that stay."""
    loaded = as_loaded(network).resized(SIDE_PX, SIDE_PX)
    example = loaded.single_example
    partly: nn.Module = network
    if select is not None:
        partly, _ = fuse_partially(network, parse_plan(select, group), example)
    module = partly.features[2]
    keeps = isinstance(module, MultiBranchConv2d)
    branches = len(module.branches) if isinstance(module, MultiBranchConv2d) else 1
    deployed = keep_branches(partly, example)[0] if keeps else partly
    path = folder / f"{len(list(folder.iterdir()))}.tflite"
    shape = tuple(example.shape)
    convert(partly, "tflite", path, "fp32", example=shape, keep_branches=keeps)
    small = replace(as_loaded(partly).resized(64, 64), keeps_branches=keeps)
    options = QuantizeOptions(truth=True, resize_factor=0.5)
    rounded = quantize_loaded(small, small.single_example, photos, options)
    assert rounded.truth_db is not None
    exact_db, rounded_db = rounded.truth_db
    counted = (count_macs(deployed, example), count_parameters(deployed))
    return Merged(name, branches, *counted, exact_db - rounded_db, path)


if __name__ == "__main__":
    main()
