"""Sections of a recipe: data, noise, optimizer, phases; keys with their defaults and bounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from edge_sdk.errors import InputError
from edge_sdk.training.recipe.bursts import BurstsConfig
from edge_sdk.training.recipe.degradation import DegradationConfig
from edge_sdk.training.recipe.samples import SamplesConfig
from edge_sdk.training.recipe.section import Section, Share

if TYPE_CHECKING:
    from edge_sdk.data.samples.camera_patches import CameraRange


_Gain = Annotated[float, Field(ge=1, le=1024)]
_Balance = Annotated[float, Field(ge=1, le=8)]
_Quality = Annotated[int, Field(ge=1, le=100)]


class PictureSource(Section):
    """Where pictures come from."""

    folder: Path = Field(description="folder of pictures")
    names: Path | tuple[Path, ...] | None = Field(
        None, description="text file listing some of them, one per line, or several such files"
    )

    @property
    def name_files(self) -> tuple[Path, ...]:
        """The files that list pictures."""
        return (self.names,) if isinstance(self.names, Path) else self.names or ()


class NoiseConfig(Section):
    """Gaussian noise that a denoising network learns to remove, in 8-bit levels."""

    sigma: tuple[Annotated[float, Field(ge=0, le=255)], Annotated[float, Field(ge=0, le=255)]] = (
        Field(
            (0.0, 50.0),
            description="least and greatest standard deviation; each patch's is drawn evenly "
            "between them",
        )
    )
    clipped_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="part of the training patches whose noisy pixels are clipped and rounded to 8 "
        "bits, as files hold them; the rest keep noise in floating point, as the papers do",
    )
    validation_sigma: float = Field(
        25.0,
        gt=0,
        le=255,
        description="standard deviation on the validation pictures, never clipped, the same noise "
        "in every validation",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.sigma[0] > self.sigma[1]:
            raise ValueError("sigma must be two numbers in order")
        return self


class PairsConfig(Section):
    """Sets of far and near shots, as ``edge-sdk pairs`` makes them, to learn burst zoom from."""

    train: Path = Field(description="folder of the set to train on")
    validation: Path | None = Field(
        None, description="folder of the set to measure on; null: scenes of the other"
    )
    held_out: int = Field(
        5,
        ge=2,
        description="without validation: of so many scenes, in the order of their names, the last "
        "is measured on and not trained on",
    )


class CamerasConfig(Section):
    """Cameras whose frames are the inputs, as ``edge_sdk.data.camera.config.CameraConfig``."""

    lens_std_px: tuple[Annotated[float, Field(ge=0, le=4)], Annotated[float, Field(ge=0, le=4)]] = (
        Field((0.2, 0.5), description="standard deviation of the lens blur, in sensor pixels")
    )
    analog_gain: tuple[_Gain, _Gain] | None = Field(
        (1.0, 16.0),
        description="gain of a sensor with shot and read noise; ISO 100 is about 1. Its logarithm "
        "is drawn evenly",
    )
    noise_std: tuple[Share, Share] | None = Field(
        None,
        description="standard deviation of noise on encoded values in [0, 1], instead of "
        "analog_gain",
    )
    bayer: bool = Field(True, description="a Bayer filter (RGGB), which a demosaic undoes")
    white_balance: tuple[_Balance, _Balance] = Field(
        (2.0, 1.6), description="gains of red and of blue, which make these channels noisier"
    )
    jpeg_quality: tuple[_Quality, _Quality] | None = Field(
        None, description="quality of the JPEG that a frame goes through; null: none"
    )

    @model_validator(mode="before")
    @classmethod
    def _one_kind_of_noise(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("noise_std") is not None:
            return {"analog_gain": None, **given}
        return given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        ranges = {
            "lens_std_px": self.lens_std_px,
            "analog_gain": self.analog_gain,
            "noise_std": self.noise_std,
            "jpeg_quality": self.jpeg_quality,
        }
        for name, bounds in ranges.items():
            if bounds is not None and bounds[0] > bounds[1]:
                raise ValueError(f"{name} must be two numbers in order")
        if self.noise_std is not None and self.analog_gain is not None:
            raise ValueError("noise_std and analog_gain exclude each other; give one of them")
        return self

    def cameras(self, scale: int) -> CameraRange:
        """The cameras, with ``scale`` pixels of the photograph per pixel of the sensor."""
        from edge_sdk.data.samples.camera_patches import CameraRange

        return CameraRange(
            scale,
            self.lens_std_px,
            self.analog_gain,
            self.noise_std or (0.0, 0.0),
            self.bayer,
            self.white_balance,
            self.jpeg_quality,
        )


EXCLUSIVE = {
    "bursts": ("pairs", "bursts are simulated and pairs were taken"),
    "pairs": ("bursts", "bursts are simulated and pairs were taken"),
    "noise": ("camera", "a camera has its own noise"),
    "camera": ("noise", "a camera has its own noise"),
    "degradation": ("camera", "both make the inputs worse"),
    "samples": ("camera", "samples of classes are pictures as they are"),
}
"""Sections of data that are for some tasks alone, with one that each excludes, and why."""


class DataConfig(Section):
    """Training and validation pictures and how patches are cut."""

    train: PictureSource | None = Field(
        None, description="pictures to cut patches from; needed unless there are pairs"
    )
    validation: PictureSource | None = Field(
        None, description="pictures to measure on, whole; needed unless there are pairs"
    )
    noise: NoiseConfig | None = Field(
        None, description="noise to remove: for task denoising, and for it alone"
    )
    bursts: BurstsConfig | None = Field(
        None, description="bursts to simulate: for task burst-zoom, and for it alone"
    )
    pairs: PairsConfig | None = Field(
        None, description="sets of far and near shots: for task burst-zoom, instead of bursts"
    )
    camera: CamerasConfig | None = Field(
        None, description="inputs are frames of a simulated camera: instead of reduction and noise"
    )
    degradation: DegradationConfig | None = Field(
        None,
        description="inputs are made worse: blurred, reduced and enlarged, noisy, compressed; for "
        "networks that make pictures of pictures",
    )
    samples: SamplesConfig | None = Field(
        None, description="how samples are cut and changed: for task recognition, and for it alone"
    )
    options: dict[str, Any] = Field(
        {}, description="keys of a task that brings its own; those of the SDK have none"
    )
    resize_factors: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (1.0,), min_length=1, description="reductions, each in (0, 1], at which pictures are used"
    )
    patch_px: int = Field(48, ge=8, description="side of a low-resolution patch")
    batch: int = Field(32, ge=1, description="patches per step")


class OptimizerConfig(Section):
    """Adam or a steadier form of it, with a linear warm-up and, at last, a cosine to zero."""

    steps: int = Field(10_000, ge=1, description="number of optimization steps")
    learning_rate: float = Field(2e-3, gt=0, allow_inf_nan=False)
    warmup_steps: int = Field(100, ge=0)
    decay_steps: int | None = Field(
        None,
        ge=1,
        description="last steps, over which a cosine leads the rate to zero; before them it stays "
        "as it is, so that a resumed run may be made longer. null: all steps after the warm-up",
    )
    algorithm: Literal["stable_adam", "adam"] = Field(
        "stable_adam",
        description="stable_adam: moments of 0.9 and 0.99, and a step whose gradient is larger "
        "than the average by which it is divided is scaled down (StableAdamW, no weight decay); "
        "adam: moments of 0.9 and 0.999",
    )
    gradient_clip_norm: float | None = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description="largest norm of all gradients of a step, which are scaled down to it: one bad "
        "batch does not throw a long run back; null: none",
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="decoupled decay of kernels and matrices: a step takes off rate · weight_decay "
        "of them. Biases and BatchNorms have none",
    )
    batch_norm_penalty: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="factor c of R = mean of the squares of all scales and shifts of BatchNorms, "
        "which is added to the loss; at most a tenth of weight_decay",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="what convolutions of a training step compute in; weights, loss and "
        "validations are float32 in any case",
    )
    l2_steps: int = Field(
        0,
        ge=0,
        description="last steps, whose loss is the mean squared error, by which PSNR is measured, "
        "instead of the mean absolute one",
    )
    float32_steps: int = Field(
        0, ge=0, description="last steps, taken in float32 whatever precision says"
    )
    ema_decay: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="decay of the moving average of the weights that is kept, once it is warm: "
        "after t steps it is at most (1 + t)/(10 + t)",
    )

    @model_validator(mode="after")
    def _penalty_is_small(self) -> Self:
        # A tenth of 1e-3 is a little less than 1e-4 in binary.
        if self.batch_norm_penalty > self.weight_decay / 10 * (1 + 1e-12):
            raise InputError(
                f"optimizer.batch_norm_penalty: {self.batch_norm_penalty:g} breaks the rule that "
                "it is at most a tenth of weight_decay (claim 8: an order of magnitude below the "
                f"weight of the convolutions), which is {self.weight_decay:g}; lower it, or raise "
                "weight_decay"
            )
        return self


class PhasesConfig(Section):
    """What the steps of a run are spent on, in this order; see :mod:`edge_sdk.training.phases`.

    The steps between the two are trained collapsed. The learning rate does not know of phases.
    """

    statistics_steps: int | None = Field(
        None,
        ge=1,
        description="first steps, in which BatchNorms gather statistics and branches run; then "
        "the statistics are frozen and every block runs as one convolution (null: to the end)",
    )
    fake_quantized_steps: int = Field(
        0,
        ge=0,
        description="last steps, with kernels and activations rounded to int8; every validation "
        "of such a run rounds them too",
    )
    distill: bool = Field(
        False,
        description="learn what the model of init returns instead of the pictures",
    )
