from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam import LinearOperator, Padding
from edge_sdk.reparam.linear.algebra import add, batch_norm, compose, pad_first, scale_shift
from edge_sdk.reparam.linear.operator import dilate, from_conv, identity, ungroup
from tests.examples import examples

RELATIVE = 1e-12
NO_PADDING = Padding()

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
channels = st.integers(1, 4)
paddings = st.builds(Padding, *[st.integers(0, 4)] * 4)
seeds = st.integers(0, 2**31)


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    error = float((actual - expected).abs().max())
    assert error <= RELATIVE * max(1.0, float(expected.abs().max()))


def random_operator(
    out_channels: int,
    in_channels: int,
    size: tuple[int, int],
    padding: Padding = NO_PADDING,
    stride: tuple[int, int] = (1, 1),
) -> LinearOperator:
    kernel = torch.randn(out_channels, in_channels, *size, dtype=torch.float64)
    return LinearOperator(kernel, torch.randn(out_channels).double(), padding, stride)


def image(in_channels: int, height: int = 23, width: int = 20) -> Tensor:
    return torch.randn(2, in_channels, height, width, dtype=torch.float64)


def trained_bn(count: int, affine: bool = True) -> nn.BatchNorm2d:
    bn = nn.BatchNorm2d(count, affine=affine).double().eval()
    assert bn.running_mean is not None
    assert bn.running_var is not None
    bn.running_mean.normal_()
    bn.running_var.uniform_(0.05, 4)
    if affine:
        nn.init.normal_(bn.weight)
        nn.init.normal_(bn.bias)
    return bn


@examples(60)
@given(sizes, strides, paddings, channels, channels, seeds)
def test_an_operator_is_a_padded_convolution(size, stride, padding, before, after, seed) -> None:
    torch.manual_seed(seed)
    operator = random_operator(after, before, size, padding, stride)
    x = image(before)
    wide = torch.zeros(
        2, before, 23 + padding.top + padding.bottom, 20 + padding.left + padding.right
    ).double()
    wide[..., padding.top : padding.top + 23, padding.left : padding.left + 20] = x
    assert_equal(
        operator(x), functional.conv2d(wide, operator.kernel, operator.bias, stride=stride)
    )


@examples(80)
@given(
    size=sizes,
    stride=strides,
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    groups=st.integers(1, 3),
    per_group=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    bias=st.booleans(),
    seed=seeds,
)
def test_any_zero_padding_convolution_becomes_an_operator(
    size, stride, dilation, padding, groups, per_group, bias, seed
) -> None:
    torch.manual_seed(seed)
    before, after = groups * per_group[0], groups * per_group[1]
    conv = nn.Conv2d(
        before, after, size, stride, padding, dilation, groups, bias, dtype=torch.float64
    )
    x = image(before)
    with torch.no_grad():
        assert_equal(from_conv(conv)(x), conv(x))


@examples(80)
@given(sizes, sizes, strides, strides, paddings, st.tuples(channels, channels, channels), seeds)
def test_composition(first_px, second_px, first_step, second_step, padding, widths, seed) -> None:
    torch.manual_seed(seed)
    before, middle, after = widths
    first = random_operator(middle, before, first_px, padding, first_step)
    second = random_operator(after, middle, second_px, stride=second_step)
    x = image(before, 40, 37)
    merged = compose(first, second)
    assert merged.padding == padding
    assert_equal(merged(x), second(first(x)))


@examples(40)
@given(sizes, strides, paddings, st.tuples(channels, channels, channels), seeds)
def test_padding_after_a_pointwise_kernel_without_bias(size, stride, padding, widths, seed) -> None:
    torch.manual_seed(seed)
    before, middle, after = widths
    first = random_operator(middle, before, (1, 1))
    first = LinearOperator(first.kernel, torch.zeros_like(first.bias))
    second = random_operator(after, middle, size, padding, stride)
    x = image(before)
    assert_equal(compose(first, second)(x), second(first(x)))


@examples(20)
@given(sizes, st.tuples(*[channels] * 4), seeds)
def test_composition_is_associative_and_identity_is_neutral(size, widths, seed) -> None:
    torch.manual_seed(seed)
    a, b, c = (random_operator(widths[i + 1], widths[i], size) for i in range(3))
    left, right = compose(compose(a, b), c), compose(a, compose(b, c))
    assert_equal(left.kernel, right.kernel)
    assert_equal(left.bias, right.bias)
    for same in (
        compose(identity(widths[0], a.kernel), a),
        compose(a, identity(widths[1], a.kernel)),
    ):
        assert_equal(same.kernel, a.kernel)
        assert_equal(same.bias, a.bias)


@examples(60)
@given(
    margin=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    offsets=st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=4),
    stride=strides,
    before=channels,
    after=channels,
    seed=seeds,
)
def test_sum_of_aligned_kernels(margin, offsets, stride, before, after, seed) -> None:
    # Kernel extents follow from the paddings: all give outputs of the same size.
    torch.manual_seed(seed)
    operators = [
        random_operator(
            after,
            before,
            (1 + margin[0] + top + bottom, 1 + margin[1] + left + right),
            Padding(top, bottom, left, right),
            stride,
        )
        for top, bottom, left, right in offsets
    ]
    x = image(before)
    expected = sum((operator(x) for operator in operators[1:]), operators[0](x))
    merged = add(*operators)
    assert_equal(merged(x), expected)
    assert_equal(add(*reversed(operators)).kernel, merged.kernel)


