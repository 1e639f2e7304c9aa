"""What is measured: the degradation of a picture, and PSNR and SSIM.

Super-resolution: the picture is cropped to a multiple of the scale and reduced by MATLAB's
antialiased bicubic, and luma is compared. Denoising: Gaussian noise is added, and what the method
works on is compared, all three channels or luma, as in the papers on each. Restoration: it is made
worse by a recipe, and compared likewise. Everything that a file would hold is rounded to 8 bits:
truth, reduced or degraded picture and result. Luma is BT.601 in studio swing, of the reduced
picture as of the truth; a gray file is luma already. A border of ``scale`` pixels is left out on
every side of an enlarged picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.data.degradation.file import read_recipe
from edge_sdk.data.degradation.recipe import DegradationRecipe
from edge_sdk.data.samples.degraded_patches import numbered_degradation
from edge_sdk.data.samples.gaussian_noise import noisy_picture
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import psnr, quantize, read_picture, resize_bicubic, rgb_to_ycbcr, ssim
from edge_sdk.models.spec import Color

_SSIM_WINDOW_PX = 11
LARGEST_SCALE = 16


@dataclass(frozen=True)
class Degradation:
    """What is done to the truth before a method sees it.

    Attributes:
        scale: ratio of sizes of truth and input; 1 for denoising.
        sigma: standard deviation of the noise, in 8-bit levels; 0 for none. Noise is neither
            clipped nor rounded, as in the papers on denoising.
        seed: seed of the noise or the recipe; every picture has its own draw.
        recipe: what a picture is made worse by instead, at scale 1: a preset such as ``document``,
            or a file, as :func:`~edge_sdk.data.read_recipe` takes them.

    Raises:
        InputError: if a number is out of its range, there is no such recipe, or it is given beside
            noise or a scale.

    Example:
        >>> from edge_sdk.evaluation import Degradation
        >>> Degradation(scale=2).border_px, Degradation(sigma=25.0).border_px
        (2, 0)
    """

    scale: int = 1
    sigma: float = 0.0
    seed: int = 0
    recipe: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= LARGEST_SCALE:
            raise InputError(f"scale must be 1 to {LARGEST_SCALE}, not {self.scale}")
        if not 0 <= self.sigma <= 255:
            raise InputError(f"sigma must be 0 to 255 levels, not {self.sigma:g}")
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more, not {self.seed}")
        if self.recipe is not None:
            if self.sigma or self.scale > 1:
                raise InputError(
                    "a recipe has noise and fewer pixels of its own; leave sigma and scale out"
                )
            # Read here, so that a wrong one is told at once, and no picture reads it again.
            _ = self.steps

    @cached_property
    def steps(self) -> DegradationRecipe | None:
        """What :attr:`recipe` names; ``None`` if it is none."""
        return None if self.recipe is None else read_recipe(self.recipe)

    @property
    def border_px(self) -> int:
        """Pixels of the truth left out on every side: the scale, none for denoising."""
        return self.scale if self.scale > 1 else 0


@dataclass(frozen=True)
class Example:
    """A picture as a method sees it and as it should have come out.

    Attributes:
        low: what the method gets, float32 [1, C, h, w]; in [0, 1] unless noisy.
        truth: what results are compared with, float32 of 8 bits: luma [1, H, W]; for denoising of
            color red, green, blue [3, H, W].
        gray: whether the file is gray, so that its values are luma already.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.evaluation import Degradation, degraded
        >>> from edge_sdk.models import Color
        >>> written = write_picture(Picture(torch.rand(3, 33, 49)), "photo.png")
        >>> example = degraded(Path("photo.png"), Color.Y, Degradation(scale=2))
        >>> tuple(example.low.shape), tuple(example.truth.shape), example.gray
        ((1, 1, 16, 24), (1, 32, 48), False)
    """

    low: Tensor
    truth: Tensor
    gray: bool


@dataclass(frozen=True)
class Score:
    """PSNR in dB, infinite for equal pictures, and SSIM.

    Attributes:
        psnr_db: PSNR in dB, infinite for equal pictures.
        ssim: structural similarity, at most 1.

    Example:
        >>> from edge_sdk.evaluation import Score
        >>> Score(psnr_db=37.05, ssim=0.959).psnr_db
        37.05
    """

    psnr_db: float
    ssim: float


def degraded(path: Path, color: Color, degradation: Degradation, index: int = 0) -> Example:
    """Read a picture and degrade it.

    Args:
        path: picture file.
        color: channels that the method takes; they are what is degraded.
        degradation: what to do.
        index: number of the picture, which chooses its noise or what the recipe draws.

    Raises:
        PictureError: if the file cannot be read, or is too small to be scored.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.evaluation import Degradation, degraded
        >>> from edge_sdk.models import Color
        >>> written = write_picture(Picture(torch.rand(3, 32, 48)), "photo.png")
        >>> degraded(Path("photo.png"), Color.RGB, Degradation(sigma=25.0, seed=1)).low.shape
        torch.Size([1, 3, 32, 48])
    """
    picture = read_picture(path)
    scale, gray = degradation.scale, picture.metadata.gray
    height, width = (side - side % scale for side in picture.pixels.shape[-2:])
    least = _SSIM_WINDOW_PX + 2 * degradation.border_px
    if min(height, width) < least:
        raise PictureError(
            f"{path}: {picture.width}×{picture.height} px is too small to score at ×{scale} "
            f"without its border; leave out pictures of less than {least} px a side"
        )
    rgb = quantize(picture.pixels[:, :height, :width].float())
    luma = luma_of(rgb, gray)
    image = luma if color is Color.Y else rgb
    truth = image if scale == 1 else luma
    if scale > 1:
        image = quantize(resize_bicubic(image, size=(height // scale, width // scale)))
    if degradation.sigma:
        image = noisy_picture(image, degradation.sigma, degradation.seed, index)
    if degradation.steps is not None:
        worse = numbered_degradation(image, degradation.steps, degradation.seed, index)
        image = quantize(worse)
    return Example(image[None], truth, gray)


def luma_of(image: Tensor, gray: bool) -> Tensor:
    """Luma [1, H, W] of 8 bits of luma [1, H, W] or red, green, blue [3, H, W] in [0, 1].

    The luma of a gray file is its values: BT.601's would squeeze them to studio swing.

    Args:
        image: float [1, H, W] or [3, H, W] in [0, 1].
        gray: whether the file was gray, so that its values are luma already.

    Returns:
        Float [1, H, W] in [0, 1], multiples of 1/255.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import luma_of
        >>> luma_of(torch.rand(3, 32, 48), gray=False).shape
        torch.Size([1, 32, 48])
    """
    if image.shape[0] == 1:
        return quantize(image)
    return quantize(image.mean(0, keepdim=True) if gray else rgb_to_ycbcr(image)[:1])


def bicubic(low: Tensor, scale: int) -> Tensor:
    """The method to beat: bicubic enlargement of [1, C, h, w] by ``scale``.

    Args:
        low: float [1, C, h, w] in [0, 1].
        scale: enlargement of width and height.

    Returns:
        Float [1, C, scale·h, scale·w]; not clipped.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import bicubic
        >>> bicubic(torch.rand(1, 1, 16, 24), scale=2).shape
        torch.Size([1, 1, 32, 48])
    """
    height, width = low.shape[-2:]
    return resize_bicubic(low, size=(scale * height, scale * width)) if scale > 1 else low


def score(result: Tensor, example: Example, degradation: Degradation) -> Score:
    """Compare what a method made with the truth.

    Args:
        result: float32 [1, C, H, W]; clipped to [0, 1] and rounded to 8 bits here.
        example: the example that it was made from.
        degradation: of the example.

    Raises:
        InputError: if the sizes differ.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.evaluation import Degradation, bicubic, degraded, score
        >>> from edge_sdk.models import Color
        >>> photo = resize_bicubic(torch.rand(3, 8, 12), 6).clamp(0, 1)
        >>> written = write_picture(Picture(photo), "photo.png")
        >>> degradation = Degradation(scale=2)
        >>> example = degraded(Path("photo.png"), Color.Y, degradation)
        >>> score(bicubic(example.low[None], 2)[0], example, degradation).psnr_db > 30
        True
    """
    if result.shape[-2:] != example.truth.shape[-2:]:
        raise InputError(
            f"the method made {list(result.shape)}, the truth is {list(example.truth.shape)}; "
            "name the model that it belongs to"
        )
    if not bool(torch.isfinite(result).all()):
        return Score(-math.inf, math.nan)
    shown = result[0].clamp(0, 1)
    whole = example.truth.shape[0] > 1
    compared = quantize(shown) if whole else luma_of(shown, example.gray)
    border = degradation.border_px
    height, width = compared.shape[-2:]
    inside = (..., slice(border, height - border), slice(border, width - border))
    return Score(
        psnr(compared, example.truth, border=border),
        ssim(compared[inside], example.truth[inside]),
    )
