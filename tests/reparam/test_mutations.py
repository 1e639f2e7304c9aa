"""Every rule of the graph fuser, broken one at a time, must be caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from edge_sdk.errors import EdgeSdkError
from edge_sdk.reparam import Padding, count_macs, fuse
from edge_sdk.reparam.graph import fusion as graph_fusion
from edge_sdk.reparam.graph import linear_functions, linear_nodes, region_costs, regions, tracing
from edge_sdk.reparam.linear import compact, operator
from edge_sdk.reparam.skips import chains as skip_chains
from edge_sdk.reparam.skips import folding as skips
from tests.reparam.foreign_models import BNAndPadLayer, trained_looking

Patch = pytest.MonkeyPatch


class Everything(nn.Module):
    """A network in which each rule is needed once."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, (3, 2), padding="same", groups=2)
        self.bn = nn.BatchNorm2d(4)
        self.left = nn.Conv2d(4, 4, 1)
        self.right = nn.Conv2d(4, 4, 1, bias=False)
        self.grown = nn.Sequential(
            nn.ConstantPad2d((1, 2, 0, 1), 0.7), nn.Conv2d(4, 6, 3, stride=2, dilation=(2, 1))
        )
        self.after = nn.Sequential(nn.Conv2d(6, 5, 1), nn.AvgPool2d(2))
        self.inner = nn.Sequential(BNAndPadLayer(1, 5), nn.Conv2d(5, 5, 3))
        self.scale = nn.Parameter(torch.randn(1, 5, 1, 1))
        self.wide = nn.Sequential(nn.Conv2d(5, 3, 3, padding=1), nn.BatchNorm2d(3))
        self.twin = nn.Sequential(nn.Conv2d(5, 2, 3, padding=1), nn.BatchNorm2d(2))
        self.cheap = nn.Sequential(nn.Conv2d(5, 5, 3, groups=5), nn.Conv2d(5, 9, 1))

    def forward(self, x):
        y = functional.relu(self.bn(self.first(x)))
        y = self.left(y) - self.right(y)
        y = functional.relu(self.grown(y))
        y = self.after(y)
        y += 0.3
        y = functional.relu(self.inner(functional.relu(y)) * self.scale - 0.1)
        y = functional.leaky_relu(torch.cat([self.wide(y), self.twin(y)], 1))
        return self.cheap(y)


def wrap(patch: Patch, place: object, name: str, change: Callable) -> None:
    right = getattr(place, name)
    patch.setattr(place, name, lambda *args, **kwargs: change(right(*args, **kwargs)))


def flipped_sign(patch: Patch) -> None:
    patch.setattr(regions, "scale_shift", lambda operator, scale, shift: operator)


def dropped_bias(patch: Patch) -> None:
    wrap(patch, regions, "compose", lambda o: replace(o, bias=0 * o.bias))


def bias_not_carried_through(patch: Patch) -> None:
    right = regions.compose
    patch.setattr(regions, "compose", lambda a, b: replace(right(a, b), bias=b.bias))


def kernel_not_turned(patch: Patch) -> None:
    right = regions.compose
    patch.setattr(regions, "compose", lambda a, b: right(a, replace(b, kernel=b.kernel.flip(2, 3))))


def stride_forgotten(patch: Patch) -> None:
    wrap(patch, linear_nodes, "from_conv", lambda o: replace(o, stride=(1, 1)))


def pad_value_forgotten(patch: Patch) -> None:
    wrap(patch, linear_nodes, "constant_padding", lambda o: replace(o, pad_value=None))


def pad_value_wrong(patch: Patch) -> None:
    def change(o):
        return o if o.pad_value is None else replace(o, pad_value=2 * o.pad_value)

    wrap(patch, linear_nodes, "constant_padding", change)


def padding_on_the_wrong_side(patch: Patch) -> None:
    def change(o):
        pad = o.padding
        return replace(o, padding=Padding(pad.bottom, pad.top, pad.right, pad.left))

    wrap(patch, linear_nodes, "constant_padding", change)


def even_kernel_padded_wrongly(patch: Patch) -> None:
    def change(o):
        pad = o.padding
        return replace(o, padding=Padding(pad.top, pad.bottom, pad.right, pad.left))

    wrap(patch, linear_nodes, "from_conv", change)