@examples(40)
@given(sizes, strides, paddings, channels, channels, st.booleans(), seeds)
def test_batch_norm_and_scale_shift(size, stride, padding, before, after, affine, seed) -> None:
    torch.manual_seed(seed)
    operator = random_operator(after, before, size, padding, stride)
    bn, x = trained_bn(after, affine), image(before)
    with torch.no_grad():
        assert_equal(batch_norm(operator, bn)(x), bn(operator(x)))
    scale, shift = torch.randn(2, after, dtype=torch.float64)
    expected = operator(x) * scale[:, None, None] + shift[:, None, None]
    assert_equal(scale_shift(operator, scale, shift)(x), expected)


@examples(30)
@given(sizes, strides, paddings, paddings, seeds)
def test_padding_first_adds_up(size, stride, own, more, seed) -> None:
    torch.manual_seed(seed)
    operator = random_operator(2, 3, size, own, stride)
    x = image(3)
    padded = functional.pad(x, (more.left, more.right, more.top, more.bottom))
    assert_equal(pad_first(operator, more)(x), operator(padded))


@given(sizes, strides)
def test_dilated_kernels_keep_their_taps(size, step) -> None:
    kernel = torch.arange(1.0, 1 + 6 * size[0] * size[1]).reshape(2, 3, *size)
    spread = dilate(kernel, step)
    assert spread.shape[2:] == tuple((n - 1) * s + 1 for n, s in zip(size, step, strict=True))
    assert torch.equal(spread[..., :: step[0], :: step[1]], kernel)
    assert spread.count_nonzero() == kernel.numel()


def test_ungrouped_kernels_are_block_diagonal() -> None:
    dense = ungroup(torch.ones(4, 3, 1, 1), 2)[..., 0, 0]
    expected = torch.block_diag(torch.ones(2, 3), torch.ones(2, 3))
    assert torch.equal(dense, expected)


def test_rules_are_differentiable_and_keep_the_dtype() -> None:
    conv = nn.Conv2d(2, 3, 3, padding=1, groups=1)
    second = nn.Conv2d(3, 3, 1)
    merged = add(compose(from_conv(conv), from_conv(second)), from_conv(conv))
    assert merged.kernel.dtype == torch.float32
    merged(torch.rand(1, 2, 6, 6)).sum().backward()
    for parameter in (*conv.parameters(), *second.parameters()):
        assert parameter.grad is not None
        assert bool(parameter.grad.abs().sum() > 0)
    assert merged.to(torch.float64).bias.dtype == torch.float64


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_other_paddings_are_refused(mode: str) -> None:
    with pytest.raises(FusionError, match=mode):
        from_conv(nn.Conv2d(1, 1, 3, padding=1, padding_mode=mode))


def test_compositions_without_one_kernel_are_refused() -> None:
    padded = random_operator(2, 2, (3, 3), Padding(1, 1, 1, 1))
    with pytest.raises(FusionError, match="pad once"):
        compose(random_operator(2, 2, (3, 3)), padded)
    with pytest.raises(FusionError, match="pad once"):
        compose(random_operator(2, 2, (1, 1), stride=(2, 2)), padded)
    with pytest.raises(FusionError, match="bias followed by zero padding"):
        compose(random_operator(2, 2, (1, 1)), padded)
    with pytest.raises(FusionError, match="2 channels cannot feed a kernel of 3"):
        compose(random_operator(2, 2, (1, 1)), random_operator(1, 3, (1, 1)))


def test_sums_without_one_kernel_are_refused() -> None:
    plain = random_operator(2, 2, (3, 3))
    with pytest.raises(FusionError, match="at least one"):
        add()
    with pytest.raises(FusionError, match="strides"):
        add(plain, random_operator(2, 2, (3, 3), stride=(2, 1)))
    for other, reason in (
        (random_operator(2, 2, (5, 5)), "different sizes"),
        (random_operator(2, 2, (3, 3), Padding(1, 1, 1, 1)), "different sizes"),
        (random_operator(2, 3, (3, 3)), "do not match"),
        (random_operator(1, 2, (3, 3)), "cannot be added"),
    ):
        with pytest.raises(FusionError, match=reason):
            add(plain, other)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(FusionError, match="do not fit"):
        LinearOperator(torch.zeros(2, 2, 3, 3), torch.zeros(3))
    with pytest.raises(FusionError, match="do not fit"):
        LinearOperator(torch.zeros(2, 3, 3), torch.zeros(2))
    with pytest.raises(FusionError, match="0 or more"):
        Padding(0, 0, -1, 0)
    with pytest.raises(FusionError, match="track them"):
        batch_norm(random_operator(2, 2, (1, 1)), nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(FusionError, match="1 output channels"):
        # Broadcasting would make three channels of one.
        batch_norm(random_operator(1, 2, (1, 1)), trained_bn(3))
