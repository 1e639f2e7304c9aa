"""Fused equals unfused within 1e-12 (float64) and 1e-5 (float32) of the summed RMS of branches."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from torch import nn

from edge_sdk.reparam.graph.fusion import fuse_graph
from edge_sdk.reparam.graph.region_costs import Costs
from tests.examples import examples
from tests.reparam.random_regions import TRAITS, Region, regions, summed_branch_rms
from tests.tolerances import RELATIVE_TO_SUM

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]

image_sizes = st.tuples(st.integers(1, 14), st.integers(1, 14))
dtypes = st.sampled_from(list(RELATIVE_TO_SUM))


@torch.no_grad()
def region_error(region: Region, size: tuple[int, int], dtype: torch.dtype) -> float:
    """Largest error of the one convolution that a region becomes, of the summed RMS."""
    model = region.model.to(dtype)
    x = torch.randn(2, region.channels, *size, dtype=dtype)
    # Whether one convolution is cheaper is not the question here.
    with patch.object(Costs, "macs", return_value=0):
        found = fuse_graph(model, (x,))
    assert found.model is not None
    assert found.refusals == ()
    layers = [part for part in found.model.modules() if not list(part.children())]
    # Uneven padding needs a step of its own before the convolution.
    kinds = [type(layer) for layer in layers if not isinstance(layer, nn.ConstantPad2d)]
    assert kinds == [nn.Conv2d]
    assert all("add" not in node.name for node in found.model.graph.nodes)
    expected, actual = model(x), found.model(x)
    assert actual.shape == expected.shape
    assert actual.dtype == dtype
    return float((actual - expected).abs().max()) / summed_branch_rms(region, x)


def check_regions(count: int) -> Counter[str]:
    """Check ``count`` random regions; how many hold each trait."""
    seen: Counter[str] = Counter()

    @examples(count, suppress_health_check=CHECKS)
    @given(regions(), image_sizes, dtypes)
    def check(region: Region, size: tuple[int, int], dtype: torch.dtype) -> None:
        assert region_error(region, size, dtype) <= RELATIVE_TO_SUM[dtype]
        seen.update(trait for trait, times in region.traits.items() if times)
        seen[str(dtype)] += 1

    check()
    return seen


@pytest.mark.slow
def test_random_regions_become_one_equal_convolution() -> None:
    check_regions(80)


@pytest.mark.slow
def test_many_random_regions_hold_every_dimension_often() -> None:
    seen = check_regions(600)
    rare = {
        trait: seen[trait] for trait in (*TRAITS, *map(str, RELATIVE_TO_SUM)) if seen[trait] < 30
    }
    assert not rare
