from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edge_sdk.errors import EdgeSdkError, FusionError, InputError
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.reparam import (
    ConvBranchConfig,
    MultiBranchConv2d,
    Padding,
    count_macs,
    count_parameters,
    five_branches,
    fuse,
    sesr_branches,
)
from edge_sdk.reparam.blocks import block, branches
from edge_sdk.reparam.proof.certificate import FLOAT32_TOLERANCE, FLOAT64_TOLERANCE
from tests.examples import examples
from tests.tolerances import MERGED_NETWORK


def tiny_net(preset=five_branches) -> nn.Sequential:
    net = nn.Sequential(
        MultiBranchConv2d(2, 3, (ConvBranchConfig((3,)), ConvBranchConfig((1,), (), "last"))),
        nn.PReLU(3),
        MultiBranchConv2d(3, 3, preset(4), collapsed=True),
    )
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.2, 2)
            nn.init.normal_(part.bias)
    return net


def test_the_original_is_untouched_and_the_copy_evaluates() -> None:
    net = tiny_net().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    fused, _ = fuse(net, torch.rand(1, 2, 9, 8))
    assert net.training
    assert net[2].collapsed
    assert isinstance(net[0], MultiBranchConv2d)
    assert before.keys() == net.state_dict().keys()
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(part.training for part in fused.modules())
    assert not any(isinstance(part, MultiBranchConv2d) for part in fused.modules())
    x = torch.rand(2, 2, 5, 11)
    torch.testing.assert_close(fused(x), net.eval()(x), **MERGED_NETWORK)
    fused[0].weight.data.zero_()
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_the_certificate_counts_by_hand() -> None:
    net = nn.Sequential(MultiBranchConv2d(2, 2, sesr_branches(5)))
    fused, certificate = fuse(net, torch.rand(1, 2, 6, 7))
    # 3×3 to 5 channels and 1×1 back, on 6×7 outputs; the input is padded before the first.
    assert certificate.macs_before == 6 * 7 * (2 * 9 * 5 + 5 * 2)
    assert certificate.macs_after == 6 * 7 * 2 * 9 * 2
    assert certificate.parameters_before == (2 * 9 * 5 + 5) + (5 * 2 + 2)
    assert certificate.parameters_after == 2 * 9 * 2 + 2 == count_parameters(fused)
    assert count_macs(fused, torch.rand(3, 2, 6, 7)) == 3 * certificate.macs_after
    (region,) = certificate.regions
    assert (region.name, region.branches, region.kernel) == ("0", 2, (3, 3))
    assert certificate.error_float64 <= FLOAT64_TOLERANCE
    assert certificate.error_float32 <= FLOAT32_TOLERANCE
    assert {"zeros", "impulse", "border", "example"} <= set(certificate.probes)


def test_inner_padding_costs_what_it_computes() -> None:
    # 1×1 first: it runs on the padded 8×9 pixels.
    configs = (ConvBranchConfig((1, 3), (4,)), ConvBranchConfig((3,)))
    _, certificate = fuse(MultiBranchConv2d(2, 3, configs), torch.rand(1, 2, 6, 7))
    assert certificate.macs_before == 8 * 9 * 2 * 4 + 6 * 7 * (4 * 9 * 3 + 2 * 9 * 3)
    assert certificate.regions[0].name == ""


@pytest.mark.slow
@examples(15)
@given(st.integers(1, 14), st.integers(1, 14), st.integers(0, 2**31))
def test_fused_equals_original_for_any_size(height, width, seed) -> None:
    torch.manual_seed(seed)
    net = tiny_net()
    fused, certificate = fuse(net, torch.rand(1, 2, height, width), seed)
    assert len(certificate.regions) == 2
    assert fuse(fused, torch.rand(1, 2, 4, 4))[1].regions == ()


def test_a_shared_block_is_fused_once_for_all_its_places() -> None:
    shared = MultiBranchConv2d(2, 2, sesr_branches(3))
    net = nn.Sequential(shared, nn.ReLU(), shared)
    fused, certificate = fuse(net, torch.rand(1, 2, 5, 5))
    assert fused[0] is fused[2]
    assert isinstance(fused[2], nn.Conv2d)
    assert len(certificate.regions) == 1


