from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import nn
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.reparam import BranchConfig, ConvBranchConfig, IdentityBranchConfig
from edge_sdk.reparam.blocks.branches import FixedBranchConfig, PoolBranchConfig, build_branch
from edge_sdk.reparam.linear.algebra import compose as composed_by_convolution
from edge_sdk.reparam.linear.operator import LinearOperator
from edge_sdk.reparam.linear.pointwise import compose
from tests.examples import examples
from tests.reparam.random_blocks import (
    conv_configs,
    first_type_configs,
    identity_configs,
    sizes,
    trained_looking,
)
from tests.tolerances import DOUBLE

FILE = TypeAdapter(BranchConfig)


@given(first_type_configs | identity_configs)
def test_descriptions_survive_the_file(config) -> None:
    assert FILE.validate_json(FILE.dump_json(config)) == config


@examples(100)
@given(first_type_configs | identity_configs, st.integers(0, 2**31))
@torch.no_grad()
def test_a_branch_is_its_operator(config, seed) -> None:
    torch.manual_seed(seed)
    branch = trained_looking(build_branch(3, 3, config)).double()
    x = torch.randn(2, 3, branch.kernel[0] + 4, branch.kernel[1] + 3, dtype=torch.float64)
    operator = branch.operator(x)
    assert operator.kernel.shape == (3, 3, *config.kernel)
    assert operator.kernel.dtype == torch.float64
    expected = branch(x)
    assert expected.shape == (2, 3, 5, 4)
    error = float((operator(x) - expected).abs().max())
    assert error <= 1e-12 * (1 + float(expected.abs().max()))
    steps = branch.operators(x)
    assert len(steps) == len(config.steps) or isinstance(config, IdentityBranchConfig)


@given(sizes, st.booleans(), st.integers(0, 2**31))
def test_a_product_of_matrices_composes_as_a_convolution_does(size, pointwise_first, seed) -> None:
    torch.manual_seed(seed)
    shape = (size, size) if isinstance(size, int) else size
    order = [(1, 1), shape] if pointwise_first else [shape, (1, 1)]
    first, second = (
        LinearOperator(torch.randn(after, before, *extent).double(), torch.randn(after).double())
        for (before, after), extent in zip([(2, 5), (5, 3)], order, strict=True)
    )
    fast, slow = compose(first, second), composed_by_convolution(first, second)
    torch.testing.assert_close(fast.kernel, slow.kernel, **DOUBLE)
    torch.testing.assert_close(fast.bias, slow.bias, **DOUBLE)


@torch.no_grad()
def test_edge_filters_respond_to_edges() -> None:
    row, column = torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij")
    pictures = {"sobel_x": column, "sobel_y": row, "laplacian": column**2 + row**2}
    slopes = {
        "sobel_x": (-8.0, 0.0, 0.0),
        "sobel_y": (0.0, -8.0, 0.0),
        "laplacian": (0.0, 0.0, 4.0),
    }
    for name, expected in slopes.items():
        branch = build_branch(1, 1, FixedBranchConfig(name))
        for parameter, value in zip(branch.parameters(), (2.0, 0.5, 1.0, 5.0), strict=True):
            parameter.fill_(value)
        named = dict(branch.named_parameters())
        scale, shift = float(named["scale"]), float(named["shift"])
        weight = float(named["conv.weight"])
        for picture, slope in zip(pictures.values(), expected, strict=True):
            wanted = slope if name != "laplacian" or picture is pictures["laplacian"] else 0.0
            if picture is pictures["laplacian"] and name != "laplacian":
                continue
            response = branch(picture[None, None])
            torch.testing.assert_close(
                response, torch.full_like(response, scale * weight * wanted + shift)
            )


@torch.no_grad()
def test_pooling_takes_the_mean_of_the_convolved_window() -> None:
    branch = build_branch(2, 3, PoolBranchConfig((2, 3)))
    x = torch.randn(1, 2, 5, 6)
    torch.testing.assert_close(branch(x), branch.conv(functional.avg_pool2d(x, (2, 3), 1)))


def test_batch_norms_stand_where_they_are_requested() -> None:
    def kinds(place: str) -> str:
        config = ConvBranchConfig((3, 1, (1, 3)), (4, 5), place)
        layers = build_branch(2, 2, config).layers
        return "".join("c" if isinstance(layer, nn.Conv2d) else "b" for layer in layers)

    assert {place: kinds(place) for place in ("none", "each", "last", "between")} == {
        "none": "ccc",
        "each": "cbcbcb",
        "last": "cccb",
        "between": "cbcbc",
    }
    assert build_branch(2, 2, IdentityBranchConfig("between")).bn is None
    pool = build_branch(2, 2, PoolBranchConfig(3, "between"))
    assert pool.inner_bn is not None
    assert pool.bn is None


@given(conv_configs())
def test_sizes_add_up(config) -> None:
    heights, widths = zip(*config.steps, strict=True)
    assert config.kernel == (
        sum(heights) - len(heights) + 1,
        sum(widths) - len(widths) + 1,
    )
    assert config.size == max(config.kernel)


@pytest.mark.parametrize(
    ("text", "config"),
    [
        (
            '{"kind": "conv", "kernels": [3, 1], "widths": [64], "batch_norm": "none"}',
            ConvBranchConfig((3, 1), (64,)),
        ),
        ('{"kind": "conv", "kernels": [[1, 3]]}', ConvBranchConfig(((1, 3),))),
        ('{"kind": "identity"}', IdentityBranchConfig()),
        ('{"kind": "pool", "window": 3}', PoolBranchConfig(3)),
        ('{"kind": "fixed", "filter": "laplacian"}', FixedBranchConfig("laplacian")),
    ],
)
def test_files_say_what_a_branch_is(text, config) -> None:
    assert FILE.validate_json(text) == config


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "conv", "kernels": [3], "wide": 1}',
        '{"kind": "pool", "window": 3, "kernel": 3}',
        '{"kind": "fixed", "filter": "laplacian", "widths": []}',
        '{"kind": "identity", "filter": "laplacian"}',
        '{"kind": "dilated", "kernels": [3]}',
        '{"kind": "fixed", "filter": "prewitt"}',
        '{"kind": "conv", "kernels": [[1, 3, 3]]}',
    ],
)
def test_files_with_unknown_keys_or_kinds_are_refused(text) -> None:
    with pytest.raises((ValidationError, InputError)):
        FILE.validate_json(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ((),),
        ((0,),),
        ((-1,),),
        (((3, 0),),),
        (((3,),),),
        (((3, 3, 3),),),
        ((3, 1),),
        ((3, 1), (0,)),
        ((3,), (4,)),
        ((3,), (), "bn"),
    ],
)
def test_branches_that_cannot_be_are_refused(arguments) -> None:
    with pytest.raises(InputError):
        ConvBranchConfig(*arguments)


def test_what_is_misspelled_is_refused() -> None:
    with pytest.raises(InputError, match="'after' is unknown; choose one of: none, each, last"):
        IdentityBranchConfig("after")
    with pytest.raises(InputError, match="'prewitt' is unknown; choose one of: sobel_x"):
        FixedBranchConfig("prewitt")
    with pytest.raises(InputError, match="window 0"):
        PoolBranchConfig(0)
