from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.imaging import apply_tiled
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig, PictureSpec, Task
from edge_sdk.models.enhance_config import SCALES
from edge_sdk.reparam import (
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    five_branches,
    fuse,
    sesr_branches,
)
from tests.examples import examples
from tests.tolerances import DOUBLE, MERGED_NETWORK

FIVE_PX = (ConvBranchConfig((5,)), ConvBranchConfig((3,), (), "last"), IdentityBranchConfig())
SEVEN_PX = (ConvBranchConfig((3, 5), (3,), "each"), ConvBranchConfig((1,)), IdentityBranchConfig())


@st.composite
def configs(draw: st.DrawFn) -> EnhanceNetConfig:
    widths = tuple(draw(st.lists(st.sampled_from([2, 3]), min_size=1, max_size=4)))
    joining = draw(st.sampled_from(["add", "concatenate"]))
    pairs = [
        (i, j)
        for j in range(len(widths))
        for i in range(j)
        if joining == "concatenate" or widths[i] == widths[j]
    ]
    skips = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)) if pairs else []
    branches = draw(st.sampled_from([None, sesr_branches(4), five_branches(3), FIVE_PX, SEVEN_PX]))
    ends = "branches" if branches is None else draw(st.sampled_from(["branches", "plain"]))
    has_plain = branches is None or ends == "plain"
    task = draw(st.sampled_from(Task))
    return EnhanceNetConfig(
        task=task,
        scale=draw(st.sampled_from(SCALES[task])),
        color=Color.RGB if task is Task.BURST_ZOOM else draw(st.sampled_from(Color)),
        widths=widths,
        branches=branches,
        activation=draw(st.sampled_from(["prelu", "relu", "leaky_relu"])),
        skips=tuple(skips),
        image_skip=draw(st.booleans()),
        collapsed=draw(st.booleans()),
        norm=branches is not None and draw(st.booleans()),
        kernels=draw(st.sampled_from([1, 3, 5])) if has_plain else 3,
        ends=ends,
        joining=joining,
    )


def network(config: EnhanceNetConfig, seed: int = 0) -> EnhanceNet:
    torch.manual_seed(seed)
    return EnhanceNet(config).eval()