@torch.no_grad()
def test_a_large_example_with_little_in_it_fuses() -> None:
    net = EnhanceNet(EnhanceNetConfig(widths=(4,), skips=(), branches=sesr_branches(8)))
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
    _, certificate = fuse(net, torch.zeros(1, 1, 300, 300))
    assert certificate.error_float32 <= FLOAT32_TOLERANCE


def flipped_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    right = block.add
    monkeypatch.setattr(block, "add", lambda *all_: right(*all_[:-1], negative(all_[-1])))


def negative(operator):
    return replace(operator, kernel=-operator.kernel, bias=-operator.bias)


def dropped_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    right = branches.compose

    def wrong(first, second):
        return replace(right(first, second), bias=second.bias)

    monkeypatch.setattr(branches, "compose", wrong)


def wrong_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(operator, padding):
        return replace(operator, padding=replace(padding, top=padding.bottom, left=0, right=0))

    monkeypatch.setattr(block, "pad_first", wrong)


def shifted_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    right = block.pad_first

    def wrong(operator, padding):
        moved = Padding(padding.top + 1, padding.bottom - 1, padding.left, padding.right)
        return right(operator, moved if padding.bottom else padding)

    monkeypatch.setattr(block, "pad_first", wrong)


def missing_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    right = branches.batch_norm
    monkeypatch.setattr(
        branches,
        "batch_norm",
        lambda operator, bn: replace(right(operator, bn), bias=operator.bias),
    )


def missing_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    right = branches.batch_norm
    monkeypatch.setattr(
        branches,
        "batch_norm",
        lambda operator, bn: replace(right(operator, bn), kernel=operator.kernel),
    )


def no_flip(monkeypatch: pytest.MonkeyPatch) -> None:
    right = branches.compose

    def wrong(first, second):
        return right(first, replace(second, kernel=second.kernel.flip(2, 3)))

    monkeypatch.setattr(branches, "compose", wrong)


def not_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    right = branches.batch_norm

    def wrong(operator, bn):
        return replace(right(operator, bn), bias=operator.bias * float("nan"))

    monkeypatch.setattr(branches, "batch_norm", wrong)


@pytest.mark.parametrize(
    "mutation",
    [
        flipped_sign,
        dropped_bias,
        wrong_padding,
        shifted_kernel,
        missing_shift,
        missing_scale,
        no_flip,
        not_a_number,
    ],
)
def test_a_wrong_merge_rule_is_caught(mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    net = tiny_net()
    example = torch.rand(1, 2, 8, 9)
    fuse(net, example)
    mutation(monkeypatch)
    with pytest.raises(FusionError):
        fuse(net, example)


@torch.no_grad()
def test_a_rule_wrong_by_little_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = branches.batch_norm

    def wrong(operator, bn):
        merged = right(operator, bn)
        return replace(merged, bias=merged.bias + 1e-7)

    monkeypatch.setattr(branches, "batch_norm", wrong)
    with pytest.raises(FusionError, match="float64"):
        fuse(tiny_net(), torch.rand(1, 2, 8, 9))


def test_numbers_that_are_not_finite_are_refused() -> None:
    net = tiny_net()
    net[0].branches[0].layers[0].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="not finite for its own example; fix its weights"):
        fuse(net, torch.rand(1, 2, 8, 9))


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (torch.rand(1, 3, 8, 8), "does not take"),
        (torch.rand(2, 8, 8), "N×C×H×W"),
        (torch.rand(1, 2, 0, 8), "N×C×H×W"),
    ],
)
def test_examples_that_do_not_fit_are_refused(example, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        fuse(tiny_net(), example)
    assert "\n" not in str(caught.value)


def test_models_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"float64; call float\(\)"):
        fuse(tiny_net().double(), torch.rand(1, 2, 8, 8))

    class Size(nn.Module):
        def forward(self, x):
            return x.shape[2]

    with pytest.raises(EdgeSdkError, match="returns a int"):
        fuse(Size(), torch.rand(1, 2, 8, 8))
