from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam import (
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    Padding,
    Rule,
    five_branches,
    sesr_branches,
)
from edge_sdk.reparam.blocks import block as block_module
from edge_sdk.reparam.plans.partial import fuse_partially, merge_branches
from edge_sdk.reparam.plans.plan import FusionPlan, groups_at
from edge_sdk.reparam.proof.certificate import FLOAT32_TOLERANCE, FLOAT64_TOLERANCE
from tests.examples import examples
from tests.reparam.random_blocks import blocks, summed_rms, trained_looking
from tests.tolerances import DOUBLE

FIVE = five_branches(4)
EXAMPLE = torch.rand(1, 3, 9, 8)


def three_blocks() -> nn.Sequential:
    torch.manual_seed(1)
    parts: list[nn.Module] = []
    for _ in range(3):
        parts += [MultiBranchConv2d(3, 3, FIVE, collapsed=True), nn.PReLU(3)]
    net = nn.Sequential(*parts)
    trained_looking(net)
    return net.train()


def counts(net: nn.Module) -> list[int]:
    return [len(net[i].branches) if hasattr(net[i], "branches") else 1 for i in (0, 2, 4)]


@pytest.mark.parametrize(
    ("rule", "merged"),
    [
        (Rule("uniform", 3), [3, 3, 3]),
        (Rule("uniform", 5), [5, 5, 5]),
        (Rule("uniform", 1), [1, 1, 1]),
        (Rule("random", 2), [2, 2, 2]),
        (Rule("proportional", 1.0), [1, 2, 3]),
        (Rule("proportional", 0.3), [0, 1, 1]),
        (Rule("proportional", 2.0), [2, 4, 5]),
        (Rule("inverse", 5.0), [5, 3, 2]),
        (Rule("inverse", 2.4), [2, 1, 1]),
        (Rule("inverse", 0.8), [1, 0, 0]),
        (Rule("per-size", 3), [3, 3, 3]),
        (Rule("per-count", 2), [2, 2, 2]),
        (Rule("all"), [5, 5, 5]),
        (Rule("kernel", 1), [3, 3, 3]),
        (Rule("count", 1), [2, 2, 2]),
    ],
)
def test_plans_merge_what_they_say_and_prove_it(rule, merged) -> None:
    net = three_blocks()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    result, certificate = fuse_partially(net, FusionPlan(rule), EXAMPLE)
    assert counts(result) == [6 - count if count else 5 for count in merged]
    assert [region.branches for region in certificate.regions] == [m for m in merged if m]
    assert len(certificate.refusals) == merged.count(0)
    assert certificate.error_float64 <= FLOAT64_TOLERANCE
    assert certificate.error_float32 <= FLOAT32_TOLERANCE
    if max(merged) > 1:
        assert certificate.parameters_after < certificate.parameters_before
    assert net.training
    assert net[0].collapsed
    assert not any(part.training for part in result.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    torch.testing.assert_close(result(EXAMPLE), net.eval()(EXAMPLE), rtol=1e-3, atol=1e-4)


def test_regions_name_the_branches_that_merged() -> None:
    plan = FusionPlan(Rule("all"), Rule("every", 3))
    result, certificate = fuse_partially(three_blocks(), plan, EXAMPLE)
    assert counts(result) == [2, 2, 2]
    first, second = certificate.regions[:2]
    assert (first.name, first.kernel) == ("0", (3, 3))
    assert first.members == ("0.branches.0", "0.branches.1", "0.branches.2")
    assert (second.kernel, second.branches) == ((1, 1), 2)
    again, _ = fuse_partially(result, FusionPlan(Rule("uniform", 2)), EXAMPLE)
    assert counts(again) == [1, 1, 1]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("uniform", 2),
        Rule("random", 2),
        Rule("all_of", rules=(Rule("kernel", 1), Rule("random", 1))),
        Rule("any_of", rules=(Rule("kernel", 3), Rule("random", 1))),
    ],
    ids=str,
)
def test_draws_differ_from_block_to_block(rule) -> None:
    drawn = [groups_at(FusionPlan(rule), position, FIVE) for position in range(1, 20)]
    assert len(set(drawn)) > 2
    assert groups_at(FusionPlan(rule), 4, FIVE) == drawn[3]


