from __future__ import annotations

import pytest
import torch
from torch import nn

from edge_sdk.errors import InputError
from edge_sdk.reparam import (
    FusionPlan,
    MultiBranchConv2d,
    Rule,
    five_branches,
    fuse_partially,
    select_by_cost,
)
from edge_sdk.reparam.plans.plan import groups_at
from edge_sdk.reparam.plans.text import parse_plan
from tests.reparam.random_blocks import trained_looking

THREE, ONE, TWO = Rule("kernel", 3), Rule("count", 1), Rule("count", 2)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("all", Rule("all")),
        (" ALL ", Rule("all")),
        ("random:3", Rule("random", 3, 7)),
        ("kernel:3", THREE),
        ("kernel:3x3", THREE),
        ("kernel:1×3", Rule("kernel", (1, 3))),
        ("count:2", TWO),
        ("kernel:3+count:2", Rule("all_of", rules=(THREE, TWO))),
        ("kernel:3 , count:1", Rule("any_of", rules=(THREE, ONE))),
        (
            "kernel:3+count:2,count:1",
            Rule("any_of", rules=(Rule("all_of", rules=(THREE, TWO)), ONE)),
        ),
        ("random:2+kernel:3", Rule("all_of", rules=(THREE, Rule("random", 2, 7)))),
        ("uniform:3", Rule("uniform", 3, 7)),
        ("proportional:1.5", Rule("proportional", 1.5, 7)),
        ("inverse:6", Rule("inverse", 6.0, 7)),
        ("per-size:3x3", Rule("per-size", 3, 7)),
        ("per-count:2", Rule("per-count", 2, 7)),
        ("cost", Rule("cost", 1.0)),
    ],
)
def test_rules_are_read(text: str, rule) -> None:
    assert parse_plan(text, seed=7) == FusionPlan(rule)


@pytest.mark.parametrize(
    ("text", "grouping"),
    [
        ("together", Rule("together")),
        ("every:2", Rule("every", 2)),
        ("Equal-Sizes", Rule("equal-sizes")),
        ("by-type", Rule("by-type")),
    ],
)
def test_groupings_are_read(text: str, grouping) -> None:
    assert parse_plan("all", text) == FusionPlan(Rule("all"), grouping)


@pytest.mark.parametrize(
    ("select", "group", "message"),
    [
        ("kernal:3", "together", "did you mean 'kernel'"),
        ("unifrom:3", "together", "did you mean 'uniform'"),
        ("zzz", "together", "choose one of: all, random"),
        ("", "together", "unknown rule ''"),
        ("all,", "together", "unknown rule ''"),
        ("all", "evry:2", "did you mean 'every'"),
        ("all", "every:0", "do not exist"),
        ("all", "every", "whole number"),
        ("all", "by-type:3", "takes no number"),
        ("all:3", "together", "takes no number"),
        ("random", "together", "whole number"),
        ("random:0", "together", "1 or more"),
        ("random:-2", "together", "1 or more"),
        ("random:2.5", "together", "whole number"),
        ("uniform:0", "together", "1 or more"),
        ("count:0", "together", "does not exist"),
        ("per-count:0", "together", "does not exist"),
        ("kernel:0", "together", "1 to 99"),
        ("kernel:3x", "together", "kernel size"),
        ("kernel", "together", "kernel size"),
        ("proportional:much", "together", "needs a number"),
        ("proportional:-1", "together", "above 0"),
        ("inverse:nan", "together", "above 0"),
        ("uniform:2+kernel:3", "together", "contradicts other"),
        ("all,cost", "together", "'cost' fixes"),
        ("count:1+count:2", "together", "contradict each other"),
        ("random:2+random:3", "together", "contradict each other"),
        ("cost", "every:2", "contradicts the grouping"),
        ("cost:2", "together", "takes no number"),
    ],
)
def test_what_means_nothing_is_refused_with_advice(select, group, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_plan(select, group)
    assert "\n" not in str(caught.value)


def test_the_worth_of_a_bit_belongs_to_cost() -> None:
    assert parse_plan("cost", bit_weight=0.5).rule == Rule("cost", 0.5)
    with pytest.raises(InputError, match="--bit-weight belongs"):
        parse_plan("all", bit_weight=0.5)
    with pytest.raises(InputError, match="0 or more"):
        parse_plan("cost", bit_weight=-1.0)


def test_choosing_by_cost_merges_the_best_set_of_every_block() -> None:
    net = trained_looking(
        nn.Sequential(*(MultiBranchConv2d(3, 3, five_branches(4)) for _ in range(2)))
    ).eval()
    _, certificate = fuse_partially(net, parse_plan("cost", bit_weight=2.0), torch.rand(1, 3, 7, 8))
    expected = [
        tuple(f"{place}.branches.{index}" for index in select_by_cost(block, 2.0)[0].branches)
        for place, block in enumerate(net)
    ]
    assert [region.members for region in certificate.regions] == expected


def test_choosing_by_cost_needs_weights() -> None:
    with pytest.raises(InputError, match="needs the weights"):
        groups_at(FusionPlan(Rule("cost", 1.0)), 1, five_branches(4))