@pytest.mark.slow
@examples(40)
@given(configs(), st.integers(1, 9), st.integers(1, 9), st.integers(1, 2))
@torch.no_grad()
def test_output_size_is_what_the_spec_says(config, height, width, count) -> None:
    net = network(config)
    spec = net.spec
    height, width = height * spec.size_multiple, width * spec.size_multiple
    output = net(torch.rand(count, spec.input_channels, height, width))
    size = (spec.scale * height // spec.reduction, spec.scale * width // spec.reduction)
    assert output.shape == (count, config.color.channels, *size)
    assert bool(output.isfinite().all())


@pytest.mark.parametrize(
    ("task", "scale", "expected"),
    [
        (Task.SUPER_RESOLUTION, 4, (4, 1, 1)),
        (Task.DOWN_SCALING, 3, (1, 3, 3)),
        (Task.DENOISING, 1, (1, 1, 1)),
    ],
)
def test_spec_says_what_the_task_does_to_sizes(task: Task, scale: int, expected) -> None:
    spec = network(EnhanceNetConfig(task=task, scale=scale, branches=None)).spec
    assert spec.task is task
    assert (spec.scale, spec.reduction, spec.size_multiple) == expected


@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_without_weights_down_scaling_averages(scale: int, color: Color) -> None:
    config = EnhanceNetConfig(task=Task.DOWN_SCALING, scale=scale, color=color, branches=None)
    net = network(config)
    for parameter in net.reconstruct.parameters():
        parameter.zero_()
    x = torch.rand(2, color.channels, 5 * scale, 7 * scale)
    blocks = x.unfold(2, scale, scale).unfold(3, scale, scale)
    torch.testing.assert_close(net(x), blocks.mean((-2, -1)))


@pytest.mark.parametrize("color", list(Color))
@torch.no_grad()
def test_without_weights_denoising_changes_nothing(color: Color) -> None:
    config = EnhanceNetConfig(task=Task.DENOISING, scale=1, color=color, branches=None)
    net = network(config)
    for parameter in net.reconstruct.parameters():
        parameter.zero_()
    x = torch.rand(2, color.channels, 5, 7)
    assert torch.equal(net(x), x)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("color", list(Color))
@torch.no_grad()
def test_without_weights_the_image_skip_is_nearest_enlargement(scale: int, color: Color) -> None:
    net = network(EnhanceNetConfig(scale=scale, color=color, branches=None))
    for parameter in net.reconstruct.parameters():
        parameter.zero_()
    x = torch.rand(2, color.channels, 5, 7)
    assert torch.equal(net(x), functional.interpolate(x, scale_factor=scale, mode="nearest"))


@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_without_weights_burst_zoom_shows_the_merged_colors(scale: int) -> None:
    config = EnhanceNetConfig(
        task=Task.BURST_ZOOM, scale=scale, color=Color.RGB, branches=None, activation="relu"
    )
    net = network(config)
    for parameter in net.reconstruct.parameters():
        parameter.zero_()
    x = torch.rand(1, 4 * scale**2 + 8, 5, 7)
    assert torch.equal(net(x), functional.pixel_shuffle(x[:, : 3 * scale**2], scale))


@pytest.mark.slow
@examples(20)
@given(configs(), st.integers(0, 2**31))
@torch.no_grad()
def test_fused_equals_trained(config: EnhanceNetConfig, seed: int) -> None:
    net = network(config, seed)
    multiple = net.spec.size_multiple
    x = torch.rand(1, net.spec.input_channels, 9 * multiple, 7 * multiple)
    fused, certificate = fuse(net, x)
    assert isinstance(fused, EnhanceNet)
    assert not fused.has_branches
    assert fused.config == config.fused() == fused.config.fused()
    assert fused.spec == net.spec
    blocks = [config.block_branches(index) for index in range(len(config.widths) + 1)]
    assert len(certificate.regions) == sum(branches is not None for branches in blocks)
    torch.testing.assert_close(fused(x), net(x), **MERGED_NETWORK)


def reach(net: EnhanceNet) -> tuple[int, int, int, int]:
    """Pixels beyond a block's own above, below, left and right that change its output.

    A block is the smallest tile: one input pixel, or the reduction² pixels of one output pixel.
    """
    spec = net.spec
    multiple = spec.size_multiple
    x = torch.rand(1, spec.input_channels, 31 * multiple, 31 * multiple, dtype=torch.float64)
    x.requires_grad_()
    step = spec.scale
    output = net(x)[..., 15 * step : 16 * step, 15 * step : 16 * step]
    (slope,) = torch.autograd.grad(output.sum(), x)
    rows = slope[0].abs().sum((0, 2)).nonzero().squeeze(1)
    columns = slope[0].abs().sum((0, 1)).nonzero().squeeze(1)
    first, last = 15 * multiple, 16 * multiple - 1
    return (
        first - int(rows[0]),
        int(rows[-1]) - last,
        first - int(columns[0]),
        int(columns[-1]) - last,
    )


TASKS = [(task, scale) for task in Task for scale in SCALES[task]]


def only_color(task: Task) -> Color:
    return Color.RGB if task is Task.BURST_ZOOM else Color.Y


@pytest.mark.parametrize(("task", "scale"), TASKS)
@pytest.mark.parametrize("widths", [(3,), (3, 2, 4)])
@pytest.mark.parametrize("branches", [None, sesr_branches(6)])
def test_halo_is_the_receptive_field(task: Task, scale: int, widths, branches) -> None:
    config = EnhanceNetConfig(
        task=task,
        scale=scale,
        color=only_color(task),
        widths=widths,
        branches=branches,
        skips=(),
    )
    net = network(config).double()
    assert reach(net) == (net.spec.halo_px,) * 4


@pytest.mark.parametrize(("task", "scale"), TASKS)
@torch.no_grad()
def test_a_pixel_beyond_the_halo_changes_nothing_and_one_within_does(task, scale: int) -> None:
    config = EnhanceNetConfig(
        task=task, scale=scale, color=only_color(task), widths=(3, 3), skips=()
    )
    net = network(config).double()
    spec = net.spec
    multiple = spec.size_multiple
    x = torch.rand(1, spec.input_channels, 24 * multiple, 24 * multiple, dtype=torch.float64)
    own = slice(12 * spec.scale, 13 * spec.scale)
    before = net(x)[..., own, own]
    for distance, changes in ((spec.halo_px, True), (spec.halo_px + 1, False)):
        for row in (12 * multiple - distance, 13 * multiple - 1 + distance):
            changed = x.clone()
            changed[:, :, row] += 1
            assert torch.equal(net(changed)[..., own, own], before) is not changes


@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("branches", [None, five_branches(4)])
@torch.no_grad()
def test_tiled_equals_whole(color: Color, branches) -> None:
    config = EnhanceNetConfig(color=color, widths=(4, 4, 4), branches=branches, skips=((0, 2),))
    net = network(config).double()
    spec = net.spec
    assert (spec.task, spec.scale, spec.color) == (Task.SUPER_RESOLUTION, 2, color)
    x = torch.rand(1, color.channels, 37, 26, dtype=torch.float64)
    arguments = {"tile_px": 7, "scale": spec.scale, "size_multiple": spec.size_multiple}
    tiled = apply_tiled(net, x, halo_px=spec.halo_px, **arguments)
    torch.testing.assert_close(tiled, net(x), **DOUBLE)
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
def test_a_concatenating_skip_feeds_both() -> None:
    config = EnhanceNetConfig(
        widths=(2, 3, 4),
        skips=((0, 2), (1, 2)),
        joining="concatenate",
        branches=None,
        activation="relu",
        image_skip=False,
    )
    net = network(config)
    assert [conv.in_channels for conv in (*net.features, net.reconstruct)] == [1, 2, 3, 9]
    x = torch.rand(1, 1, 6, 5)
    a, b, c = (
        net.features[0](x).relu(),
        net.features[1](net.features[0](x).relu()).relu(),
        net.features[2](net.features[1](net.features[0](x).relu()).relu()).relu(),
    )
    expected = functional.pixel_shuffle(net.reconstruct(torch.cat((c, a, b), 1)), 2)
    torch.testing.assert_close(net(x), expected)


def test_plain_ends_leave_branches_to_the_modules() -> None:
    net = network(EnhanceNetConfig(widths=(3, 3, 3), skips=(), ends="plain", kernels=5))
    blocks = [isinstance(part, MultiBranchConv2d) for part in (*net.features, net.reconstruct)]
    assert blocks == [False, True, True, False]
    assert net.spec.halo_px == 2 + 1 + 1 + 2
    fused, _ = fuse(net, torch.rand(1, 1, 12, 12))
    assert fused.config.kernels == (5, 3, 3, 5)
    assert fused.config.ends == "branches"
    assert network(fused.config).spec == net.spec


def test_modules_may_have_kernels_of_their_own() -> None:
    config = EnhanceNetConfig(
        widths=(3, 3, 3), skips=(), branches=None, blocks=(None, FIVE_PX, SEVEN_PX, None)
    )
    assert [config.kernel(index) for index in range(4)] == [3, 5, 7, 3]
    assert network(config).spec.halo_px == 1 + 2 + 3 + 1


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


def test_norm_is_a_batch_norm_in_every_block_until_fused() -> None:
    config = EnhanceNetConfig(widths=(3, 5), skips=(), norm=True)
    net = network(config)
    norms = [part for part in net.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [3, 5, 4]
    assert not config.fused().norm
    network(config.fused())


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
        ({"scale": 1}, "by super-resolution; choose 2, 3 or 4"),
        ({"scale": 5}, "choose 2, 3 or 4"),
        ({"widths": ()}, "at least one"),
        ({"widths": (4, 0)}, "positive"),
        ({"skips": ((0, 5),)}, "modules 0 … 4"),
        ({"skips": ((2, 2),)}, "in order"),
        ({"skips": ((3, 1),)}, "in order"),
        ({"skips": ((-1, 1),)}, "in order"),
        ({"widths": (4, 8), "skips": ((0, 1),)}, "4 and 8 channels"),
        ({"activation": "gelu"}, "choose one of: prelu, relu, leaky_relu"),
        ({"color": "y"}, "Color.Y or Color.RGB"),
        ({"task": "denoising"}, "choose one of: super-resolution, down-scaling, denoising"),
        ({"task": Task.DENOISING}, "scale 2 is not supported by denoising; choose 1"),
        ({"task": Task.DOWN_SCALING, "scale": 1}, "by down-scaling; choose 2, 3 or 4"),
        ({"skips": ((0, 1), (0, 1))}, "a pair twice"),
        ({"branches": ()}, "needs two branches or more"),
        ({"branches": None, "norm": True}, "norm follows the sum of branches"),
        ({"branches": (ConvBranchConfig((3,)),)}, "needs two branches or more"),
        ({"branches": (ConvBranchConfig((4,)), IdentityBranchConfig())}, "sizes 4×4, 1×1 do not"),
        ({"kernels": 5}, "here all have branches; .* or set ends: plain"),
        ({"branches": None, "kernels": 4}, "one odd side"),
        ({"branches": None, "kernels": (3, 3)}, "one for each of the 6 convolutions"),
        ({"branches": None, "ends": "plain"}, "leave ends out"),
        ({"ends": "blocks"}, "ends 'blocks' is unknown; choose one of: branches, plain"),
        ({"joining": "stack"}, "joining 'stack' is unknown; choose one of: add, concatenate"),
        ({"initialization": "zero"}, "'zero' is unknown; choose one of: auto, near_identity"),
        ({"branches": (ConvBranchConfig(((1, 3),)), IdentityBranchConfig())}, "sizes 1×3, 1×1"),
    ],
)
def test_configs_that_cannot_be_are_refused(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        EnhanceNetConfig(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0}, "at least 1"),
        ({"halo_px": -1}, "at least 0"),
        ({"reduction": 2, "size_multiple": 3}, "multiple of reduction 2"),
    ],
)
def test_specs_that_cannot_be_are_refused(arguments, message) -> None:
    valid = {
        "architecture": "other",
        "task": Task.DENOISING,
        "scale": 1,
        "color": Color.Y,
        "size_multiple": 1,
        "halo_px": 0,
    }
    with pytest.raises(InputError, match=message):
        PictureSpec(**(valid | arguments))
