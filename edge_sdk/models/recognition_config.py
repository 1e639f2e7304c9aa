"""The description of a RecognitionNet, the rule that its blocks obey, and its presets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict

from edge_sdk.errors import InputError
from edge_sdk.models.normalization import Normalization

Mode = Literal["default", "literal"]
"""Which blocks reduce the picture: the first of a stage, or, with one block a stage, every one."""
Triple = tuple[int, int, int]


@dataclass(frozen=True)
class RecognitionNetConfig:
    """Description of a RecognitionNet, complete enough to rebuild it.

    Every block that reduces the picture obeys claim 1 of the document: the kernel of A is smaller
    than that of B, and the strides rise, A's below B's below the side of B's kernel, so that B
    skips no pixel. With ``mode="literal"`` all blocks do, as the claim has it, and a stage has one;
    with ``mode="default"`` the first of a stage does, and the others keep the size.

    Attributes:
        classes: names of the classes in the order of the scores, two or more.
        widths: channels that the blocks of each stage return.
        blocks: number of blocks of each stage; all 1 for ``literal``.
        mode: ``default`` or ``literal``.
        bottleneck: A and B have 1/``bottleneck`` of the channels of their block.
        kernels: sides of the kernels of A, B and C, odd.
        strides: of A, B and C in a block that reduces.
        first_width: channels of the convolution before the blocks.
        first_kernel: side of its kernel, odd.
        first_stride: its stride.
        channels: of an input.
        preview_px: side of the square that pictures are resized to for it; others run too.
        mean: what a caller takes off the values in [0, 1], one number or one a channel; empty for
            nothing.
        std: what it divides them by then; as many.
        task: ``recognition``; or ``quality``, whose classes are levels of a score, and whose
            inputs are cuts of a picture side by side instead of the picture resized.
        merged: whether the BatchNorms are merged into the convolutions, as the network deploys.

    Raises:
        InputError: if a value is out of its range, two do not fit each other, or the blocks break
            the rule of claim 1, which the message names.

    Example:
        >>> from edge_sdk.models import RecognitionNetConfig
        >>> RecognitionNetConfig(classes=("cat", "dog")).reduction
        32
        >>> RecognitionNetConfig(classes=("cat", "dog"), strides=(1, 3, 1))
        Traceback (most recent call last):
        edge_sdk.errors.InputError: strides 1 of A and 3 of B, whose kernel is 3×3, break the rule \
