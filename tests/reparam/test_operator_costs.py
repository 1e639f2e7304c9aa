from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from edge_sdk.reparam import count_bytes, count_macs, fuse, operator_costs
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.presets import five_branches

X = torch.rand(1, 3, 6, 5)


class Of(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(*inputs)


def test_a_convolution_reads_its_input_and_weights_and_writes_its_output() -> None:
    conv = nn.Conv2d(3, 4, 3, padding=1)
    (cost,) = operator_costs(conv, X)
    assert cost.name == "convolution"
    assert cost.bytes_moved == 4 * (3 * 30 + 4 * 3 * 9 + 4 + 4 * 30)
    assert cost.macs == 30 * 4 * 3 * 9 == count_macs(conv, X)


def test_bytes_do_not_depend_on_the_dtype() -> None:
    conv = nn.Conv2d(3, 4, 3)
    assert count_bytes(conv, X) == count_bytes(conv.double(), X.double())


def test_views_move_nothing() -> None:
    def views(x: torch.Tensor) -> torch.Tensor:
        return x.reshape(3, -1).t()[1:].expand(29, 3).unsqueeze(0).detach()

    assert operator_costs(Of(views), X) == ()


def test_a_tensor_given_twice_is_read_once_and_a_repeated_number_too() -> None:
    assert count_bytes(Of(lambda x: x + x), X) == 4 * 2 * 90
    spread = torch.ones(1, 3, 1, 1)
    assert count_bytes(Of(lambda x, y: x + y.expand(1, 3, 6, 5)), X, spread) == 4 * (2 * 90 + 3)


def test_costs_add_up_over_a_chain_and_grow_with_the_picture() -> None:
    first, second = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.ReLU()
    both = count_bytes(nn.Sequential(first, second), X)
    assert both == count_bytes(first, X) + count_bytes(second, X)
    weights = 4 * first.weight.numel()
    larger = functional.pad(X, (0, 5, 0, 6))
    assert count_bytes(first, larger) - weights == 4 * (count_bytes(first, X) - weights)


def test_writing_in_place_reads_and_writes() -> None:
    assert count_bytes(Of(lambda x: x.add_(1.0)), X) == 4 * 2 * 90


def test_the_certificate_lists_what_ran() -> None:
    net = nn.Sequential(MultiBranchConv2d(3, 3, five_branches(4), collapsed=True), nn.ReLU())
    fused, certificate = fuse(net, X)
    assert [cost.name for cost in certificate.operators_after] == ["convolution", "relu"]
    assert certificate.bytes_after == count_bytes(fused, X)
    assert certificate.bytes_before == sum(c.bytes_moved for c in certificate.operators_before)
    assert certificate.macs_before == sum(cost.macs for cost in certificate.operators_before)
    assert certificate.bytes_before > 5 * certificate.bytes_after
