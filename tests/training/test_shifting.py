"""Shifting a channel changes ranges, and nothing else away from the border."""

from __future__ import annotations

import pytest
import torch

from edge_sdk.models import EnhanceNet, EnhanceNetConfig

pytest.importorskip("lightning", reason="pip install 'edge-sdk[train]'")

from edge_sdk.training.shifting import shift_channels


def with_brightness(layer: int) -> EnhanceNet:
    """A plain network in which one channel of a layer is a large negative multiple of the rest."""
    torch.manual_seed(0)
    skips = ((0, 1), (1, 3), (0, 3))
    config = EnhanceNetConfig(
        widths=(4, 4, 4, 4), skips=skips, branches=None, activation="leaky_relu"
    )
    network = EnhanceNet(config)
    with torch.no_grad():
        conv = network.features[layer]
        conv.weight[2] = 0.01 * conv.weight[2]
        conv.bias[2] = -9.0
    return network


@pytest.mark.parametrize("layer", range(4))
def test_the_output_is_the_same_within_the_border(layer: int) -> None:
    network = with_brightness(layer)
    x = torch.rand(2, 1, 24, 24)
    with torch.no_grad():
        before = network(x)
        inner = network.features[layer](x if layer == 0 else torch.rand(1, 4, 8, 8))
        assert float(inner[:, 2].min()) < -5
        assert shift_channels(network, x) == (f"features.{layer}[2]",)
        after = network(x)
        torch.testing.assert_close(
            after[..., 12:-12, 12:-12], before[..., 12:-12, 12:-12], rtol=0, atol=1e-5
        )
        values = network.features[layer](x if layer == 0 else torch.rand(1, 4, 8, 8))
        assert float(values[:, 2].min()) > 0
        assert float(values[:, 2].max()) < 1.2
        # What is done is done.
        assert shift_channels(network, x) == ()


def test_channels_that_are_used_on_both_sides_stay() -> None:
    network = with_brightness(1)
    with torch.no_grad():
        for layer in network.features:
            layer.bias.zero_()
            layer.weight.copy_(torch.randn(layer.weight.shape))
        before = {name: value.clone() for name, value in network.state_dict().items()}
        assert shift_channels(network, torch.randn(2, 1, 16, 16)) == ()
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
