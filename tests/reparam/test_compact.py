from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam import LinearOperator, Padding
from edge_sdk.reparam.linear.compact import compact, conv_layer, kernel_macs
from edge_sdk.reparam.linear.operator import dilate, from_conv, ungroup
from tests.examples import examples
from tests.tolerances import DOUBLE

sizes = st.tuples(st.integers(1, 5), st.integers(1, 5))
steps = st.tuples(st.integers(1, 3), st.integers(1, 3))


@examples(80)
@given(
    size=sizes,
    dilation=steps,
    stride=steps,
    groups=st.integers(1, 4),
    per_group=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    seed=st.integers(0, 2**31),
)
@torch.no_grad()
def test_a_layer_is_found_again(size, dilation, stride, groups, per_group, padding, seed) -> None:
    torch.manual_seed(seed)
    before, after = groups * per_group[0], groups * per_group[1]
    conv = nn.Conv2d(before, after, size, stride, padding, dilation, groups).double()
    found = conv_layer(from_conv(conv), torch.float64)
    assert isinstance(found, nn.Conv2d)
    assert found.groups == groups
    assert found.weight.shape == conv.weight.shape
    x = torch.randn(1, before, 17, 16, dtype=torch.float64)
    torch.testing.assert_close(found(x), conv(x), **DOUBLE)


@given(sizes, steps, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
def test_expanding_a_compact_kernel_gives_it_back(size, step, groups, per_in, per_out) -> None:
    weight = torch.randn(groups * per_out, per_in, *size)
    kernel = dilate(ungroup(weight, groups), step)
    found = compact(kernel)
    assert torch.equal(dilate(ungroup(found.weight, found.groups), found.dilation), kernel)
    assert found.weight.numel() <= weight.numel()


def test_a_kernel_of_zeros_has_a_layer() -> None:
    operator = LinearOperator(torch.zeros(4, 2, 3, 3), torch.ones(4), Padding(1, 1, 1, 1))
    layer = conv_layer(operator, torch.float32)
    assert torch.equal(layer(torch.rand(1, 2, 5, 5)), torch.ones(1, 4, 5, 5))
    assert kernel_macs(operator) <= 4 * 2 * 9


@pytest.mark.parametrize("value", [None, 0.0, 1.5])
@pytest.mark.parametrize("padding", [Padding(), Padding(1, 1, 2, 2), Padding(1, 2, 0, 3)])
@torch.no_grad()
def test_padding_of_any_kind_has_a_layer(value, padding) -> None:
    fill = None if value is None else torch.full((2,), value, dtype=torch.float64)
    kernel, bias = torch.randn(3, 2, 3, 2).double(), torch.randn(3).double()
    operator = LinearOperator(kernel, bias, padding, (2, 1), fill)
    x = torch.randn(2, 2, 6, 7, dtype=torch.float64)
    torch.testing.assert_close(conv_layer(operator, torch.float64)(x), operator(x))


def test_a_bias_of_zeros_is_left_out() -> None:
    operator = LinearOperator(torch.ones(1, 1, 1, 1), torch.zeros(1))
    assert conv_layer(operator, torch.float32).bias is None


def test_padding_by_a_value_per_channel_has_no_layer() -> None:
    fill = torch.tensor([1.0, 2.0])
    operator = LinearOperator(
        torch.ones(1, 2, 3, 3), torch.zeros(1), Padding(1, 1, 1, 1), (1, 1), fill
    )
    with pytest.raises(FusionError, match="another value for each channel"):
        conv_layer(operator, torch.float32)
