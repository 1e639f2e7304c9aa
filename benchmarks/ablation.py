r"""What branches, presets, activations and skips bring at equal steps, and what int8 costs each.

    EDGE_SDK_DATA=DIR python benchmarks/ablation.py --steps 2000 \
        --table docs/measurements/ablation.md

DIR holds splits/cc0_train.txt, splits/cc0_val.txt and the photographs that they name; all runs are
trained and measured on these. Every finished run is written to ``--out``, so that the command goes
on where it was stopped.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge_sdk.models import EnhanceNetConfig
from edge_sdk.reparam import ConvBranchConfig, IdentityBranchConfig
from edge_sdk.reparam.blocks.configs import BranchConfig
from edge_sdk.reparam.blocks.presets import preset, sesr_branches
from edge_sdk.training.recipe.config import (
    DataConfig,
    OptimizerConfig,
    PhasesConfig,
    PictureSource,
    TrainConfig,
)
from pages import page_parser, publish, row
from photographs import data_folder

ROOT = data_folder()
WIDTHS = (16, 16, 16, 16, 16)
LAST = len(WIDTHS) - 1
BASE = EnhanceNetConfig(
    widths=WIDTHS,
    skips=((0, LAST),),
    activation="leaky_relu",
    branches=sesr_branches(64),
)
PARTS = ("Branches", "Presets with BatchNorm or fixed filters", "Activations", "Skips")
PRESETS = ("figure", "ecb", "dbb", "repvgg", "qarepvgg", "acnet")


@dataclass(frozen=True)
class Variant:
    """A network of the table.

    Attributes:
        part: table that it stands in.
        name: what its row is called.
        model: the network.
        seeds: how many runs.
    """

    part: str
    name: str
    model: EnhanceNetConfig
    seeds: int


@dataclass(frozen=True)
class Result:
    """What one run gave: PSNR in dB of the validation photographs, int8's cost and the time."""

    psnr_db: float
    int8_cost_db: float
    seconds: float


def variants(seeds: int) -> Iterator[Variant]:
    three: tuple[BranchConfig, ...] = (
        ConvBranchConfig((3,)),
        ConvBranchConfig((1,)),
        IdentityBranchConfig(),
    )
    five = (ConvBranchConfig((3, 1), (64,)), ConvBranchConfig((1, 3), (64,)), *three)
    counts = {
        "1: a plain 3×3": None,
        "2: 3×3→64→1×1, identity": BASE.branches,
        "3: 3×3, 1×1, identity": three,
        "5: those of both, 1×1→64→3×3": five,
    }
    for name, branches in counts.items():
        yield Variant("Branches", name, replace(BASE, branches=branches), seeds)
    for name in PRESETS:
        block = preset(name, 64)
        model = replace(BASE, branches=block.branches, norm=block.norm)
        yield Variant("Presets with BatchNorm or fixed filters", name, model, 1)
    for activation in ("prelu", "leaky_relu", "relu"):
        model = replace(BASE, activation=activation)
        yield Variant("Activations", activation, model, 1)
    skips: dict[str, tuple[tuple[tuple[int, int], ...], bool]] = {
        "features and image": (((0, LAST),), True),
        "image alone": ((), True),
        "features alone": (((0, LAST),), False),
        "none": ((), False),
    }
    for name, (pairs, image) in skips.items():
        yield Variant("Skips", name, replace(BASE, skips=pairs, image_skip=image), 1)


