from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.reparam import count_macs, count_parameters, fuse
from edge_sdk.reparam.graph.fusion import fuse_graph
from tests.examples import examples
from tests.reparam.random_graphs import networks, residual_streams, summed_rms
from tests.tolerances import RELATIVE_TO_SUM

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

image_sizes = st.tuples(st.integers(7, 16), st.integers(7, 16))


@torch.no_grad()
def taken(model: nn.Module, x: Tensor) -> bool:
    """Whether a random network leaves any pixel of a picture of this size."""
    try:
        return model(x.clone()).numel() > 0
    except RuntimeError:
        return False


@torch.no_grad()
def check_graph(network: tuple[nn.Module, int], size: tuple[int, int], dtype: torch.dtype) -> None:
    model, channels = network
    model = deepcopy(model).to(dtype)
    x = torch.randn(2, channels, *size, dtype=dtype)
    assume(taken(model, x))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = fuse_graph(model, (x,))
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    if found.model is None:
        return
    expected, actual = model(x.clone()), found.model(x.clone())
    assert actual.shape == expected.shape
    assert actual.dtype == dtype
    assert float((actual - expected).abs().max()) <= RELATIVE_TO_SUM[dtype] * summed_rms(model, x)
    assert count_macs(found.model, x) <= count_macs(model, x)


@pytest.mark.slow
@examples(120, suppress_health_check=CHECKS)
@given(networks(3), image_sizes, st.sampled_from(list(RELATIVE_TO_SUM)))
def test_fused_graphs_equal_the_original_on_every_pixel(network, size, dtype) -> None:
    check_graph(network, size, dtype)


@pytest.mark.slow
@examples(600, suppress_health_check=CHECKS)
@given(networks(6), image_sizes, st.sampled_from(list(RELATIVE_TO_SUM)))
def test_longer_fused_graphs_equal_the_original_on_every_pixel(network, size, dtype) -> None:
    check_graph(network, size, dtype)


@pytest.mark.slow
@examples(200, suppress_health_check=CHECKS)
@given(residual_streams(), image_sizes, st.sampled_from(list(RELATIVE_TO_SUM)))
def test_residual_streams_equal_the_original_on_every_pixel(network, size, dtype) -> None:
    check_graph(network, size, dtype)


@pytest.mark.slow
@examples(40, suppress_health_check=CHECKS)
@given(networks(3), image_sizes)
def test_certificates_count_what_there_is(network, size) -> None:
    model, channels = network
    x = torch.rand(1, channels, *size)
    assume(taken(model, x) and float(model(x.clone()).detach().abs().max()) > 1e-3)
    fused, certificate = fuse(model, x)
    assert certificate.parameters_before == count_parameters(model)
    assert certificate.parameters_after == count_parameters(fused)
    assert certificate.macs_before == count_macs(model, x)
    assert certificate.macs_after == count_macs(fused, x) <= certificate.macs_before
    names = [name for name, _ in fused.named_modules()]
    assert all(region.name in names for region in certificate.regions)
    refused = [refusal.name for refusal in certificate.refusals]
    assert len(set(refused)) == len(refused)


@pytest.mark.slow
@examples(25, suppress_health_check=CHECKS)
@given(networks(3), image_sizes)
def test_fusing_again_finds_nothing_more(network, size) -> None:
    model, channels = network
    x = torch.rand(1, channels, *size)
    assume(taken(model, x))
    first = fuse_graph(model, (x,))
    assume(first.model is not None)
    again = fuse_graph(first.model, (x,))
    assert count_macs(again.model or first.model, x) == count_macs(first.model, x)
