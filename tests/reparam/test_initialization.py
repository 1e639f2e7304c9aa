"""How blocks and networks start: by the kernel that their branches compose."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig, Task
from edge_sdk.reparam import (
    BlockConfig,
    BranchConfig,
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    PoolBranchConfig,
    preset,
)
from edge_sdk.reparam.blocks.branches import build_branch
from edge_sdk.reparam.blocks.presets import acnet, dbb, ecb, figure, qarepvgg, repvgg

NAMES = ("figure", "sesr", "ecb", "dbb", "repvgg", "qarepvgg", "acnet")
CHAINS = (ConvBranchConfig((3, 1), (8,)), ConvBranchConfig((1, 5), (8,)))
SHAPES: dict[str, tuple[BranchConfig, ...]] = {
    "identity": (*CHAINS, IdentityBranchConfig()),
    "normalized identity": (ConvBranchConfig((3,), (), "last"), IdentityBranchConfig("last")),
    "one convolution": (ConvBranchConfig((1,)), ConvBranchConfig((3,)), CHAINS[0]),
    "even": (ConvBranchConfig((4,)), ConvBranchConfig((2,))),
    "normalized convolution": (ConvBranchConfig((3,), (), "last"), PoolBranchConfig(3)),
}


def identity_kernel(block: MultiBranchConv2d) -> Tensor:
    height, width = block.kernel
    kernel = torch.zeros(block.out_channels, block.in_channels, height, width)
    kernel[:, :, (height - 1) // 2, (width - 1) // 2] = torch.eye(block.in_channels)
    return kernel


def gain(block: MultiBranchConv2d, x: Tensor) -> float:
    with torch.no_grad():
        return float(block(x).std() / x.std())


@pytest.mark.parametrize("branches", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", ["near_identity", "auto"])
@torch.no_grad()
def test_near_identity_composes_the_identity_and_little_else(branches, kind) -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        block = MultiBranchConv2d(12, 12, branches, initialization=kind).eval()
        off = block.operator().kernel - identity_kernel(block)
        assert float(off.square().sum((1, 2, 3)).sqrt().max()) < 0.15
        assert float(off.abs().max()) > 0


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_presets_pass_on_what_they_are_given(name: str) -> None:
    torch.manual_seed(0)
    config = preset(name, 64)
    x = torch.randn(4, 16, 24, 24)
    block = MultiBranchConv2d(16, 16, config.branches, norm=config.norm)
    # While they train: BatchNorms normalize what comes.
    error = block(x) - x
    assert float(error.square().mean().sqrt()) < 0.2


@pytest.mark.parametrize(
    "config",
    [
        BlockConfig((ConvBranchConfig((3,)), ConvBranchConfig((1,)))),
        BlockConfig((*CHAINS, ConvBranchConfig((1,)))),
        figure(64, identity=False),
        ecb(64, identity=False),
        repvgg(identity=False),
        dbb(64),
        acnet(),
    ],
    ids=lambda config: "+".join(branch.kind for branch in config.branches),
)
def test_plain_is_as_strong_as_a_fresh_convolution(config: BlockConfig) -> None:
    x = torch.randn(4, 9, 24, 24)
    gains = []
    for seed in range(6):
        torch.manual_seed(seed)
        block = MultiBranchConv2d(9, 12, config.branches, norm=config.norm)
        gains.append(gain(block, x))
    assert sum(gains) / len(gains) == pytest.approx(1 / math.sqrt(3), rel=0.12)


@torch.no_grad()
def test_plain_takes_an_identity_back() -> None:
    branches = (ConvBranchConfig((3,)), IdentityBranchConfig(), IdentityBranchConfig())
    torch.manual_seed(0)
    block = MultiBranchConv2d(8, 8, branches, initialization="plain")
    torch.manual_seed(0)
    fresh = nn.Conv2d(8, 8, 3)
    torch.testing.assert_close(block.operator().kernel, fresh.weight)
    torch.testing.assert_close(block.operator().bias, fresh.bias)


@pytest.mark.parametrize("name", NAMES)
def test_independent_is_what_each_branch_is_by_itself(name: str) -> None:
    config = preset(name, 8)
    torch.manual_seed(3)
    block = MultiBranchConv2d(4, 4, config.branches, initialization="independent")
    torch.manual_seed(3)
    alone = [build_branch(4, 4, branch) for branch in config.branches]
    for branch, other in zip(block.branches, alone, strict=True):
        for one, two in zip(branch.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("scale", "color", "widths"),
    [
        (1, Color.Y, (16, 16, 16)),
        (2, Color.Y, (16, 16, 16)),
        # The last convolution has as many channels in as out, which an identity would pass on.
        (2, Color.Y, (4, 4)),
        (4, Color.Y, (16, 16, 16)),
        (2, Color.RGB, (12, 12)),
        (1, Color.RGB, (3, 3)),
    ],
)
@torch.no_grad()
def test_networks_of_every_preset_start_near_their_image_skip(
    name: str, scale: int, color: Color, widths: tuple[int, ...]
) -> None:
    # Behind its BatchNorms nothing can take the identity of ``figure`` back.
    keeps = widths[-1] == (3 if color is Color.RGB else 1) * scale**2
    config = figure(64, identity=False) if keeps and name == "figure" else preset(name, 64)
    photo = example_photo("coffee")[None, :, 96:192, 160:256]
    picture = rgb_to_ycbcr(photo)[:, :1] if color is Color.Y else photo
    skip = nn.functional.interpolate(picture, scale_factor=scale)
    task = Task.DENOISING if scale == 1 else Task.SUPER_RESOLUTION
    for seed in range(3):
        torch.manual_seed(seed)
        network = EnhanceNet(
            EnhanceNetConfig(
                task=task,
                scale=scale,
                color=color,
                widths=widths,
                skips=(),
                branches=config.branches,
                norm=config.norm,
            )
        )
        for training in (True, False):
            residual = network.train(training)(picture) - skip
            start = residual.square().mean().sqrt() / picture.square().mean().sqrt()
            assert float(start) <= 0.3


def test_small_branches_learn_from_the_first_step() -> None:
    block = MultiBranchConv2d(4, 4, SHAPES["identity"], collapsed=True)
    block(torch.randn(1, 4, 8, 8)).square().mean().backward()
    assert all(bool(parameter.grad.abs().max() > 0) for parameter in block.parameters())


@pytest.mark.parametrize(
    ("channels", "branches", "kind", "message"),
    [
        ((3, 4), CHAINS, "near_identity", "3 channels cannot start as the 4 behind; choose auto"),
        ((3, 3), CHAINS, "near_identity", "no branch is an identity, nor one convolution alone"),
        (
            (3, 3),
            (CHAINS[0], IdentityBranchConfig()),
            "plain",
            "no branch is one bare convolution of full size, which could cancel the identity",
        ),
        (
            (3, 3),
            (ConvBranchConfig((3,), (), "last"), IdentityBranchConfig()),
            "plain",
            "choose auto or near_identity",
        ),
        ((3, 3), CHAINS, "zeros", "'zeros' is unknown; choose one of: auto, near_identity, plain"),
    ],
)
def test_what_a_block_does_not_allow_is_refused(channels, branches, kind, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        MultiBranchConv2d(*channels, branches, initialization=kind)
    assert "\n" not in str(caught.value)


@torch.no_grad()
def test_several_identities_count_once() -> None:
    two = (IdentityBranchConfig(), IdentityBranchConfig())
    torch.manual_seed(0)
    block = MultiBranchConv2d(8, 8, (CHAINS[0], ConvBranchConfig((3,)), *two)).eval()
    off = block.operator().kernel - identity_kernel(block)
    assert float(off.abs().max()) < 0.1
    with pytest.raises(InputError, match="identities add up"):
        MultiBranchConv2d(8, 8, (CHAINS[0], *two), initialization="near_identity")
    # By itself it takes a chain that is wide enough to pass all channels on.
    for width in (11, 24):
        chain = ConvBranchConfig((3, 1), (width,))
        block = MultiBranchConv2d(8, 8, (chain, *two)).eval()
        off = block.operator().kernel - identity_kernel(block)
        assert 0 < float(off.abs().max()) < 0.1


def test_a_network_whose_modules_cannot_hold_the_identity_says_so() -> None:
    with pytest.raises(InputError, match="near_identity: no branch is an identity"):
        EnhanceNet(EnhanceNetConfig(branches=CHAINS, initialization="near_identity"))


def test_equal_networks_start_alike_however_they_are_written() -> None:
    branches = preset("ecb", 8).branches
    blocks = (None, branches, branches, None)
    config = EnhanceNetConfig(widths=(8, 8, 8), skips=(), branches=branches, ends="plain")
    other = EnhanceNetConfig(widths=(8, 8, 8), skips=(), branches=None, blocks=blocks)
    networks = []
    for each in (config, other):
        torch.manual_seed(0)
        networks.append(EnhanceNet(each))
    for one, two in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, two)


def test_plain_networks_may_start_near_the_identity_too() -> None:
    config = EnhanceNetConfig(branches=None, initialization="near_identity")
    network = EnhanceNet(config)
    conv = network.features[2]
    assert isinstance(conv, nn.Conv2d)
    diagonal = conv.weight[:, :, 1, 1].diagonal()
    assert float((diagonal.detach() - 1).abs().max()) < 0.02
    torch.manual_seed(0)
    plain = EnhanceNet(EnhanceNetConfig(branches=None))
    torch.manual_seed(0)
    fresh = nn.Conv2d(1, 16, 3)
    first = plain.features[0]
    assert isinstance(first, nn.Conv2d)
    assert torch.equal(first.weight, fresh.weight)


def test_a_norm_behind_the_sum_shrinks_with_it() -> None:
    config = qarepvgg()
    network = EnhanceNet(EnhanceNetConfig(branches=config.branches, norm=config.norm))
    last = network.reconstruct
    assert isinstance(last, MultiBranchConv2d)
    assert last.norm is not None
    assert float(last.norm.weight[0].detach()) == pytest.approx(0.1)


def test_branches_of_one_kernel_are_a_plain_one_whose_center_learns_faster() -> None:
    # Why a row "3×3, 1×1, identity" of the ablation is RepOpt's scaling of gradients, under Adam.
    branches: tuple[BranchConfig, ...] = (
        ConvBranchConfig((3,)),
        ConvBranchConfig((1,)),
        IdentityBranchConfig(),
    )
    torch.manual_seed(0)
    block = MultiBranchConv2d(3, 3, branches, collapsed=True).double()
    start = block.operator()
    scale = torch.ones(3, 3, dtype=torch.float64)
    scale[1, 1] = 2
    weight = nn.Parameter(start.kernel.detach() / scale)
    bias = nn.Parameter(start.bias.detach() / 2)
    x, target = torch.randn(2, 4, 3, 9, 9, dtype=torch.float64)
    optimizers = (
        torch.optim.Adam(block.parameters(), 1e-2),
        torch.optim.Adam([weight, bias], 1e-2),
    )
    for _ in range(30):
        plain = nn.functional.conv2d(x, weight * scale, 2 * bias, padding=1)
        for output, optimizer in zip((block(x), plain), optimizers, strict=True):
            optimizer.zero_grad()
            (output - target).square().mean().backward()
            optimizer.step()
    moved = float((weight * scale - start.kernel).detach().abs().max())
    assert moved > 0.05
    torch.testing.assert_close(
        (weight * scale).detach(), block.operator().kernel.detach(), rtol=0, atol=1e-5 * moved
    )
