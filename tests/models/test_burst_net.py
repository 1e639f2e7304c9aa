"""The network of bursts: fused exactly, in files, by tiles, and within its budget."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from edge_sdk import fuse
from edge_sdk.errors import InputError
from edge_sdk.models import BurstNet, BurstNetConfig, load_checkpoint, save_checkpoint
from edge_sdk.models.spec import burst_channels
from edge_sdk.reparam import ConvBranchConfig, IdentityBranchConfig
from edge_sdk.reparam.blocks.standardized import StandardizedConv2d


def _network(config: BurstNetConfig | None = None) -> BurstNet:
    torch.manual_seed(0)
    return BurstNet(config).eval().requires_grad_(False)


def _features(scale: int, height: int = 20, width: int = 26) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.rand(1, burst_channels(scale), height, width, generator=generator)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_fused_it_is_a_stack_of_plain_convolutions_and_equal(scale: int) -> None:
    network = _network(BurstNetConfig(scale, stages=2, width=12))
    features = _features(scale)
    fused, certificate = fuse(network, features)
    assert isinstance(fused, BurstNet)
    assert fused.config == network.config.fused()
    assert certificate.error_float64 < 1e-12
    assert torch.allclose(fused(features), network(features), atol=1e-5)


def test_it_starts_near_the_merged_colors() -> None:
    features = _features(2)
    merged = functional.pixel_shuffle(features[:, :12], 2)
    moved = (_network()(features) - merged).square().mean().sqrt()
    # Noise of the whole range is the hardest input that there is.
    assert 0 < moved < 0.3 * merged.std()


def test_the_default_costs_no_more_than_a_phone_has_for_it() -> None:
    features = _features(2)
    fused, certificate = fuse(_network(), features)
    output_px = 4 * features.shape[2] * features.shape[3]
    assert certificate.macs_after / output_px <= 8000
    assert sum(parameter.numel() for parameter in fused.parameters()) <= 40_000


def test_a_tile_with_its_halo_is_the_whole_picture() -> None:
    network, features = _network(BurstNetConfig(stages=2, width=12)), _features(2)
    halo = network.spec.halo_px
    whole = network(features)
    tile = network(features[..., 3:-2, 1:-1])
    inside = tile[..., 2 * halo : -2 * halo, 2 * halo : -2 * halo]
    expected = whole[..., 2 * (3 + halo) : -2 * (2 + halo), 2 * (1 + halo) : -2 * (1 + halo)]
    assert torch.allclose(inside, expected, atol=1e-6)


def test_files_hold_it_whole_partly_merged_and_fused(tmp_path: Path) -> None:
    config, features = BurstNetConfig(stages=1, width=8), _features(2)
    torch.manual_seed(1)
    network = BurstNet(config).eval()
    partly = BurstNet(config).eval()
    partly.load_state_dict(network.state_dict())
    block = network.analyses[0]
    assert isinstance(block, StandardizedConv2d)
    partly.analyses[0] = block.fused()
    assert partly.config.branches is None
    assert partly.config.block(0) is None
    for each in (network, partly, fuse(network, features)[0]):
        save_checkpoint(each, tmp_path / "net.safetensors")
        found = load_checkpoint(tmp_path / "net.safetensors").model
        assert found.config == each.config
        assert torch.allclose(found(features), network(features), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": 5}, "scale 5 is not supported"),
        ({"stages": 0}, "stages must be 1 or more"),
        ({"width": 0}, "width must be 1 or more"),
        ({"branches": (ConvBranchConfig((3,)),)}, "two or more that merge into 3×3"),
        (
            {"branches": (ConvBranchConfig((5,)), IdentityBranchConfig())},
            "two or more that merge into 3×3",
        ),
        ({"blocks": (None,) * 6}, "both describe"),
        ({"blocks": (None,) * 5, "branches": None}, "each of the 6 convolutions, not 5"),
    ],
)
def test_configs_that_say_nothing_possible_are_refused(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        BurstNetConfig(**given)  # type: ignore[arg-type]
