"""Pictures of several color profiles brought to one, so that equal values mean equal colors."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edge_sdk.errors import PictureError
from edge_sdk.imaging.matrix_profiles import ProfileError, convert_levels, parse_matrix_profile
from edge_sdk.imaging.picture import Picture, to_levels

if TYPE_CHECKING:
    from PIL import Image

SAME_LEVELS = 1
"""Levels of 8 bits by which profiles that mean the same may differ on the probe."""
_PROBE_STEPS = 9


def convert_profile(
    picture: Picture, profile: bytes | None, name: str, of: str = "the others"
) -> Picture:
    """Bring a picture to a color profile: the same colors, relative to white, in other values.

    Pictures of 8 bits go through littlecms, whatever the profiles are made of; those of 16 bits are
    computed in floats, which takes profiles of curves and a matrix (sRGB, Display P3, Adobe RGB).
    Where the two profiles mean the same, pixels stay as they are. Colors that the profile lacks are
    clipped to it.

    Args:
        picture: what to convert.
        profile: the profile wanted; ``None`` for sRGB.
        name: what to call the picture in messages.
        of: what to call, in messages, whatever has the profile wanted.

    Returns:
        The picture with ``metadata.icc_profile`` set to ``profile``.

    Raises:
        PictureError: if one of the profiles is damaged or not for RGB, or is made of tables and the
            picture has 16 bits.

    Example:
        >>> import torch
        >>> from PIL import ImageCms
        >>> from edge_sdk.imaging import Metadata, Picture, convert_profile
        >>> srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        >>> picture = Picture(torch.rand(3, 8, 8), Metadata(icc_profile=srgb))
        >>> plain = convert_profile(picture, None, "photo.png")
        >>> plain.metadata.icc_profile is None, torch.equal(plain.pixels, picture.pixels)
        (True, True)
    """
    own = picture.metadata.icc_profile
    if own == profile:
        return picture
    metadata = replace(picture.metadata, icc_profile=profile)
    transform = _transform(own, profile, name, of)
    if _changes_nothing(transform):
        return Picture(picture.pixels, metadata)
    if picture.metadata.bit_depth == 8:
        return Picture(_converted_8_bit(picture.pixels, transform), metadata)
    try:
        source, target = (parse_matrix_profile(each or _srgb()) for each in (own, profile))
    except ProfileError as error:
        raise PictureError(
            f"{name}: has 16 bits and another color profile than {of}, which cannot be converted "
            f"at 16 bits ({error}); convert all to one profile first"
        ) from error
    pixels = convert_levels(picture.pixels.numpy(), source, target)
    return Picture(torch.from_numpy(pixels), metadata)


def profile_name(profile: bytes | None) -> str:
    """What a profile calls itself, for people; ``sRGB`` for none.

    Example:
        >>> from edge_sdk.imaging import profile_name
        >>> profile_name(None), profile_name(b"damaged")
        ('sRGB', 'unnamed')
    """
    from PIL import ImageCms

    if profile is None:
        return "sRGB"
    try:
        return " ".join(ImageCms.getProfileDescription(_opened(profile)).split()) or "unnamed"
    except (ImageCms.PyCMSError, OSError):
        return "unnamed"


def _opened(profile: bytes | None) -> Any:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(io.BytesIO(profile or _srgb()))


def _srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _transform(own: bytes | None, wanted: bytes | None, name: str, of: str) -> Any:
    from PIL import ImageCms

    ends = []
    for profile, whose in ((own, name), (wanted, of)):
        try:
            opened = _opened(profile)
        except (OSError, ImageCms.PyCMSError) as error:
            raise PictureError(
                f"{whose}: its color profile is damaged, and other frames have another one; "
                "save it with a whole profile, or all without one"
            ) from error
        space = (profile or _srgb())[16:20].decode("latin-1").strip()
        if space != "RGB":
            raise PictureError(
                f"{whose}: its color profile is for {space}, and other frames have another one; "
                "save all with one RGB profile"
            )
        ends.append(opened)
    try:
        return ImageCms.buildTransform(
            ends[0], ends[1], "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
    except ImageCms.PyCMSError as error:
        raise PictureError(
            f"{name}: its color profile cannot be converted to that of {of} "
            f"({' '.join(str(error).split())}); convert all to one profile first"
        ) from error


def _changes_nothing(transform: Any) -> bool:
    steps = torch.linspace(0, 1, _PROBE_STEPS)
    probe = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).flatten(2)
    change = (_converted_8_bit(probe, transform) - probe).abs().max()
    return float(change) * 255 < SAME_LEVELS + 0.5


def _converted_8_bit(pixels: torch.Tensor, transform: Any) -> torch.Tensor:
    from PIL import Image, ImageCms

    levels = to_levels(pixels).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    converted: Image.Image | None = ImageCms.applyTransform(Image.fromarray(levels), transform)
    assert converted is not None
    planes = np.ascontiguousarray(np.asarray(converted).transpose(2, 0, 1), np.float32)
    return torch.from_numpy(planes / np.float32(255))