of claim 1 (stride of A < stride of B < kernel of B); choose a stride of B among 2
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    classes: tuple[str, ...]
    widths: tuple[int, ...] = (48, 96, 160, 256)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    mode: Mode = "default"
    bottleneck: int = 4
    kernels: Triple = (1, 3, 1)
    strides: Triple = (1, 2, 1)
    first_width: int = 24
    first_kernel: int = 3
    first_stride: int = 2
    channels: int = 3
    preview_px: int = 224
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    task: Literal["recognition", "quality"] = "recognition"
    merged: bool = False
    architecture: Literal["recognition_net"] = "recognition_net"

    def __post_init__(self) -> None:
        self._check_classes()
        self._check_sizes()
        self._check_rule()
        if self.mode not in get_args(Mode):
            raise InputError(f"mode must be default or literal, not {self.mode!r}")
        if self.mode == "literal" and set(self.blocks) != {1}:
            raise InputError(
                f"blocks {self.blocks}: in mode literal every block reduces the picture, and a "
                "stage has one; give 1 for each, or mode default"
            )
        normalization = self.normalization
        if normalization is not None and len(normalization.mean) not in (1, self.channels):
            raise InputError(
                f"{len(self.mean)} means are for {len(self.mean)} channels, not {self.channels}; "
                "give one, or one for each channel"
            )

    @property
    def normalization(self) -> Normalization | None:
        """What a caller does to the values first; ``None`` for nothing."""
        return Normalization(self.mean, self.std) if self.mean or self.std else None

    def fused(self) -> RecognitionNetConfig:
        """The same network with its BatchNorms merged."""
        return replace(self, merged=True)

    @property
    def stage_stride(self) -> int:
        """By how much a stage reduces the picture."""
        first, middle, last = self.strides
        return first * middle * last

    @property
    def reduction(self) -> int:
        """Input pixels, in each direction, per pixel of what is averaged at the end."""
        return int(self.first_stride * self.stage_stride ** len(self.widths))

    def _check_classes(self) -> None:
        if len(self.classes) < 2:
            raise InputError(
                f"classes {list(self.classes)}: one class alone cannot be told from others; give "
                "two or more"
            )
        twice = [name for name in self.classes if self.classes.count(name) > 1]
        if twice or not all(name.strip() for name in self.classes):
            raise InputError(
                f"classes {list(self.classes)}: names must differ and have a letter each"
            )

    def _check_sizes(self) -> None:
        if not self.widths or len(self.widths) != len(self.blocks):
            raise InputError(
                f"{len(self.widths)} widths and {len(self.blocks)} numbers of blocks; give one of "
                "each for every stage"
            )
        for name in ("bottleneck", "first_width", "first_stride", "channels", "preview_px"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if min(*self.widths, *self.blocks, *self.strides) < 1:
            raise InputError("widths, blocks and strides must be 1 or more")
        narrow = [width for width in self.widths if width < self.bottleneck]
        if narrow:
            raise InputError(
                f"width {narrow[0]} with bottleneck {self.bottleneck} leaves A no channel; give "
                "more channels, or a smaller bottleneck"
            )
        if any(side < 1 or side % 2 == 0 for side in (*self.kernels, self.first_kernel)):
            raise InputError(
                f"kernels {self.kernels} and first_kernel {self.first_kernel} must be odd, so that "
                "both branches of a block have the same size"
            )

    def _check_rule(self) -> None:
        (kernel_a, kernel_b, _), (stride_a, stride_b, _) = self.kernels, self.strides
        if kernel_a >= kernel_b:
            raise InputError(
                f"kernels {kernel_a} of A and {kernel_b} of B break the rule of claim 1 (kernel of "
                "A < kernel of B); give a larger B"
            )
        if not stride_a < stride_b < kernel_b:
            fitting = range(stride_a + 1, kernel_b)
            way = (
                f"choose a stride of B among {', '.join(map(str, fitting))}"
                if fitting
                else "take a smaller stride of A, or a larger kernel of B"
            )
            raise InputError(
                f"strides {stride_a} of A and {stride_b} of B, whose kernel is "
                f"{kernel_b}×{kernel_b}, break the rule of claim 1 (stride of A < stride of B < "
                f"kernel of B); {way}"
            )


_PRESETS: dict[str, dict[str, object]] = {
    "tiny": {
        "widths": (16, 32),
        "blocks": (2, 2),
        "bottleneck": 2,
        "first_stride": 1,
        "preview_px": 32,
    },
    "quality": {},
}


def recognition_preset(name: str, classes: Sequence[str]) -> RecognitionNetConfig:
    """A config of proven sizes.

    Args:
        name: ``tiny``, of about 4,000 weights, for tests and small pictures of 32 px; or
            ``quality``, of about 270,000, for previews of 224 px.
        classes: names of the classes.

    Raises:
        InputError: if there is no such preset, or the classes are fewer than two or not distinct.

    Example:
        >>> from edge_sdk.models import recognition_preset
        >>> recognition_preset("tiny", ["disk", "square"]).preview_px
        32
    """
    if name not in _PRESETS:
        raise InputError(f"unknown preset '{name}'; choose one of: {', '.join(_PRESETS)}")
    config = RecognitionNetConfig(tuple(classes))
    return replace(config, **_PRESETS[name])  # type: ignore[arg-type]