def groups_detected_wrongly(patch: Patch) -> None:
    right = graph_fusion.conv_layer

    def wrong(o, dtype):
        kernel = o.kernel
        half = (kernel.shape[0] // 2, kernel.shape[1] // 2)
        kernel = kernel.clone()
        kernel[: half[0], half[1] :] = 0
        return right(replace(o, kernel=kernel), dtype)

    patch.setattr(graph_fusion, "conv_layer", wrong)


def groups_in_the_wrong_order(patch: Patch) -> None:
    wrap(
        patch,
        compact,
        "compact",
        lambda k: replace(k, weight=k.weight.roll(k.weight.shape[0] // k.groups, 0)),
    )


def dilation_forgotten(patch: Patch) -> None:
    patch.setattr(operator, "dilate", lambda kernel, step: kernel)


def dilation_detected_wrongly(patch: Patch) -> None:
    right = compact._dilation
    patch.setattr(
        compact,
        "_dilation",
        lambda kernel, axis: 2 if kernel.shape[axis] > 2 else right(kernel, axis),
    )


def concatenation_in_the_wrong_order(patch: Patch) -> None:
    right = regions.concatenate
    patch.setattr(regions, "concatenate", lambda *all_: right(*reversed(all_)))


def sum_without_its_last(patch: Patch) -> None:
    right = regions.add
    patch.setattr(regions, "add", lambda *all_: right(*all_[:-1]))


def statistics_swapped(patch: Patch) -> None:
    right = linear_nodes.batch_norm

    def wrong(o, bn):
        return right(replace(o, bias=o.bias + 1e-6), bn)

    patch.setattr(linear_nodes, "batch_norm", wrong)


def pool_not_divided(patch: Patch) -> None:
    wrap(patch, linear_nodes, "mean", lambda o: replace(o, kernel=o.kernel * 4))


def scale_ignored(patch: Patch) -> None:
    patch.setattr(
        linear_nodes,
        "scaled",
        lambda channels, scale, shift: linear_functions.scaled(channels, 1 + 0 * scale, shift),
    )


def shift_ignored(patch: Patch) -> None:
    patch.setattr(
        linear_nodes,
        "scaled",
        lambda channels, scale, shift: linear_functions.scaled(channels, scale, 0 * shift),
    )


def written_border_ignored(patch: Patch) -> None:
    patch.setattr(regions, "with_written_border", lambda node, own, constants: own)


def wrong_root(patch: Patch) -> None:
    right = graph_fusion._replace

    def wrong(module, node, root, form, layer):
        return right(module, node, next(iter(module.graph.nodes)), form, layer)

    patch.setattr(graph_fusion, "_replace", wrong)


def padding_between_allowed(patch: Patch) -> None:
    from edge_sdk.reparam.linear import algebra

    patch.setattr(algebra, "_check_padding_between", lambda first, second: None)


MUTATIONS = [
    flipped_sign,
    dropped_bias,
    bias_not_carried_through,
    kernel_not_turned,
    stride_forgotten,
    pad_value_forgotten,
    pad_value_wrong,
    padding_on_the_wrong_side,
    even_kernel_padded_wrongly,
    groups_detected_wrongly,
    groups_in_the_wrong_order,
    dilation_forgotten,
    dilation_detected_wrongly,
    concatenation_in_the_wrong_order,
    sum_without_its_last,
    statistics_swapped,
    pool_not_divided,
    scale_ignored,
    shift_ignored,
    written_border_ignored,
    wrong_root,
    padding_between_allowed,
]


def fuses(model: nn.Module, example: torch.Tensor) -> bool:
    """Whether fusing succeeds and what it promises holds: equal results, and no more expensive."""
    try:
        fused, _ = fuse(model, example)
    except EdgeSdkError:
        return False
    return count_macs(fused, example) <= count_macs(model, example)


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_broken_rule_is_caught(mutation, monkeypatch: Patch) -> None:
    model, example = trained_looking(Everything()), torch.rand(1, 2, 14, 15)
    assert fuses(model, example)
    mutation(monkeypatch)
    assert not fuses(model, example)


def test_ignoring_growth_is_caught(monkeypatch: Patch) -> None:
    model = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 9, 1))
    example = torch.rand(1, 4, 8, 8)
    assert fuses(model, example)
    monkeypatch.setattr(region_costs.Costs, "grows", lambda self, node, form: False)
    assert not fuses(model, example)


class Written(nn.Module):
    """A value that is read, then written to; merging would read it later."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 1)

    def forward(self, x):
        y = functional.relu(self.a(x))
        z = self.b(y)
        y[:, 0] = 5.0
        return self.b(z) + functional.relu(y)


def test_ignoring_what_is_written_in_place_is_caught(monkeypatch: Patch) -> None:
    example = torch.rand(1, 1, 6, 6)
    assert fuses(Written(), example)
    monkeypatch.setattr(tracing, "make_out_of_place", lambda module, inputs: frozenset())
    assert not fuses(Written(), example)


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.PReLU(), nn.Conv2d(3, 1, 3, padding=1)
        )

    def forward(self, x):
        return x - self.layers(x)


@pytest.mark.parametrize("name", ["_times", "_widened_activation"])
def test_a_broken_folding_is_caught(name, monkeypatch: Patch) -> None:
    example = torch.rand(1, 1, 6, 6)
    fuse(Skip(), example, fold_skips=True)
    if name == "_times":
        monkeypatch.setattr(skip_chains, name, lambda operator, sign: operator)
    else:
        monkeypatch.setattr(skips, name, lambda node, module, width, count: nn.Tanh())
    with pytest.raises(EdgeSdkError):
        fuse(Skip(), example, fold_skips=True)
