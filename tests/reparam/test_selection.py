from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from edge_sdk.errors import InputError
from edge_sdk.int8 import fake_quantize
from edge_sdk.reparam import (
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    Rule,
    five_branches,
)
from edge_sdk.reparam.plans.cost import select_by_cost
from edge_sdk.reparam.plans.plan import FusionPlan, changes, group, select
from tests.examples import examples
from tests.reparam.random_blocks import (
    blocks,
    first_type_configs,
    identity_configs,
    trained_looking,
)

FIVE = five_branches(4)  # 3×3→1×1, 1×1→3×3, 3×3, 1×1, identity
THREES, PAIRS = Rule("kernel", 3), Rule("count", 2)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("all"), (0, 1, 2, 3, 4)),
        (THREES, (0, 1, 2)),
        (Rule("kernel", (3, 3)), (0, 1, 2)),
        (Rule("kernel", 1), (0, 1, 3)),
        (PAIRS, (0, 1)),
        (Rule("count", 1), (2, 3)),
        (Rule("all_of", rules=(THREES, PAIRS)), (0, 1)),
        (Rule("any_of", rules=(PAIRS, Rule("count", 1))), (0, 1, 2, 3)),
        (Rule("all_of", rules=(THREES, Rule("random", 3))), (0, 1, 2)),
        (Rule("random", 5), (0, 1, 2, 3, 4)),
        (Rule("all_of", rules=(Rule("count", 1), THREES)), (2,)),
    ],
)
def test_rules_pick_what_they_say(rule, expected) -> None:
    assert select(rule, FIVE) == expected


@given(st.integers(2, 5), st.integers(0, 2**31))
def test_the_seed_decides_the_draw(count, seed) -> None:
    drawn = select(Rule("random", count, seed), FIVE)
    assert drawn == select(Rule("random", count, seed), FIVE)
    assert len(set(drawn)) == count
    assert drawn == tuple(sorted(drawn))
    assert set(drawn) <= set(range(5))


def test_every_draw_comes_up() -> None:
    drawn = {select(Rule("random", 2, seed), FIVE) for seed in range(200)}
    assert drawn == set(itertools.combinations(range(5), 2))


@pytest.mark.slow
@given(st.lists(identity_configs, min_size=2, max_size=4), st.integers(1, 3))
def test_identities_never_match_size_or_number(identities, size) -> None:
    for rule in (Rule("kernel", size), Rule("count", size)):
        with pytest.raises(InputError, match="no branch"):
            select(rule, identities)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Rule("all_of", rules=(Rule("kernel", 5), THREES)), "no branch of 5"),
        (Rule("all_of", rules=(PAIRS, Rule("count", 1))), "exclude each other"),
        (Rule("kernel", 7), "no branch"),
        (Rule("random", 6), "6 branches to merge, but there are 5"),
        (Rule("all_of", rules=(PAIRS, Rule("random", 3))), "there are 2"),
    ],
)
def test_rules_that_contradict_are_refused(rule, message) -> None:
    with pytest.raises(InputError, match=message):
        select(rule, FIVE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rule("random", 0),
        lambda: Rule("random", -2),
        lambda: Rule("count", 0),
        lambda: Rule("all_of", rules=(THREES,)),
        lambda: Rule("any_of", rules=()),
        lambda: Rule("every", 0),
    ],
)
def test_rules_that_cannot_be_are_refused(make) -> None:
    with pytest.raises(InputError):
        make()


def test_rules_survive_the_file_and_unknown_keys_do_not() -> None:
    file = TypeAdapter(Rule)
    rule = Rule(
        "any_of",
        rules=(Rule("all_of", rules=(Rule("kernel", (1, 3)), Rule("random", 2, 7))), Rule("all")),
    )
    assert file.validate_json(file.dump_json(rule)) == rule
    with pytest.raises(ValidationError):
        file.validate_json('{"kind": "random", "value": 2, "sed": 1}')
    with pytest.raises(InputError, match="unknown rule 'largest'"):
        file.validate_json('{"kind": "largest"}')
    for grouping in (Rule("together"), Rule("every", 3), Rule("equal-sizes"), Rule("by-type")):
        assert file.validate_json(file.dump_json(grouping)) == grouping


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rule("largest"), "unknown rule 'largest'; known are: all, random"),
        (lambda: Rule("all", 3), "'all' takes no number"),
        (lambda: Rule("random"), "'random' needs a whole number, such as random:2, not None"),
        (lambda: Rule("random", 2.5), "'random' needs a whole number"),
        (lambda: Rule("uniform", True), "'uniform' needs a whole number"),
        (lambda: Rule("inverse", (1, 3)), "'inverse' needs a number"),
        (lambda: Rule("kernel", (1, 2, 3)), "'kernel' needs a kernel size"),
        (lambda: Rule("per-size", (0, 3)), "kernels have sides of 1 to 99 px, not .0, 3."),
        (lambda: Rule("all_of", rules=(PAIRS, Rule("uniform", 2))), "'uniform' cannot be a part"),
        (lambda: Rule("any_of", rules=(PAIRS, Rule("together"))), "'together' cannot be a part"),
        (lambda: Rule("random", 2, rules=(PAIRS, THREES)), "'count' cannot be a part of 'random'"),
        (lambda: FusionPlan(Rule("every", 2)), "'every' groups branches and picks none"),
        (lambda: FusionPlan(Rule("all"), Rule("all")), "'all' picks branches and groups none"),
    ],
)
def test_rules_say_what_is_wrong_with_them(make, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("grouping", "chosen", "expected"),
    [
        (Rule("together"), (0, 2, 4), ((0, 2, 4),)),
        (Rule("every", 2), (0, 1, 2, 3, 4), ((0, 1), (2, 3), (4,))),
        (Rule("every", 1), (0, 4), ((0,), (4,))),
        (Rule("every", 3), (0, 1, 2, 3, 4), ((0, 1, 2), (3, 4))),
        (Rule("equal-sizes"), (0, 1, 2, 3, 4), ((0, 1, 2), (3, 4))),
        (Rule("by-type"), (0, 3, 4), ((0, 3), (4,))),
        (Rule("equal-sizes"), (2, 3), ((2,), (3,))),
    ],
)
def test_groupings_part_what_was_chosen(grouping, chosen, expected) -> None:
    assert group(grouping, chosen, FIVE) == expected


