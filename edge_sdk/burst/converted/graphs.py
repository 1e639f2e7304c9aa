"""The stages as graphs of a fixed size, one tensor in and one out: what a folder of files holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from edge_sdk.burst.converted.packed import (
    ENCODE_CHANNELS,
    PackedBlend,
    PackedEncode,
    blend_channels,
)
from edge_sdk.burst.stages.blend import HALO_PX as BLEND_HALO_PX
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import HALO_PX as ENCODE_HALO_PX
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.score import BLOCK_PX, PackedScore
from edge_sdk.burst.stages.score import HALO_PX as SCORE_HALO_PX
from edge_sdk.models.spec import PictureSpec, burst_channels
from edge_sdk.registration.stages.align import BLOCK_POINTS, PACKED_CHANNELS, SUMS, PackedAlign
from edge_sdk.registration.stages.expand import HALO_PX as EXPAND_HALO_PX
from edge_sdk.registration.stages.expand import POWERS, Expand
from edge_sdk.registration.stages.levels import (
    HALVE_HALO_PX,
    SMOOTH_HALO_PX,
    SURROUND_HALO_PX,
    Halve,
    Smooth,
    Surround,
)
from edge_sdk.registration.stages.search import PackedSearch

Shape = tuple[int, int, int, int]
STAGES = (
    "score",
    "smooth",
    "halve",
    "surround",
    "search",
    "expand",
    "align",
    "encode",
    "blend",
    "decode",
)


@dataclass(frozen=True)
class StageSizes:
    """How much each stage takes at once.

    Attributes:
        scored_px: side of the part of a level that ``score`` measures, a multiple of 8.
        smoothed_px: side of what ``smooth`` returns.
        halved_px: side of what ``halve`` returns.
        surrounded_px: side of what ``surround`` returns.
        expanded_px: side of what ``expand`` returns.
        searched_px: largest shift of ``search``, in each direction.
        searched_length: pixels of the line that it compares.
        aligned_blocks: blocks of 64 points that ``align`` sums.
        encoded_px: side of what ``encode`` returns.
        decoded_px: side of what ``decode`` returns without its margin, in pixels of a frame.
    """

    scored_px: int = 256
    smoothed_px: int = 256
    halved_px: int = 128
    surrounded_px: int = 64
    expanded_px: int = 128
    searched_px: int = 8
    searched_length: int = 2048
    aligned_blocks: int = 128
    encoded_px: int = 150
    decoded_px: int = 128


@dataclass(frozen=True, eq=False)
class StageGraph:
    """A stage of a fixed size.

    Attributes:
        module: one tensor in, one out.
        shape: of the one that goes in.
        in_half: the same function in the form that half precision computes best, where there is
            one of its own.
    """

    module: nn.Module
    shape: Shape
    in_half: nn.Module | None = None

    def module_for(self, precision: str) -> nn.Module:
        """What to convert for a precision."""
        return self.in_half if precision == "fp16" and self.in_half is not None else self.module


def stage_graphs(
    spec: PictureSpec, network: nn.Module, sizes: StageSizes | None = None
) -> dict[str, StageGraph]:
    """All stages of a zoom by a network for bursts, in the order in which a driver runs them.

    Args:
        spec: of the network.
        network: ready for a converter.
        sizes: how much each takes at once.
    """
    sizes, scale = sizes or StageSizes(), spec.scale
    decode_px = sizes.decoded_px + 2 * spec.halo_px
    search_px = sizes.searched_px
    graphs: dict[str, tuple[nn.Module, Shape]] = {
        "score": (PackedScore(), _square(2, sizes.scored_px + 2 * SCORE_HALO_PX)),
        "smooth": (Smooth(), _square(1, sizes.smoothed_px + 2 * SMOOTH_HALO_PX)),
        "halve": (Halve(), _square(1, 2 * sizes.halved_px + 2 * HALVE_HALO_PX)),
        "surround": (Surround(), _square(1, sizes.surrounded_px + 2 * SURROUND_HALO_PX)),
        "search": (
            PackedSearch(search_px),
            (1, 2 * search_px + 4, 1, sizes.searched_length + 2 * search_px),
        ),
        "expand": (Expand(), _square(1, sizes.expanded_px + 2 * EXPAND_HALO_PX)),
        "align": (PackedAlign(), (1, PACKED_CHANNELS, sizes.aligned_blocks, BLOCK_POINTS)),
        "encode": (
            PackedEncode(Encode(scale)),
            _square(ENCODE_CHANNELS, sizes.encoded_px + 2 * ENCODE_HALO_PX),
        ),
        "blend": (
            PackedBlend(Blend(scale)),
            _square(blend_channels(scale), decode_px + 2 * BLEND_HALO_PX),
        ),
        "decode": (network, _square(spec.input_channels, decode_px)),
    }
    in_half = {
        "smooth": Smooth(convolves=True),
        "halve": Halve(convolves=True),
        "surround": Surround(convolves=True),
        "search": PackedSearch(search_px, in_half=True),
    }
    return {
        name: StageGraph(module.eval(), shape, in_half.get(name))
        for name, (module, shape) in graphs.items()
    }


def outputs_of(shapes: Mapping[str, Shape], scale: int) -> dict[str, Shape]:
    """What each stage returns for inputs of such shapes."""
    phases = scale**2
    shifts = shapes["search"][1] - 3
    shrunk = {
        "smooth": (1, SMOOTH_HALO_PX),
        "surround": (1, SURROUND_HALO_PX),
        "expand": (len(POWERS), EXPAND_HALO_PX),
        "encode": (4 * phases + 1, ENCODE_HALO_PX),
        "blend": (burst_channels(scale), BLEND_HALO_PX),
    }
    found: dict[str, Shape] = {}
    for stage, (channels, halo) in shrunk.items():
        height, width = (side - 2 * halo for side in shapes[stage][2:])
        found[stage] = (1, channels, height, width)
    for stage, halo, reduction in (
        ("score", SCORE_HALO_PX, BLOCK_PX),
        ("halve", HALVE_HALO_PX, 2),
    ):
        height, width = ((side - 2 * halo) // reduction for side in shapes[stage][2:])
        found[stage] = (1, 1, height, width)
    height, width = (scale * side for side in shapes["decode"][2:])
    return found | {
        "search": (1, 2 * shifts, 1, shifts),
        "align": (1, SUMS, shapes["align"][2], 1),
        "decode": (1, 3, height, width),
    }


def channels_of(scale: int, searched_px: int) -> dict[str, int]:
    """Channels of the input of each stage but ``decode``."""
    return {
        "score": 2,
        "smooth": 1,
        "halve": 1,
        "surround": 1,
        "search": 2 * searched_px + 4,
        "expand": 1,
        "align": PACKED_CHANNELS,
        "encode": ENCODE_CHANNELS,
        "blend": blend_channels(scale),
    }


def _square(channels: int, side: int) -> Shape:
    return (1, channels, side, side)
