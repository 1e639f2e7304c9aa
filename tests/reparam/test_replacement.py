"""Blocks merge wherever the model holds them, run where they stand, and keep their hooks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.quantization.ranges import lint_ranges
from edge_sdk.reparam import (
    FusionPlan,
    MultiBranchConv2d,
    five_branches,
    freeze_batch_norm,
    fuse,
    fuse_partially,
    thaw_batch_norm,
)
from edge_sdk.reparam.plans.text import parse_plan
from tests.reparam.random_blocks import trained_looking
from tests.tolerances import MERGED_UNSCALED

X = torch.rand(1, 3, 9, 8)


def block() -> MultiBranchConv2d:
    return MultiBranchConv2d(3, 3, five_branches(4))


def plan() -> FusionPlan:
    return parse_plan("kernel:3", "together", 0, None)


def fully(model: nn.Module):
    return fuse(model, X)


def partly(model: nn.Module):
    return fuse_partially(model, plan(), X)


both = pytest.mark.parametrize("merge", [fully, partly])


class Held(nn.Module):
    """A block that the forward pass reaches by a plain list and a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = block(), block()
        self.order, self.named = [self.first], {"second": self.second}

    def forward(self, x: Tensor) -> Tensor:
        return self.named["second"](torch.relu(self.order[0](x)))


@both
def test_a_block_held_in_a_list_or_dict_is_replaced_there_too(merge) -> None:
    model = trained_looking(Held())
    fused, certificate = merge(model)
    assert {region.name for region in certificate.regions} == {"first", "second"}
    assert certificate.macs_after < certificate.macs_before
    before = fused(X)
    torch.testing.assert_close(before, model(X), **MERGED_UNSCALED)
    for parameter in fused.first.parameters():
        parameter.data.zero_()
    assert not torch.equal(fused(X), before)
    assert isinstance(model.order[0], MultiBranchConv2d)


class Unheld(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = block()
        self.hidden = [block().eval()]

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden[0](self.first(x))


class Closed(nn.Module):
    """A block that a function holds, which no copy of the model reaches."""

    def __init__(self) -> None:
        super().__init__()
        inner = self.first = block()
        self.call = lambda x: inner(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)


class Copied(nn.Module):
    """A model whose copies are made by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first = block()

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x)

    def __deepcopy__(self, memo: object) -> Copied:
        other = Copied()
        other.load_state_dict(self.state_dict())
        other.train(self.training)
        return other


@both
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Unheld, "3 to 3 channels runs that is no submodule of Unheld; hold it"),
        (Closed, "3 to 3 channels runs that is no submodule of Closed; hold it"),
        (Copied, "'first' would not run, .* call it as a submodule"),
    ],
)
def test_a_block_out_of_reach_is_one_clear_error(merge, kind, message) -> None:
    with pytest.raises(FusionError, match=message) as caught:
        merge(trained_looking(kind()))
    assert "\n" not in str(caught.value)


class Auxiliary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main, self.extra = block(), block()

    def forward(self, x: Tensor) -> Tensor:
        y = self.main(x)
        return y + self.extra(x) if self.training else y


@both
def test_a_block_that_evaluation_does_not_call_is_not_claimed(merge) -> None:
    _, certificate = merge(trained_looking(Auxiliary()))
    assert {region.name for region in certificate.regions} == {"main"}
    assert ("extra", True) in [(r.name, "not called" in r.reason) for r in certificate.refusals]


@both
@pytest.mark.parametrize("inside", [False, True])
def test_a_block_with_a_hook_stays_with_the_reason(merge, inside) -> None:
    model = trained_looking(nn.Sequential(block(), nn.ReLU(), block()))
    seen = []
    observed = model[0].branches[0] if inside else model[0]
    observed.register_forward_hook(lambda *_: seen.append(1))
    fused, certificate = merge(model)
    assert {region.name for region in certificate.regions} == {"2"}
    assert [r.name for r in certificate.refusals if "hooks" in r.reason] == ["0"]
    seen.clear()
    torch.testing.assert_close(fused(X), model(X), **MERGED_UNSCALED)
    assert len(seen) == 2


class Frozen(nn.Module):
    """``train`` overridden as frozen models do it, without returning the model."""

    def __init__(self) -> None:
        super().__init__()
        self.body = block()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x))

    def train(self, mode: bool = True) -> None:
        super().train(mode)


@pytest.mark.parametrize("work", [fully, partly, lambda model: lint_ranges(model, X)])
def test_models_whose_train_returns_nothing_work(work) -> None:
    work(Frozen())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fuse(None, X), "must be an nn.Module, not NoneType"),
        (lambda: fuse(block(), None), "the example must be a tensor"),
        (lambda: fuse(block(), 3), "the example must be a tensor"),
        (lambda: fuse_partially(None, plan(), X), "must be an nn.Module, not NoneType"),
        (lambda: fuse_partially(block(), plan(), (X,)), "must be one tensor, not a tuple"),
        (lambda: fuse_partially(block().double(), plan(), X), r"float64; call float\(\)"),
        (lambda: fuse(block().to("meta"), X), r"is on meta; .* call cpu\(\)"),
        (lambda: fuse_partially(block().to("meta"), plan(), X), r"is on meta; .* call cpu\(\)"),
        (lambda: fuse(block(), X.to("meta")), r"the example is on meta; .* call cpu\(\)"),
    ],
)
def test_what_is_no_model_or_example_is_one_clear_error(call, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@both
def test_the_global_random_numbers_go_on_as_if_nothing_happened(merge) -> None:
    model = trained_looking(nn.Sequential(block(), nn.ReLU(), nn.Conv2d(3, 3, 1)))
    state = torch.get_rng_state()
    merge(model)
    assert torch.equal(state, torch.get_rng_state())


@both
def test_merging_works_in_inference_mode(merge) -> None:
    model = trained_looking(nn.Sequential(block(), nn.ReLU(inplace=True), block()))
    with torch.inference_mode():
        _, certificate = merge(model)
    assert certificate.macs_after < certificate.macs_before
    assert len(certificate.regions) == 2


def test_thawed_blocks_run_their_branches_again() -> None:
    frozen, other = block(), block()
    other.collapsed = True
    freeze_batch_norm(frozen)
    thaw_batch_norm(nn.Sequential(frozen, other))
    assert not frozen.collapsed
    assert other.collapsed


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def test_refusals_about_what_folding_removed_are_dropped() -> None:
    assert [refusal.name for refusal in fuse(Skip(), X)[1].refusals] == ["add"]
    fused, certificate = fuse(Skip(), X, fold_skips=True)
    assert certificate.input_range == (0, 1)
    assert not any(node.name == "add" for node in fused.graph.nodes)
    assert certificate.refusals == ()


def test_refusals_about_what_folding_leaves_stay() -> None:
    class More(Skip):
        def __init__(self) -> None:
            super().__init__()
            self.other = nn.Conv2d(3, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = (x + self.body(x)).clamp(0, 1)
            return self.other(torch.relu(y)) + self.other(torch.sigmoid(y))

    _, certificate = fuse(More(), X, fold_skips=True)
    assert certificate.input_range == (0, 1)
    assert [refusal.name for refusal in certificate.refusals] == ["add_1"]
