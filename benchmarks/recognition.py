r"""What the regularizer of BatchNorms changes: drawn shapes, trained until they converge.

    python benchmarks/recognition.py --table docs/measurements/recognition.md

Shapes of four classes are drawn by code, a few to train on and many to measure on; each seed trains
twice, with the factor of the regularizer at 0 and at a tenth of the weight decay, the largest that
the rule allows. Writes the tables of the page between its marks, or prints them. The weights are
thrown away. About ten minutes of one core.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.data.recognition.shapes import SHAPES, write_shapes
from edge_sdk.evaluation import Recognition
from edge_sdk.models import RecognitionNet, load_checkpoint, recognition_preset
from edge_sdk.training import TrainConfig, TrainResult, train
from edge_sdk.training.batch_norm_penalty import batch_norm_penalty
from pages import head, page_parser, publish_between_marks, row

SIDE_PX, TRAINED, MEASURED, NOISE = 40, 150, 50, 0.05
BATCH = 16
WEIGHT_DECAY = 0.1
PENALTIES = (0.0, WEIGHT_DECAY / 10)


@dataclass(frozen=True)
class Run:
    """One training: seed, factor of the regularizer, result, and R of the weights kept."""

    seed: int
    penalty: float
    result: TrainResult
    squares: float

    @property
    def found(self) -> Recognition:
        assert isinstance(self.result.evaluation, Recognition)
        return self.result.evaluation


def main() -> None:
    parser = page_parser(__doc__, "Markdown page whose tables are replaced")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each kind (default 3)")
    parser.add_argument("--steps", type=int, default=520, help="largest number (default 520)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_shapes(folder / "train", TRAINED, SIDE_PX, seed=0, noise_std=NOISE)
        write_shapes(folder / "validation", MEASURED, SIDE_PX, seed=1, noise_std=NOISE)
        runs = [
            trained(folder, seed, penalty, arguments.steps)
            for seed in range(arguments.seeds)
            for penalty in PENALTIES
        ]
    publish_between_marks("\n".join(tables(runs, arguments.steps)), arguments.table)


def recipe(folder: Path, seed: int, penalty: float, steps: int) -> TrainConfig:
    return TrainConfig(
        model=recognition_preset("tiny", SHAPES),
        data={
            "train": {"folder": folder / "train"},
            "validation": {"folder": folder / "validation"},
            "samples": {"area_share": (0.8, 1.0), "aspect_ratio": (0.9, 1.1)},
            "batch": BATCH,
        },
        optimizer={
            **{"steps": steps, "learning_rate": 5e-3, "warmup_steps": 20},
            **{"weight_decay": WEIGHT_DECAY, "batch_norm_penalty": penalty, "ema_decay": 0.98},
        },
        # The cosine brings the loss to rest; the window is wider than the plateau at the start.
        convergence={"window": 3, "threshold": 0.06},
        validate_every=20,
        seed=seed,
    )


def trained(folder: Path, seed: int, penalty: float, steps: int) -> Run:
    result = train(
        recipe(folder, seed, penalty, steps), folder / f"run-{seed}-{penalty:g}", progress=False
    )
    network = load_checkpoint(result.path).model
    run = Run(seed, penalty, result, batch_norm_penalty(network).item())
    print(row(*cells(run)), flush=True)
    return run


def cells(run: Run) -> tuple[str, ...]:
    found, result = run.found, run.result
    return (
        str(run.seed),
        f"{run.penalty:g}",
        f"{result.steps:,}",
        str(result.stopped),
        f"{found.loss:.3f}",
        f"{found.top1:.1%}",
        f"{found.balanced_recall:.1%}",
        f"{run.squares:.3f}",
    )


def tables(runs: list[Run], steps: int) -> list[str]:
    network = RecognitionNet(recognition_preset("tiny", SHAPES))
    weights = sum(weight.numel() for weight in network.parameters())
    lines = [
        f"Preset `tiny` ({weights:,} weights), {TRAINED} pictures of a class to train on and "
        f"{MEASURED} to measure on, {SIDE_PX} px, noise {NOISE:g}; weight decay {WEIGHT_DECAY:g}, "
        f"at most {steps:,} steps of {BATCH} samples. R is the mean of the squares of scales and "
        "shifts of BatchNorms in the weights that were kept; it is 0.5 at the start.",
        "",
        head("seed", "c", "steps", "stopped", "loss", "top-1", "balanced recall", "R"),
        *(row(*cells(run)) for run in runs),
        "",
        head("c", "balanced recall, mean", "least", "greatest", "loss, mean"),
    ]
    for penalty in PENALTIES:
        found = [run.found for run in runs if run.penalty == penalty]
        recalls = [each.balanced_recall for each in found]
        loss = statistics.mean(each.loss for each in found)
        shown = (statistics.mean(recalls), min(recalls), max(recalls))
        lines.append(row(f"{penalty:g}", *(f"{each:.1%}" for each in shown), f"{loss:.3f}"))
    last = runs[-1]
    lines += [
        "",
        f"What is taken for what by the last run of the table (seed {last.seed}, "
        f"c = {last.penalty:g}), a row for each true class:",
        "",
        head("true", *SHAPES),
        *(
            row(shape, *map(str, counts))
            for shape, counts in zip(SHAPES, last.found.confusion, strict=True)
        ),
    ]
    return lines


if __name__ == "__main__":
    main()
