"""Values are named after modules, joined where a runtime joins, and share codes where they must."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.models import EnhanceNet
from edge_sdk.quantization.value_graph import value_graph


class Mixed(nn.Module):
    """Convolutions, joined and lone clamps, and operators that only move values."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        second = self.second(first)
        both = torch.cat([torch.relu(second), second + first], 1)
        return nn.functional.pixel_shuffle(self.pool(both), 2)


def test_values_are_named_after_modules(network: EnhanceNet) -> None:
    graph = value_graph(network, torch.rand(1, 1, 16, 16))
    names = [value.name for value in graph.values]
    assert names[:3] == ["x", "features.0", "activations.0"]
    assert "reconstruct" in names
    assert len(set(names)) == len(names)


def test_a_clamp_behind_a_convolution_is_joined_to_it() -> None:
    graph = value_graph(Mixed(), torch.rand(1, 3, 16, 16))
    by_name = {value.name: value for value in graph.values}
    assert len(by_name["first.0"].operators) == 2
    # The second convolution feeds two readers, so its own result must exist.
    assert len(by_name["second"].operators) == 1


def test_values_that_only_move_share_their_codes() -> None:
    graph = value_graph(Mixed(), torch.rand(1, 3, 16, 16))
    share = {value.node.name: value.share for value in graph.values}
    assert share["cat"] == share["pool" if "pool" in share else "max_pool2d"]
    assert share["cat"] == share["pixel_shuffle"] == share["relu_1"] == share["add"]
    assert share["add"] == "second"


def test_the_graph_computes_what_the_model_does(network: EnhanceNet) -> None:
    x = torch.rand(1, 1, 16, 16)
    graph = value_graph(network, x)
    with torch.no_grad():
        torch.testing.assert_close(graph.module(x), network(x))


class Namesakes(nn.Module):
    """A module called as an operator is, and that operator."""

    def __init__(self) -> None:
        super().__init__()
        self.mul = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mul(x) * (x * 0.01)


@pytest.mark.slow
def test_no_two_values_have_one_name() -> None:
    values = value_graph(Namesakes(), torch.rand(1, 1, 8, 8)).values
    names = [value.name for value in values]
    assert len(set(names)) == len(values) == 4
    assert "mul" in names
    assert names == [
        value.name for value in value_graph(Namesakes(), torch.rand(1, 1, 8, 8)).values
    ]
    shares = {value.name: value.share for value in values}
    assert shares == {name: name for name in names}
