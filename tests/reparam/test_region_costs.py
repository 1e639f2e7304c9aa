"""What merging may cost: never more than before, and the cheaper form of joins that narrow."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from torch import nn

from edge_sdk.reparam import count_macs, fuse
from edge_sdk.reparam.graph.fusion import fuse_graph
from tests.examples import examples
from tests.reparam.foreign_models import trained_looking
from tests.reparam.random_graphs import Concat, networks
from tests.reparam.random_regions import Region, regions

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.slow
@examples(60, suppress_health_check=CHECKS)
@given(regions())
def test_random_regions_never_cost_more(region: Region) -> None:
    x = torch.randn(1, region.channels, 8, 9)
    found = fuse_graph(region.model, (x,))
    if found.model is not None:
        assert count_macs(found.model, x) <= count_macs(region.model, x)
    else:
        assert found.refusals


@pytest.mark.slow
@examples(40, suppress_health_check=CHECKS)
@given(networks())
def test_random_networks_never_cost_more(drawn: tuple[nn.Module, int]) -> None:
    model, channels = drawn
    x = torch.randn(1, channels, 26, 25)
    try:
        with torch.no_grad():
            model(x)
    except RuntimeError:
        return
    found = fuse_graph(model, (x,))
    if found.model is not None:
        assert count_macs(found.model, x) <= count_macs(model, x)


widths = st.integers(1, 12)
kernels = st.sampled_from([1, 3, 5])


@pytest.mark.slow
@examples(60, suppress_health_check=CHECKS)
@given(st.lists(st.tuples(widths, kernels), min_size=2, max_size=4), widths, widths, st.booleans())
def test_joins_that_narrow_reach_the_cheaper_form(branches, channels, after, norm) -> None:
    convs = [nn.Conv2d(channels, width, k, padding=k // 2) for width, k in branches]
    narrow = nn.Conv2d(sum(width for width, _ in branches), after, 1)
    behind = [narrow, nn.BatchNorm2d(after)] if norm else [narrow]
    model = trained_looking(nn.Sequential(Concat(convs, False), *behind))
    x = torch.rand(1, channels, 5, 6)
    _, certificate = fuse(model, x)
    one = 5 * 6 * channels * after * max(k for _, k in branches) ** 2
    apart = 5 * 6 * sum(channels * width * k * k + width * after for width, k in branches)
    assert certificate.macs_before == apart
    assert certificate.macs_after <= min(one, apart)
    assert certificate.macs_after == one or certificate.refusals


@pytest.mark.parametrize(
    ("channels", "width", "after", "macs"), [(3, 16, 1, 2_187), (16, 32, 8, 93_312)]
)
def test_a_narrow_convolution_pays_for_the_concatenation(channels, width, after, macs) -> None:
    branches = [nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(channels, width, 1)]
    model = nn.Sequential(Concat(branches, False), nn.Conv2d(2 * width, after, 1)).eval()
    _, certificate = fuse(model, torch.rand(1, channels, 9, 9))
    assert certificate.macs_after == macs
    assert certificate.refusals == ()


def test_what_grows_behind_a_paid_concatenation_is_cut_there() -> None:
    branches = [nn.Conv2d(16, 32, 3, padding=1), nn.Conv2d(16, 32, 1)]
    model = nn.Sequential(Concat(branches, False), nn.Conv2d(64, 2, 1), nn.Conv2d(2, 64, 3)).eval()
    _, certificate = fuse(model, torch.rand(1, 16, 9, 9))
    assert [region.branches for region in certificate.regions] == [3]
    assert [refusal.name for refusal in certificate.refusals] == ["2"]


def test_concatenations_left_unmerged_have_a_reason() -> None:
    branches = [nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(3, 16, 1)]
    _, certificate = fuse(Concat(branches, False).eval(), torch.rand(1, 3, 9, 9))
    assert certificate.regions == ()
    assert [refusal.name for refusal in certificate.refusals] == ["cat"]
    assert "one kernel would cost 69,984 MACs instead of 38,880" in certificate.refusals[0].reason