def recipe(variant: Variant, steps: int, seed: int) -> TrainConfig:
    lists = {part: ROOT / "splits" / f"cc0_{part}.txt" for part in ("train", "val")}
    branches = variant.model.branches or ()
    normalized = variant.model.norm or any(
        getattr(branch, "batch_norm", "none") != "none" for branch in branches
    )
    return TrainConfig(
        model=variant.model,
        data=DataConfig(
            train=PictureSource(folder=ROOT, names=lists["train"]),
            validation=PictureSource(folder=ROOT, names=lists["val"]),
            resize_factors=(0.5,),
            patch_px=48,
            batch=16,
        ),
        optimizer=OptimizerConfig(steps=steps, learning_rate=2e-3, ema_decay=0.99),
        phases=PhasesConfig(statistics_steps=steps // 4 if normalized else None),
        validate_every=steps,
        seed=seed,
    )


def measured(variant: Variant, steps: int, seed: int, photos: Path, out: Path) -> Result:
    from edge_sdk.deploy.quantize import QuantizeOptions, quantize_loaded
    from edge_sdk.training.run.running import train
    from edge_sdk.zoo.loading import load_any

    start = time.perf_counter()
    trained = train(recipe(variant, steps, seed), out, overwrite=True, progress=False)
    seconds = time.perf_counter() - start
    loaded = load_any(str(trained.path)).resized(64, 64)
    made = quantize_loaded(loaded, loaded.single_example, photos, QuantizeOptions(truth=True))
    assert made.truth_db is not None
    exact, rounded = made.truth_db
    return Result(trained.psnr_db, exact - rounded, seconds)


def main() -> None:
    parser = page_parser(__doc__, "Markdown file to write")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3, help="of the table of branches")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="tables to make")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation.json"))
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    found: dict[str, list[Result]] = {}
    listed = [each for each in variants(arguments.seeds) if each.part in arguments.parts]
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        for line in (ROOT / "splits" / "cc0_train.txt").read_text().split():
            (photos / Path(line).name).symlink_to((ROOT / line).resolve())
        for variant in listed:
            for seed in range(variant.seeds):
                key = f"{variant.part} / {variant.name} / {arguments.steps} / {seed}"
                if key not in known:
                    result = measured(variant, arguments.steps, seed, photos, Path(folder) / "run")
                    known[key] = asdict(result)
                    arguments.out.write_text(json.dumps(known, indent=1))
                    print(key, result)
                runs = found.setdefault(f"{variant.part} / {variant.name}", [])
                runs.append(Result(**known[key]))
    page = _page(listed, found, arguments.steps, arguments.seeds)
    if missing := [part for part in PARTS if part not in arguments.parts]:
        page += "Not measured here: " + ", ".join(missing).lower() + ".\n"
    publish(page, arguments.table, always_print=True)


def _page(listed: Sequence[Variant], found: dict[str, list[Result]], steps: int, seeds: int) -> str:
    lines = [
        "# What the parts of a network bring",
        "",
        f"×2 luma, 16 channels, five layers and the last one, {steps:,} steps of 16 patches of",
        "48×48 px (photographs at half size), Adam 2e-3 with a cosine to zero: the same for every",
        "row. PSNR of four CC0 photographs of 1440 px that no step sees, mean of the seeds ± their",
        "standard deviation; int8 by ranges alone, against the truth, on photographs held out.",
        "Time is that of the whole run on one core, and other work ran beside it.",
        "",
    ]
    part = ""
    for variant in listed:
        if variant.part != part:
            part = variant.part
            lines += ["", f"## {part}", ""]
            lines += ["| | PSNR, dB | runs | int8 costs, dB | time, s |", "|---|---|---|---|---|"]
        runs = found[f"{variant.part} / {variant.name}"]
        values = [run.psnr_db for run in runs]
        spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        cost = statistics.mean(run.int8_cost_db for run in runs)
        seconds = statistics.median(run.seconds for run in runs)
        mean = statistics.mean(values)
        cells = (f"{mean:.3f}{spread}", str(len(runs)), f"{cost:.2f}", f"{seconds:.0f}")
        lines.append(row(variant.name, *cells))
    command = f"python benchmarks/ablation.py --steps {steps} --seeds {seeds}"
    lines += [
        "",
        "Presets with BatchNorms gather statistics, all branches running, in a quarter of the",
        "steps. A difference smaller than the spread of the seeds says nothing; short runs favor",
        "what learns fast, not what ends best.",
        "",
        f"Written by `{command} --table docs/measurements/ablation.md` (with `EDGE_SDK_DATA`).",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
