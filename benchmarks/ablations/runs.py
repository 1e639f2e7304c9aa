"""Runs of the ablation, each trained and measured once and then kept."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ablations.variants import MIDDLE, RATES, SHORT, Variant
from edge_sdk.training.recipe.config import (
    DataConfig,
    OptimizerConfig,
    PhasesConfig,
    PictureSource,
    TrainConfig,
)
from photographs import data_folder


@dataclass(frozen=True)
class Result:
    """What one run gave.

    Attributes:
        psnr_db: of the validation photographs; ``None`` where loss or weights were not finite.
        int8_cost_db: what codes by ranges alone lose against the truth on a quarter of the training
            photographs, which the ranges were not chosen by; ``None`` for the short runs of rows
            whose own are longer.
        seconds: time of the training; ``None`` where it was interrupted, or other work ran beside.
    """

    psnr_db: float | None
    int8_cost_db: float | None
    seconds: float | None


@dataclass(frozen=True)
class Run:
    """One training: a network at a rate, for so many steps, from a seed."""

    variant: Variant
    rate: float
    steps: int
    seed: int

    @property
    def key(self) -> str:
        """What it is called in the file of results."""
        return f"{self.variant.part} / {self.variant.name} / {self.rate:g} / {self.steps} / " + (
            f"{self.seed}"
        )


class Results:
    """Files of finished runs.

    Args:
        paths: the files, read where they exist; the first holds all after every new run.
        scratch: folder for the run that goes on, which resumes there; ``None`` to measure nothing.
        photos: folder of the photographs that int8 ranges come from.
    """

    def __init__(self, paths: Sequence[Path], scratch: Path | None, photos: Path) -> None:
        self._path = paths[0]
        self._scratch = scratch
        self._photos = photos
        self._known: dict[str, dict[str, float | None]] = {}
        for path in reversed(paths):
            self._known |= json.loads(path.read_text()) if path.is_file() else {}

    def knows(self, variant: Variant) -> bool:
        """Whether any run of a row is finished."""
        return any(key.startswith(f"{variant.part} / {variant.name} / ") for key in self._known)

    def of(self, run: Run) -> Result | None:
        """Result of a run, made now if it is not known; ``None`` where nothing is measured."""
        if run.key not in self._known:
            if self._scratch is None:
                return None
            self._known[run.key] = asdict(measured(run, self._photos, self._scratch))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(self._known, indent=1, ensure_ascii=False) + "\n")
            print(run.key, self._known[run.key], flush=True)
        return Result(**self._known[run.key])

    def best_rate(self, variant: Variant) -> float | None:
        """The rate whose short run from seed 0 was best; ``None`` if one is missing."""
        found = {rate: self.of(Run(variant, rate, SHORT, 0)) for rate in RATES}
        if any(result is None for result in found.values()):
            return None
        known = {
            rate: result.psnr_db
            for rate, result in found.items()
            if result is not None and result.psnr_db is not None
        }
        return max(known, key=lambda rate: known[rate]) if known else None

    def at_best(self, variant: Variant, steps: int, seeds: int) -> list[Result]:
        """Results at the best rate that are known or made now."""
        rate = self.best_rate(variant)
        if rate is None:
            return []
        runs = (self.of(Run(variant, rate, steps, seed)) for seed in range(seeds))
        return [result for result in runs if result is not None]


def order(variants: list[Variant]) -> Iterator[tuple[Variant, int, int]]:
    """Variants with steps and seeds, as they are measured: short runs of all, then long ones."""
    for variant in variants:
        yield variant, SHORT, variant.seeds
    longest = max(variant.seeds for variant in variants)
    for seeds in range(1, longest + 1):
        for variant in variants:
            if variant.steps > MIDDLE and variant.seeds >= seeds:
                yield variant, variant.steps, seeds
    for variant in variants:
        if SHORT < variant.steps <= MIDDLE:
            yield variant, variant.steps, variant.seeds


def recipe(run: Run) -> TrainConfig:
    """The recipe of a run; BatchNorms gather statistics in its first quarter."""
    root = data_folder()
    lists = {part: root / "splits" / f"cc0_{part}.txt" for part in ("train", "val")}
    return TrainConfig(
        model=run.variant.model,
        data=DataConfig(
            train=PictureSource(folder=root, names=lists["train"]),
            validation=PictureSource(folder=root, names=lists["val"]),
            resize_factors=(0.5,),
            patch_px=48,
            batch=16,
        ),
        optimizer=OptimizerConfig(
            steps=run.steps,
            learning_rate=run.rate,
            ema_decay=0.99,
            precision="float32" if run.steps > MIDDLE and run.seed else "bfloat16",
            float32_steps=run.steps // 10,
        ),
        phases=PhasesConfig(statistics_steps=run.steps // 4 if normalized(run.variant) else None),
        # A run goes on from its last validation when it was stopped.
        validate_every=min(run.steps, MIDDLE),
        seed=run.seed,
    )


def normalized(variant: Variant) -> bool:
    """Whether a network has BatchNorms."""
    branches = variant.model.branches or ()
    places = {getattr(branch, "batch_norm", "none") for branch in branches}
    return variant.model.norm or bool(places - {"none"})


def measured(run: Run, photos: Path, scratch: Path) -> Result:
    """Train, and measure what int8 costs where the run is as long as its row asks."""
    from edge_sdk.deploy.quantize import QuantizeOptions, quantize_loaded
    from edge_sdk.errors import ModelError
    from edge_sdk.training.run.module import LossError
    from edge_sdk.training.run.running import train
    from edge_sdk.zoo.loading import load_any

    mark, folder = scratch / "run.txt", scratch / "run"
    goes_on = mark.is_file() and mark.read_text() == run.key and (folder / "last.ckpt").is_file()
    if not goes_on:
        shutil.rmtree(folder, ignore_errors=True)
        mark.write_text(run.key)
    start = time.perf_counter()
    try:
        trained = train(recipe(run), folder, resume=goes_on, progress=False)
    except ModelError as error:
        if not isinstance(error.__cause__, LossError):
            raise
        print(f"{run.key}: {error}", flush=True)
        return Result(None, None, None)
    # Of a run that was stopped the time is not known.
    seconds = None if goes_on else time.perf_counter() - start
    if run.steps != run.variant.steps:
        return Result(trained.psnr_db, None, seconds)
    loaded = load_any(str(trained.path)).resized(64, 64)
    made = quantize_loaded(loaded, loaded.single_example, photos, QuantizeOptions(truth=True))
    assert made.truth_db is not None
    exact, rounded = made.truth_db
    return Result(trained.psnr_db, exact - rounded, seconds)
