"""From the bytes of a file to upright samples, with their metadata.

Pillow names the format, finds truncation and reads 8-bit pixels and metadata. It would reduce
16-bit color to 8 bits, so OpenCV decodes 16-bit PNG and TIFF, once Pillow has found them whole.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import PictureError
from edge_sdk.imaging.descriptions import (
    NO_DESCRIPTIONS,
    Descriptions,
    read_descriptions,
)
from edge_sdk.imaging.exif import kept_exif, orientation_of
from edge_sdk.imaging.raw_noise import RawNoise
from edge_sdk.imaging.tiff_directories import read_directories

if TYPE_CHECKING:
    from PIL import Image

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_FLIPS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
"""Orientation → whether to transpose, then flip top to bottom, then left to right."""

_TIFF_SUBFILE, _TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_PLANES = 254, 258, 262, 284
_TIFF_EXTRA_SAMPLES, _TIFF_SAMPLE_FORMAT = 338, 339
_SAMPLE_KINDS = {2: "signed", 3: "floating-point", 4: "undefined", 5: "complex", 6: "complex"}


@dataclass(frozen=True)
class Decoded:
    """Upright samples and what stood beside them.

    Attributes:
        samples: uint8 or uint16 [H, W, C]; C is 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
        exif: EXIF block with orientation 1, or None.
        icc_profile: color profile of the samples, or None.
        raw_noise: noise that a raw file states, or None.
        descriptions: XMP, texts, and what else the file said of its picture.
    """

    samples: Samples
    exif: bytes | None
    icc_profile: bytes | None
    raw_noise: RawNoise | None = None
    descriptions: Descriptions = NO_DESCRIPTIONS

    @property
    def colors(self) -> int:
        """Channels of color: 1 for gray, else 3."""
        return 1 if self.samples.shape[2] <= 2 else 3

    @property
    def depth(self) -> Literal[8, 16]:
        """Bits of a sample."""
        return 8 if self.samples.dtype == np.uint8 else 16


def picture_format(head: bytes) -> str | None:
    """Pillow's name of the format whose file starts with ``head`` (at least 12 bytes), or None."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for start, name in _SIGNATURES if head.startswith(start)), None)


def decode(data: bytes, name: str) -> Decoded:
    """Decode a JPEG, PNG, BMP, WebP or TIFF file.

    Args:
        data: the whole file.
        name: what to call it in messages.

    Raises:
        PictureError: if it is no such picture, is truncated or damaged, holds several pictures, or
            samples of a kind that is not read.
    """
    from PIL import Image

    container = picture_format(data[:12])
    if container is None:
        raise PictureError(
            f"{name}: is not a JPEG, PNG, BMP, WebP, TIFF, HEIC or raw picture; convert it"
        )
    if container == "TIFF":
        _refuse_other_samples(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=(container,)) as image:
                return _decoded(image, data, container, name)
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise PictureError(
            f"{name}: has more than {limit} million pixels; crop it or reduce it first"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError) as error:
        raise PictureError(
            f"{name}: {damage(error, container)}; get a whole copy or save it again"
        ) from error


def _refuse_other_samples(data: bytes, name: str) -> None:
    """Name samples that Pillow does not know, such as floating-point color, before it gives up."""
    for directory in read_directories(data, (_TIFF_BITS, _TIFF_SAMPLE_FORMAT))[:1]:
        kinds = {int(kind) for kind in directory.get(_TIFF_SAMPLE_FORMAT, (1,))}
        bits = max(int(bits) for bits in directory.get(_TIFF_BITS, (1,)))
        if kinds != {1}:
            word = _SAMPLE_KINDS.get(min(kinds - {1}), "unknown")
            raise PictureError(
                f"{name}: has {word} samples of {bits} bits; save it with 8 or 16 bits, unsigned"
            )


def damage(error: BaseException, container: str) -> str:
    """What is wrong with a file of a format, by the error that reading it gave."""
    from PIL import UnidentifiedImageError

    reason = " ".join(str(error).split())
    # Pillow's message names an object of Python's.
    if isinstance(error, UnidentifiedImageError):
        reason = f"not a {container} that can be read"
    return f"is truncated, damaged or of an unusual kind ({reason})"


def _decoded(image: Image.Image, data: bytes, container: str, name: str) -> Decoded:
    _refuse_several(image, container, name)
    tags: Any = getattr(image, "tag_v2", {})
    deep = _is_16_bit(tags, data, container, name)
    image.load()
    icc_profile: bytes | None = image.info.get("icc_profile")
    if deep:
        samples: Samples = _samples_16_bit(image, tags, data, container, name)
    else:
        if image.mode in ("CMYK", "LAB"):
            image, icc_profile = _in_srgb(image, icc_profile, name), None
        samples = _samples_8_bit(image, name)
    exif = image.getexif()
    # Both codecs turn a TIFF upright themselves, and no other format.
    if container != "TIFF":
        samples = _upright(samples, orientation_of(exif))
    height, width = samples.shape[:2]
    return Decoded(
        samples,
        kept_exif(exif, width, height, name),
        icc_profile or None,
        descriptions=read_descriptions(image, data, container),
    )