def test_rules_that_are_joined_draw_each_for_itself() -> None:
    twice = Rule("any_of", rules=(Rule("random", 1), Rule("random", 1)))
    counts = {
        sum(len(group) for group in groups_at(FusionPlan(twice), position, FIVE))
        for position in range(1, 20)
    }
    assert counts == {1, 2}


@torch.no_grad()
def test_one_branch_alone_becomes_one_convolution() -> None:
    block = trained_looking(MultiBranchConv2d(3, 3, FIVE)).double()
    x = torch.randn(1, 3, 7, 8, dtype=torch.float64)
    for index in range(5):
        merged = merge_branches(block, [(index,)])
        assert isinstance(merged, MultiBranchConv2d)
        assert len(merged.configs) == 5
        changed = merged.configs[index]
        assert isinstance(changed, ConvBranchConfig)
        assert (changed.steps, changed.batch_norm) == ((FIVE[index].kernel,), "none")
        torch.testing.assert_close(merged(x), block(x), **DOUBLE)


def test_a_shared_block_stays_shared() -> None:
    shared = MultiBranchConv2d(3, 3, FIVE)
    net = trained_looking(nn.Sequential(shared, nn.ReLU(), shared))
    result, certificate = fuse_partially(net, FusionPlan(Rule("per-size", 3)), EXAMPLE)
    assert result[0] is result[2]
    assert len(certificate.regions) == 1


def test_plans_survive_the_file_and_unknown_keys_do_not() -> None:
    file = TypeAdapter(FusionPlan)
    for rule in (
        Rule("uniform", 2, 5),
        Rule("proportional", 0.5),
        Rule("inverse", 4.0),
        Rule("per-size", (1, 3)),
        Rule("per-count", 2),
        Rule("all"),
    ):
        plan = FusionPlan(rule, Rule("every", 2))
        assert file.validate_json(file.dump_json(plan)) == plan
    with pytest.raises(ValidationError):
        file.validate_json('{"rule": {"kind": "uniform", "value": 2, "branches": 1}}')


@pytest.mark.parametrize(
    ("net", "plan", "message"),
    [
        (nn.Conv2d(3, 3, 1), FusionPlan(Rule("all")), "no multi-branch block"),
        (MultiBranchConv2d(3, 3, FIVE), FusionPlan(Rule("uniform", 6)), "there are 5"),
        (MultiBranchConv2d(3, 3, FIVE), FusionPlan(Rule("per-size", 7)), "gives 0 of 5"),
        (MultiBranchConv2d(3, 3, FIVE), FusionPlan(Rule("inverse", 0.4)), "gives 0 of 5"),
        (
            MultiBranchConv2d(3, 3, (ConvBranchConfig((3,)), IdentityBranchConfig())),
            FusionPlan(Rule("kernel", 3)),
            "nothing would change: the chosen branch is one convolution already",
        ),
        (
            MultiBranchConv2d(3, 3, (ConvBranchConfig((3,)), ConvBranchConfig((1,)))),
            FusionPlan(Rule("all"), Rule("equal-sizes")),
            "nothing would change: each chosen branch is alone and one convolution already",
        ),
    ],
)
def test_plans_that_merge_nothing_are_refused(net, plan, message) -> None:
    with pytest.raises(InputError, match=message):
        fuse_partially(net, plan, EXAMPLE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rule("uniform", 0),
        lambda: Rule("proportional", 0),
        lambda: Rule("inverse", float("nan")),
        lambda: Rule("per-count", 0),
    ],
)
def test_plans_that_cannot_be_are_refused(make) -> None:
    with pytest.raises(InputError):
        make()


def test_examples_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="does not take an example"):
        fuse_partially(three_blocks(), FusionPlan(Rule("all")), torch.rand(1, 2, 8, 8))


def test_a_wrong_merge_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(operator, padding):
        if padding.bottom:
            padding = Padding(padding.top + 1, padding.bottom - 1, padding.left, padding.right)
        return right(operator, padding)

    right = block_module.pad_first
    monkeypatch.setattr(block_module, "pad_first", wrong)
    with pytest.raises(FusionError, match="not returned"):
        fuse_partially(three_blocks(), FusionPlan(Rule("uniform", 5)), EXAMPLE)


def test_merging_all_branches_is_fusing() -> None:
    block = trained_looking(MultiBranchConv2d(3, 3, FIVE))
    conv = merge_branches(block, [range(5)])
    assert isinstance(conv, nn.Conv2d)
    assert torch.equal(conv.weight, block.fused().weight)


