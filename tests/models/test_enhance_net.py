from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.imaging import apply_tiled
from edge_sdk.models import Colour, EnhanceNet, EnhanceNetConfig, Task
from edge_sdk.reparam import (
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    five_branches,
    fuse,
    sesr_branches,
)


@st.composite
def configs(draw: st.DrawFn) -> EnhanceNetConfig:
    widths = tuple(draw(st.lists(st.sampled_from([2, 3]), min_size=1, max_size=4)))
    pairs = [(i, j) for j in range(len(widths)) for i in range(j) if widths[i] == widths[j]]
    skips = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)) if pairs else []
    return EnhanceNetConfig(
        scale=draw(st.integers(2, 4)),
        colour=draw(st.sampled_from(Colour)),
        widths=widths,
        branches=draw(st.sampled_from([None, sesr_branches(4), five_branches(3)])),
        activation=draw(st.sampled_from(["prelu", "relu", "leaky_relu"])),
        skips=tuple(skips),
        image_skip=draw(st.booleans()),
        collapsed=draw(st.booleans()),
    )


def network(config: EnhanceNetConfig, seed: int = 0) -> EnhanceNet:
    torch.manual_seed(seed)
    return EnhanceNet(config).eval()


@settings(max_examples=40)
@given(configs(), st.integers(1, 9), st.integers(1, 9), st.integers(1, 2))
@torch.no_grad()
def test_output_is_scale_times_any_size(config, height, width, count) -> None:
    channels = config.colour.channels
    output = network(config)(torch.rand(count, channels, height, width))
    assert output.shape == (count, channels, config.scale * height, config.scale * width)
    assert bool(output.isfinite().all())


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("colour", list(Colour))
@torch.no_grad()
def test_without_weights_the_image_skip_is_nearest_enlargement(scale: int, colour: Colour) -> None:
    net = network(EnhanceNetConfig(scale=scale, colour=colour, branches=None))
    for parameter in net.reconstruct.parameters():
        parameter.zero_()
    x = torch.rand(2, colour.channels, 5, 7)
    assert torch.equal(net(x), functional.interpolate(x, scale_factor=scale, mode="nearest"))


@settings(max_examples=20)
@given(configs(), st.integers(0, 2**31))
@torch.no_grad()
def test_fused_equals_trained(config: EnhanceNetConfig, seed: int) -> None:
    net = network(config, seed)
    x = torch.rand(1, config.colour.channels, 9, 7)
    fused, certificate = fuse(net, x)
    assert isinstance(fused, EnhanceNet)
    assert not fused.has_branches
    assert fused.config == config.fused() == fused.config.fused()
    assert fused.spec == net.spec
    blocks = len(config.widths) + 1 if config.branches else 0
    assert len(certificate.regions) == blocks
    torch.testing.assert_close(fused(x), net(x), rtol=1e-4, atol=1e-5)


def reach(net: nn.Module, scale: int) -> tuple[int, int, int, int]:
    """Input pixels above, below, left and right over which a change of one pixel spreads."""
    x = torch.rand(1, 1, 31, 31, dtype=torch.float64)
    changed = x.clone()
    changed[..., 15, 15] += 1
    moved: Tensor = (net(changed) - net(x))[0, 0].abs() > 0
    rows = moved.any(1).nonzero().squeeze(1) // scale
    columns = moved.any(0).nonzero().squeeze(1) // scale
    return (
        15 - int(rows[0]),
        int(rows[-1]) - 15,
        15 - int(columns[0]),
        int(columns[-1]) - 15,
    )


@pytest.mark.parametrize("widths", [(3,), (3, 3), (3, 2, 4, 3)])
@pytest.mark.parametrize("branches", [None, sesr_branches(6)])
@torch.no_grad()
def test_halo_is_the_receptive_field(widths, branches) -> None:
    config = EnhanceNetConfig(widths=widths, branches=branches, skips=(), scale=3)
    net = network(config).double()
    assert reach(net, 3) == (net.spec.halo_px,) * 4