def _refuse_several(image: Image.Image, container: str, name: str) -> None:
    """Refuse animations and pages; previews in a TIFF and further pictures in a JPEG are passed."""
    count = getattr(image, "n_frames", 1)
    if count == 1 or container == "JPEG":
        return
    if container == "TIFF":
        tiff: Any = image
        full = 0
        for page in range(count):
            tiff.seek(page)
            full += not int(tiff.tag_v2.get(_TIFF_SUBFILE, 0)) & 1
        tiff.seek(0)
        if full == 1:
            return
    raise PictureError(f"{name}: holds {count} pictures; save the one you want by itself")


def _is_16_bit(tags: Any, data: bytes, container: str, name: str) -> bool:
    if container == "PNG":
        return data[24] == 16
    if container != "TIFF":
        return False
    bits = set(tags.get(_TIFF_BITS, (1,)))
    formats = set(tags.get(_TIFF_SAMPLE_FORMAT, (1,)))
    if bits == {16} and formats == {1}:
        return True
    if formats == {1} and len(bits) == 1 and bits <= {1, 2, 4, 8}:
        return False
    raise PictureError(
        f"{name}: has samples of {max(bits)} bits, integer or floating; save it with 8 or 16 bits"
    )


def _samples_8_bit(image: Image.Image, name: str) -> NDArray[np.uint8]:
    has_alpha = "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    gray = image.mode in ("1", "L", "LA", "La")
    if not gray and image.mode not in ("P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "YCbCr"):
        raise PictureError(f"{name}: has pixels of the kind {image.mode}; save it as RGB or gray")
    # From premultiplied gray, Pillow converts to the unpremultiplied kind alone.
    mode = ("L" if gray else "RGB") + ("A" if has_alpha else "")
    samples: NDArray[np.uint8] = np.asarray(image if image.mode == mode else image.convert(mode))
    return samples[..., None] if samples.ndim == 2 else samples


def _in_srgb(image: Image.Image, icc_profile: bytes | None, name: str) -> Image.Image:
    from PIL import ImageCms

    if icc_profile is None:
        raise PictureError(
            f"{name}: is {image.mode} without a color profile, so its colors are not defined; "
            "save it as RGB"
        )
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(icc_profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except ImageCms.PyCMSError as error:
        raise PictureError(
            f"{name}: its {image.mode} colors cannot be converted by its profile; save it as RGB"
        ) from error
    assert converted is not None
    return converted


def _samples_16_bit(
    image: Image.Image, tags: Any, data: bytes, container: str, name: str
) -> NDArray[np.uint16]:
    import cv2

    inverted = False
    if container == "PNG":
        gray, has_alpha = data[25] in (0, 4), data[25] in (4, 6)
    else:
        photometric = tags.get(_TIFF_PHOTOMETRIC)
        gray, has_alpha = photometric in (0, 1), image.mode == "RGBA"
        inverted = photometric == 0
        premultiplied = has_alpha and tags.get(_TIFF_EXTRA_SAMPLES, (0,))[0] == 1
        if photometric not in (0, 1, 2) or tags.get(_TIFF_PLANES, 1) != 1 or premultiplied:
            raise PictureError(
                f"{name}: is a 16-bit TIFF that is neither gray nor interleaved RGB with straight "
                "alpha; save it so"
            )
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise PictureError(f"{name}: its 16-bit samples cannot be decoded; save it again")
    planes: NDArray[np.uint16] = (
        pixels[..., None] if pixels.ndim == 2 else pixels[..., :3][..., ::-1]
    )
    color = planes[..., :1] if gray else planes
    if inverted:
        color = 65535 - color
    key = image.info.get("transparency")
    if has_alpha:
        return np.concatenate((color, pixels[..., 3:]), axis=-1)
    if key is not None:
        seen = (color != np.asarray(key, np.uint16)).any(-1, keepdims=True)
        return np.concatenate((color, seen.astype(np.uint16) * np.uint16(65535)), axis=-1)
    return np.ascontiguousarray(color)


def _upright(samples: Samples, orientation: int) -> Samples:
    transpose, vertical, horizontal = _FLIPS.get(orientation, (False, False, False))
    turned = samples.transpose(1, 0, 2) if transpose else samples
    turned = turned[::-1] if vertical else turned
    return turned[:, ::-1] if horizontal else turned
