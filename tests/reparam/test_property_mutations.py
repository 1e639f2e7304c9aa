"""The property tests notice every rule that is broken, whatever networks they happen to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from edge_sdk.errors import EdgeSdkError
from edge_sdk.reparam import Padding
from edge_sdk.reparam.blocks import block, branches
from tests.reparam import test_pre_activation_mutations as stream_mutations
from tests.reparam.random_blocks import blocks
from tests.reparam.random_graphs import networks, residual_streams
from tests.reparam.random_regions import regions
from tests.reparam.test_block import block_error
from tests.reparam.test_graph_properties import check_graph, image_sizes
from tests.reparam.test_mutations import MUTATIONS, Patch, wrap
from tests.reparam.test_region_properties import region_error
from tests.tolerances import RELATIVE_TO_SUM

DTYPES = st.sampled_from(list(RELATIVE_TO_SUM))
FIRST_ONLY = settings(
    max_examples=300,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""Examples without shrinking: that one fails is all that is asked."""

sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))


def check_region(region, size, dtype) -> None:
    assert region_error(region, size, dtype) <= RELATIVE_TO_SUM[dtype]


with_regions = given(regions(), sizes, DTYPES)
region_property = FIRST_ONLY(with_regions(check_region))
few_regions = settings(FIRST_ONLY, max_examples=20)(with_regions(check_region))
"""What regions show at all shows in the first of them; they cost more than graphs."""


@FIRST_ONLY
@given(networks(3), image_sizes, DTYPES)
def graph_property(network, size, dtype) -> None:
    check_graph(network, size, dtype)


@FIRST_ONLY
@given(residual_streams(), image_sizes, DTYPES)
def stream_property(network, size, dtype) -> None:
    check_graph(network, size, dtype)


@FIRST_ONLY
@given(blocks(), sizes, DTYPES)
def block_property(drawn, size, dtype) -> None:
    assert block_error(drawn, size, dtype) <= RELATIVE_TO_SUM[dtype]


def holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except (AssertionError, EdgeSdkError, RuntimeError, Unsatisfiable):
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_random_regions_and_graphs_notice(mutation, monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    assert not (holds(few_regions) and holds(graph_property))


STREAM_MUTATIONS = [
    stream_mutations.without("input_scale"),
    stream_mutations.without("input_shift"),
    stream_mutations.without("output_shift"),
    stream_mutations.shift_put_in_with_the_wrong_sign,
    stream_mutations.statistics_left_out_of_the_shift,
    stream_mutations.epsilon_left_out_of_the_scale,
    stream_mutations.difference_along_the_stream_forgotten,
    stream_mutations.factor_of_a_sum_forgotten,
    stream_mutations.any_channel_allowed,
    stream_mutations.any_reader_allowed,
    stream_mutations.padded_zeros_forgotten,
    stream_mutations.zeros_in_means_forgotten,
]


@pytest.mark.slow
@pytest.mark.parametrize("mutation", STREAM_MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_random_streams_notice(mutation, monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    assert not holds(stream_property)


def branch_dropped(patch: Patch) -> None:
    right = block.add
    patch.setattr(block, "add", lambda *all_: right(*all_[:-1]))


def block_padded_on_the_wrong_side(patch: Patch) -> None:
    right = block.pad_first

    def wrong(operator, pad):
        return right(operator, Padding(pad.bottom, pad.top, pad.right, pad.left))

    patch.setattr(block, "pad_first", wrong)


def norm_after_the_sum_ignored(patch: Patch) -> None:
    patch.setattr(block, "batch_norm", lambda operator, bn: operator)


def steps_in_the_wrong_direction(patch: Patch) -> None:
    right = branches.compose
    patch.setattr(
        branches, "compose", lambda a, b: right(a, replace(b, kernel=b.kernel.flip(2, 3)))
    )


def first_bias_dropped(patch: Patch) -> None:
    right = branches.compose
    patch.setattr(branches, "compose", lambda a, b: right(replace(a, bias=0 * a.bias), b))


def sign_of_a_step_flipped(patch: Patch) -> None:
    wrap(patch, branches, "from_conv", lambda o: replace(o, kernel=-o.kernel))


def bias_of_a_step_dropped(patch: Patch) -> None:
    wrap(patch, branches, "from_conv", lambda o: replace(o, bias=0 * o.bias))


def mean_shift_dropped(patch: Patch) -> None:
    wrap(patch, branches, "batch_norm", lambda o: replace(o, bias=0 * o.bias))


def deviation_without_epsilon(patch: Patch) -> None:
    right = branches.batch_norm

    def wrong(operator, bn):
        epsilon, bn.eps = bn.eps, 0.0
        merged = right(operator, bn)
        bn.eps = epsilon
        return merged

    patch.setattr(branches, "batch_norm", wrong)


def mean_of_the_wrong_size(patch: Patch) -> None:
    wrap(patch, branches, "average_pool", lambda o: replace(o, kernel=o.kernel * 1.1))


def filter_turned(patch: Patch) -> None:
    wrap(patch, branches, "from_kernel", lambda o: replace(o, kernel=o.kernel.transpose(2, 3)))


def identity_off_its_center(patch: Patch) -> None:
    wrap(patch, branches, "identity", lambda o: replace(o, kernel=o.kernel.roll(1, 0)))


BLOCK_MUTATIONS = [
    branch_dropped,
    block_padded_on_the_wrong_side,
    norm_after_the_sum_ignored,
    steps_in_the_wrong_direction,
    first_bias_dropped,
    sign_of_a_step_flipped,
    bias_of_a_step_dropped,
    mean_shift_dropped,
    deviation_without_epsilon,
    mean_of_the_wrong_size,
    filter_turned,
    identity_off_its_center,
]


@pytest.mark.parametrize("mutation", BLOCK_MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_random_blocks_notice(mutation, monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    assert not holds(block_property)


@pytest.mark.slow
@pytest.mark.parametrize(
    "check",
    [
        region_property,
        pytest.param(graph_property, marks=pytest.mark.nightly),
        pytest.param(stream_property, marks=pytest.mark.nightly),
        block_property,
    ],
)
@torch.no_grad()
def test_right_rules_are_not_complained_of(check) -> None:
    check()
