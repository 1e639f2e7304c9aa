"""Quantize a loaded model by a folder of pictures: ranges, fine-tuning, mixed precision."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import nn

from edge_sdk.data.probes.calibration import Calibration, read_calibration
from edge_sdk.deploy.preparation import fused_or_as_it_is
from edge_sdk.errors import InputError
from edge_sdk.exported import Example, as_inputs
from edge_sdk.models.normalization import Normalization
from edge_sdk.models.spec import PictureSpec
from edge_sdk.progress import Progress
from edge_sdk.quantization import (
    Observer,
    Scheme,
    TuningConfig,
    agreement_db,
    apply_scheme,
    meet_budget,
    quantize,
    round_weights,
    tune,
)
from edge_sdk.quantization.layer_report import LayerError, layer_errors
from edge_sdk.zoo.loading import LoadedModel

Rounding = Literal["gptq", "nearest"]


class ReadCalibration(Protocol):
    """Makes inputs of a model from a folder of pictures."""

    def __call__(
        self,
        folder: Path,
        example: Example,
        spec: PictureSpec | None,
        count: int,
        *,
        resize_factor: float,
        truth: bool,
        seed: int,
        normalization: Normalization | None,
        previews: bool,
    ) -> Calibration:
        """As :func:`~edge_sdk.data.probes.calibration.read_calibration`."""
        ...


@dataclass(frozen=True)
class QuantizeOptions:
    """How to quantize.

    Attributes:
        observer: how ranges are chosen.
        samples: number of crops to calibrate with.
        resize_factor: factor in (0, 1] by which pictures are reduced first.
        rounding: how weights are rounded to their codes: ``gptq``, so that outputs change least
            (:func:`~edge_sdk.quantization.round_weights`), or ``nearest``, as in a scheme that is
            kept without weights.
        tune_steps: steps of fine-tuning before; 0 for none.
        budget_db: agreement to reach by leaving layers in floating point; ``None`` for all in int8.
        truth: the pictures are what the model should return: they are reduced by its scale or
            get noise, and the models are measured against them too.
        seed: seed of all draws.

    Example:
        >>> from edge_sdk.deploy import QuantizeOptions
        >>> QuantizeOptions(tune_steps=2000, budget_db=50.0).observer
        'mse'
    """

    observer: Observer = "mse"
    rounding: Rounding = "gptq"
    samples: int = 128
    resize_factor: float = 1.0
    tune_steps: int = 0
    budget_db: float | None = None
    truth: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1 or self.tune_steps < 0 or not 0 < self.resize_factor <= 1:
            raise InputError(
                f"{self.samples} samples, {self.tune_steps} steps, resize factor "
                f"{self.resize_factor}: give a sample or more, no negative steps and a factor in "
                "(0, 1]"
            )


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """What quantizing a model gave.

    Attributes:
        model: the fused float model, fine-tuned and rounded as was requested.
        scheme: its quantization.
        agreement_db: PSNR of the int8 model against the fused float model as it was before.
        before_tuning_db: the same before fine-tuning and mixed precision, with the nearest codes.
        layers: what int8 keeps of every layer.
        source: what ranges were chosen by and figures measured on.
        truth_db: PSNR against the truth, where it is known, of the float model and of the int8 one.
        notes: for people: what was done to the model beyond what was asked, one sentence each.

    Example:
        >>> from torch import nn
        >>> from edge_sdk import Scheme
        >>> from edge_sdk.deploy import QuantizedModel
        >>> made = QuantizedModel(nn.Identity(), Scheme(), 51.2, 48.9, (), "128 samples")
        >>> round(made.agreement_db - made.before_tuning_db, 1)
        2.3
    """

    model: nn.Module
    scheme: Scheme
    agreement_db: float
    before_tuning_db: float
    layers: tuple[LayerError, ...]
    source: str
    truth_db: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def quantize_loaded(
    loaded: LoadedModel,
    example: Example,
    folder: Path,
    options: QuantizeOptions | None = None,
    on_progress: Progress | None = None,
    read: ReadCalibration = read_calibration,
) -> QuantizedModel:
    """Quantize a model by a folder of pictures, a quarter of which is held out to measure with.

    Args:
        loaded: the model; it is left untouched.
        example: float32 [1, C, H, W]: the size of the crops; or one tensor for each input.
        folder: pictures like those that the model will see, or a file of tensors.
        options: how to quantize.
        on_progress: called after each step of fine-tuning, after each layer that is rounded, and
            after each operator left in float.
        read: makes inputs of the model from the pictures; as
            :func:`~edge_sdk.data.probes.calibration.read_calibration`.

    Raises:
        InputError: if the folder holds no picture, or the budget cannot be met.
        PictureError: if a picture cannot be read or is smaller than a crop.
        FusionError: if fusing cannot be proved.
        ConversionError: if the model cannot be traced.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.deploy import QuantizeOptions, quantize_loaded
        >>> from edge_sdk.models import save_checkpoint
        >>> from edge_sdk.zoo import load_any
        >>> Path("photos").mkdir()
        >>> for index in range(2):
        ...     written = write_picture(Picture(torch.rand(3, 32, 32)), f"photos/{index}.png")
        >>> loaded = load_any("sr_x2_y").resized(16, 16)
        >>> options = QuantizeOptions(samples=4)
        >>> made = quantize_loaded(loaded, loaded.single_example, Path("photos"), options)
        >>> made.agreement_db > 30
        True
        >>> save_checkpoint(made.model, Path("int8.safetensors"), made.scheme)
    """
    options = options or QuantizeOptions()
    crops = read(
        folder,
        example,
        loaded.picture_spec,
        options.samples,
        resize_factor=options.resize_factor,
        truth=options.truth,
        seed=options.seed,
        normalization=loaded.input_normalization,
        previews=loaded.recognition_spec is not None,
    )
    fused, _, note = fused_or_as_it_is(loaded)
    clip = loaded.picture_spec is not None
    first = quantize(fused, example, crops.calibration, options.observer, picture_output=clip)
    plain_db = agreement_db(fused, first.model, crops.held_out, clip)
    scheme, model = replace(first.scheme, noise_levels=crops.noise_levels), fused
    if options.tune_steps:
        config = TuningConfig(steps=options.tune_steps, seed=options.seed)
        model = tune(fused, example, scheme, crops.calibration, config, on_progress)
    if options.rounding == "gptq":
        model = round_weights(model, example, scheme, crops.calibration, on_progress)
    if options.budget_db is not None:
        scheme = meet_budget(
            apply_scheme(model, example, scheme).graph,
            scheme,
            crops.held_out,
            options.budget_db,
            clip,
            on_progress,
            reference=fused,
        )
    final = apply_scheme(model, example, scheme)
    return QuantizedModel(
        model,
        scheme,
        agreement_db(fused, final.model, crops.held_out, clip),
        plain_db,
        layer_errors(final.graph, final.model, scheme, crops.held_out[:8]),
        f"ranges by {options.observer} over {crops.source}",
        _against_truth(fused, final.model, crops),
        (*loaded.notes, *([note] if note else [])),
    )


def _against_truth(
    reference: nn.Module, model: nn.Module, crops: Calibration
) -> tuple[float, float] | None:
    if not crops.held_out_truths:
        return None
    found = []
    for each in (reference, model):
        with torch.no_grad():
            outputs = [each(*as_inputs(crop)).clamp(0, 1) for crop in crops.held_out]
        pairs = zip(outputs, crops.held_out_truths, strict=True)
        errors = [float((one - other).double().square().mean()) for one, other in pairs]
        found.append(-10 * math.log10(max(sum(errors) / len(errors), 1e-30)))
    return found[0], found[1]