@pytest.mark.parametrize(
    "groups", [(), [()], [(3,)], [(0, 1), (3,)], [(0, 0)], [(0, 1), (1, 2)], [(0, 5)], [(-1, 0)]]
)
def test_groups_that_cannot_merge_are_refused(groups) -> None:
    branches = (*FIVE[:3], ConvBranchConfig((1,)), FIVE[4])
    block = MultiBranchConv2d(3, 3, branches).eval()
    with pytest.raises(InputError, match="groups"):
        merge_branches(block, groups)
    with pytest.raises(FusionError, match="training mode"):
        merge_branches(block.train(), [(0, 1)])


@pytest.mark.slow
@examples(20)
@given(blocks(), st.integers(0, 100))
def test_any_block_merges_in_part(block, seed) -> None:
    example = torch.rand(1, block.in_channels, 6, 7)
    result, certificate = fuse_partially(block, FusionPlan(Rule("uniform", 2, seed)), example)
    assert certificate.error_float64 <= FLOAT64_TOLERANCE
    assert isinstance(result, nn.Conv2d) == (len(block.branches) == 2)


@examples(40)
@given(
    blocks(),
    st.sampled_from(
        [
            Rule("all"),
            Rule("random", 1, 3),
            Rule("random", 2),
            Rule("kernel", 3),
            Rule("count", 2),
            Rule("per-count", 1),
            Rule("inverse", 2.0),
            Rule("any_of", rules=(Rule("count", 2), Rule("random", 1))),
        ]
    ),
    st.sampled_from(
        [Rule("together"), Rule("every", 1), Rule("every", 2), Rule("equal-sizes"), Rule("by-type")]
    ),
)
@torch.no_grad()
def test_every_rule_and_grouping_leaves_the_block_what_it_is(block, rule, grouping) -> None:
    try:
        groups = groups_at(FusionPlan(rule, grouping), 1, block.configs)
    except InputError:
        assume(False)
    block = block.double()
    merged = merge_branches(block, groups)
    count = len(block.branches) - sum(len(group) - 1 for group in groups)
    branches = merged.configs if isinstance(merged, MultiBranchConv2d) else (None,)
    assert len(branches) == count
    x = torch.randn(1, block.in_channels, 9, 8, dtype=torch.float64)
    error = float((merged(x) - block(x)).abs().max())
    assert error <= 1e-12 * summed_rms(block, x) + 1e-15


def test_two_branches_merge_into_a_plain_convolution() -> None:
    net = nn.Sequential(MultiBranchConv2d(3, 3, sesr_branches(4)))
    result, certificate = fuse_partially(net, FusionPlan(Rule("all")), EXAMPLE)
    assert isinstance(result[0], nn.Conv2d)
    assert certificate.macs_after == 9 * 8 * 3 * 9 * 3


class Wrapped(nn.Module):
    """A network that names its ends as it likes."""

    def __init__(self, ends: object) -> None:
        super().__init__()
        self.first = nn.Sequential(MultiBranchConv2d(3, 3, FIVE))
        self.middle = MultiBranchConv2d(3, 3, FIVE)
        self.last = MultiBranchConv2d(3, 3, FIVE)
        self._ends = ends

    @property
    def ends(self) -> object:
        return (self.first, self.last) if self._ends == "modules" else self._ends

    def forward(self, x):
        return self.last(self.middle(self.first(x).relu()).relu())


@pytest.mark.parametrize("wrap", [nn.Identity(), nn.ReLU()])
def test_ends_become_plain_and_are_not_counted(wrap) -> None:
    net = nn.Sequential(wrap, trained_looking(Wrapped("modules"))).eval()
    result, certificate = fuse_partially(net, FusionPlan(Rule("proportional", 3.0)), EXAMPLE)
    assert [region.branches for region in certificate.regions] == [5, 3, 5]
    assert isinstance(result[1].last, nn.Conv2d)


@pytest.mark.parametrize("ends", [2, None, "first", (1, 2), torch.ones(2), ()], ids=str)
def test_other_attributes_of_that_name_are_no_ends(ends) -> None:
    net = trained_looking(Wrapped(ends)).eval()
    _, certificate = fuse_partially(net, FusionPlan(Rule("uniform", 2)), EXAMPLE)
    assert [region.branches for region in certificate.regions] == [2, 2, 2]