def test_convolutions_and_identities_apart() -> None:
    branches = (IdentityBranchConfig(), *FIVE)
    assert group(Rule("by-type"), range(6), branches) == ((0, 5), (1, 2, 3, 4))


def test_a_grouping_that_merges_nothing_is_refused() -> None:
    plain = (ConvBranchConfig((3,)), ConvBranchConfig((1,)), IdentityBranchConfig())
    with pytest.raises(InputError, match="nothing would change: each chosen branch is alone"):
        group(Rule("equal-sizes"), (0, 1), plain)
    with pytest.raises(InputError, match="nothing would change: the chosen branch is one conv"):
        group(Rule("together"), (0,), plain)
    assert group(Rule("equal-sizes"), (0, 1, 2), plain) == ((1, 2),)
    assert group(Rule("by-type"), (0, 2), plain) == ((2,),)


@given(st.lists(first_type_configs | identity_configs, min_size=2, max_size=7), st.data())
def test_groups_hold_each_chosen_branch_at_most_once(branches, data) -> None:
    chosen = select(Rule("random", data.draw(st.integers(2, len(branches)))), branches)
    groupings = (Rule("together"), Rule("every", 2), Rule("equal-sizes"), Rule("by-type"))
    for grouping in groupings:
        try:
            groups = group(grouping, chosen, branches)
        except InputError:
            continue
        members = [index for part in groups for index in part]
        assert all(changes(part, branches) for part in groups)
        assert len(members) == len(set(members))
        assert set(members) <= set(chosen)


@pytest.mark.slow
@examples(25)
@given(blocks(most=4))
def test_cost_ranks_every_subset(block) -> None:
    costs = select_by_cost(block)
    count = len(block.branches)
    alone = [(index,) for index in range(count) if changes((index,), block.configs)]
    assert len(costs) == 2**count - count - 1 + len(alone)
    assert {cost.branches for cost in costs} == {
        *alone,
        *(
            chosen
            for size in range(2, count + 1)
            for chosen in itertools.combinations(range(count), size)
        ),
    }
    objectives = [cost.objective for cost in costs]
    assert objectives == sorted(objectives)
    assert all(math.isfinite(objective) for objective in objectives)
    by_macs = select_by_cost(block, bit_weight=0.0)
    assert by_macs[0].macs == min(cost.macs for cost in costs)


@torch.no_grad()
def test_the_expected_precision_is_that_of_rounding() -> None:
    torch.manual_seed(0)
    branches = (ConvBranchConfig((3, 1), (24,), "each"), ConvBranchConfig((3,)))
    block = trained_looking(MultiBranchConv2d(16, 16, branches)).double()
    merged = next(cost for cost in select_by_cost(block) if cost.branches == (0, 1))
    kernel = block.operator().kernel
    error = fake_quantize(kernel) - kernel
    measured = 10 * math.log10(float(kernel.square().sum() / error.square().sum()))
    assert abs(merged.sqnr_db - measured) < 0.5
    assert merged.macs == 16 * 16 * 9
    assert merged.weight_range == pytest.approx(float(kernel.abs().max()))


@torch.no_grad()
def test_an_outlier_is_left_unmerged_where_precision_counts() -> None:
    torch.manual_seed(0)
    kernels = (ConvBranchConfig((3,)), ConvBranchConfig((3,)), ConvBranchConfig((1,)))
    block = MultiBranchConv2d(8, 8, kernels).eval()
    # On one tap per channel: the range grows for all, hardly any weight uses it.
    block.branches[2].layers[0].weight.copy_(100 * torch.eye(8)[:, :, None, None])
    assert 2 in select_by_cost(block, bit_weight=0.0)[0].branches
    assert select_by_cost(block, bit_weight=4.0)[0].branches == (0, 1)


def test_costs_that_cannot_be_are_refused() -> None:
    block = MultiBranchConv2d(1, 1, (ConvBranchConfig((1,)),) * 9)
    with pytest.raises(InputError, match="at most 8"):
        select_by_cost(block)
    for worth in (-1.0, math.inf, math.nan):
        with pytest.raises(InputError, match="bit_weight"):
            select_by_cost(MultiBranchConv2d(1, 1, (ConvBranchConfig((1,)),) * 2), worth)
