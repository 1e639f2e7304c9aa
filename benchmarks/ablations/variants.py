"""The networks of the ablation's tables, and how long each is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edge_sdk.models import EnhanceNetConfig
from edge_sdk.reparam import BranchConfig, ConvBranchConfig, IdentityBranchConfig
from edge_sdk.reparam.blocks.presets import preset, sesr_branches

WIDTHS = (16, 16, 16, 16, 16)
LAST = len(WIDTHS) - 1
BASE = EnhanceNetConfig(
    widths=WIDTHS,
    skips=((0, LAST),),
    activation="leaky_relu",
    branches=sesr_branches(64),
)
BRANCHES, PRESETS, ACTIVATIONS, SKIPS = "Branches", "Presets", "Activations", "Skips"
PARTS = (BRANCHES, PRESETS, ACTIVATIONS, SKIPS)
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
SHORT = 1200
"""Steps of the runs that choose a rate."""
MIDDLE = 5000
LONG = 20_000


@dataclass(frozen=True)
class Variant:
    """A network of a table.

    Attributes:
        part: table that it stands in.
        name: what its row is called.
        model: the network.
        steps: of the run at the rate that was best after a short one.
        seeds: number of such runs, and of short ones.
    """

    part: str
    name: str
    model: EnhanceNetConfig
    steps: int
    seeds: int


def variants() -> Iterator[Variant]:
    """All networks, those first whose figures matter most."""
    chains = (ConvBranchConfig((3, 1), (64,)), ConvBranchConfig((1, 3), (64,)))
    three: tuple[BranchConfig, ...] = (
        ConvBranchConfig((3,)),
        ConvBranchConfig((1,)),
        IdentityBranchConfig(),
    )
    plain = replace(BASE, branches=None)
    yield Variant(BRANCHES, "1: a plain 3×3", plain, LONG, 3)
    yield Variant(BRANCHES, "2: 3×3→64→1×1, identity", BASE, LONG, 3)
    yield Variant(
        BRANCHES, "5: 3×3→64→1×1, 1×1→64→3×3, 3×3, 1×1, identity",
        replace(BASE, branches=(*chains, *three)), LONG, 3,
    )  # fmt: skip
    yield Variant(
        BRANCHES, "1, near the identity", replace(plain, initialization="near_identity"), LONG, 1
    )
    yield Variant(BRANCHES, "3: 3×3, 1×1, identity", replace(BASE, branches=three), LONG, 1)
    yield Variant(
        BRANCHES, "2, each at its own start",
        replace(BASE, initialization="independent"), MIDDLE, 1,
    )  # fmt: skip
    yield Variant(PRESETS, "none: a plain 3×3", plain, MIDDLE, 1)
    for name in ("ecb", "figure", "dbb", "repvgg", "qarepvgg", "acnet"):
        block = preset(name, 64)
        model = replace(BASE, branches=block.branches, norm=block.norm)
        yield Variant(PRESETS, name, model, MIDDLE, 1)
    for activation in ("prelu", "leaky_relu", "relu"):
        yield Variant(ACTIVATIONS, activation, replace(BASE, activation=activation), SHORT, 1)
    skips: dict[str, tuple[tuple[tuple[int, int], ...], bool]] = {
        "features and image": (((0, LAST),), True),
        "image alone": ((), True),
        "features alone": (((0, LAST),), False),
        "none": ((), False),
    }
    for name, (pairs, image) in skips.items():
        yield Variant(SKIPS, name, replace(BASE, skips=pairs, image_skip=image), SHORT, 1)