@pytest.mark.parametrize("colour", list(Colour))
@pytest.mark.parametrize("branches", [None, five_branches(4)])
@torch.no_grad()
def test_tiled_equals_whole(colour: Colour, branches) -> None:
    config = EnhanceNetConfig(colour=colour, widths=(4, 4, 4), branches=branches, skips=((0, 2),))
    net = network(config).double()
    spec = net.spec
    assert (spec.task, spec.scale, spec.colour) == (Task.SUPER_RESOLUTION, 2, colour)
    x = torch.rand(1, colour.channels, 37, 26, dtype=torch.float64)
    arguments = {"tile_px": 7, "scale": spec.scale, "size_multiple": spec.size_multiple}
    tiled = apply_tiled(net, x, halo_px=spec.halo_px, **arguments)
    torch.testing.assert_close(tiled, net(x), rtol=0, atol=1e-12)
    short = apply_tiled(net, x, halo_px=spec.halo_px - 1, **arguments)
    assert float((short - net(x)).abs().max()) > 1e-9


@torch.no_grad()
def test_skips_add_outputs_of_modules() -> None:
    net = network(EnhanceNetConfig(widths=(3, 3, 3), branches=None, skips=((0, 1), (0, 2), (1, 2))))
    x = torch.rand(1, 1, 6, 5)
    first, second, third = (
        nn.Sequential(*pair) for pair in zip(net.features, net.activations, strict=True)
    )
    a = first(x)
    b = second(a)
    c = third(b + a)
    subpixels = net.reconstruct(c + a + b) + x
    torch.testing.assert_close(net(x), functional.pixel_shuffle(subpixels, 2))


@torch.no_grad()
def test_activations_are_what_they_are_called() -> None:
    x = torch.linspace(-1, 1, 9).reshape(1, 1, 3, 3)
    for name, slope in (("relu", 0.0), ("leaky_relu", 0.1), ("prelu", 0.1)):
        net = network(EnhanceNetConfig(widths=(1,), skips=(), activation=name))
        torch.testing.assert_close(net.activations[0](x), x.clamp_min(0) + slope * x.clamp_max(0))


def test_where_channels_change_a_projection_stands_in_for_identity() -> None:
    net = network(EnhanceNetConfig(widths=(3, 5), skips=()))
    block = net.features[1]
    assert isinstance(block, MultiBranchConv2d)
    assert [branch.size for branch in block.branches] == [3, 1]
    assert sum(parameter.numel() for parameter in block.branches[1].parameters()) == 3 * 5 + 5


def test_all_weights_learn() -> None:
    net = network(EnhanceNetConfig(widths=(3, 3), skips=((0, 1),), branches=five_branches(4)))
    for collapsed in (True, False):
        net.zero_grad()
        for block in net.modules():
            if isinstance(block, MultiBranchConv2d):
                block.collapsed = collapsed
        net.train(not collapsed)(torch.rand(2, 1, 8, 8)).square().mean().backward()
        assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 1}, "choose 2, 3 or 4"),
        ({"scale": 5}, "choose 2, 3 or 4"),
        ({"widths": ()}, "at least one"),
        ({"widths": (4, 0)}, "positive"),
        ({"skips": ((0, 5),)}, "modules 0 … 4"),
        ({"skips": ((2, 2),)}, "in order"),
        ({"skips": ((3, 1),)}, "in order"),
        ({"skips": ((-1, 1),)}, "in order"),
        ({"widths": (4, 8), "skips": ((0, 1),)}, "4 and 8 channels"),
        ({"activation": "gelu"}, "choose one of: prelu, relu, leaky_relu"),
        ({"colour": "y"}, "Colour.Y or Colour.RGB"),
        ({"branches": ()}, "two or more"),
        ({"branches": (ConvBranchConfig((3,)),)}, "two or more"),
        ({"branches": (ConvBranchConfig((5,)), IdentityBranchConfig())}, "largest of size 3"),
        ({"branches": (ConvBranchConfig((1,)), IdentityBranchConfig())}, "largest of size 3"),
    ],
)
def test_configs_that_cannot_be_are_refused(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        EnhanceNetConfig(**arguments)
