"""What a handler of a layer, a function or a rule must look at, each by a model that tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam import LinearOperator, Padding, fuse
from edge_sdk.reparam.graph.linear_nodes import own_operator
from edge_sdk.reparam.graph.tracing import trace
from edge_sdk.reparam.linear import pointwise as pointwise_rules
from edge_sdk.reparam.linear.algebra import add, compose, concatenate, pad_first
from tests.tolerances import MERGED_NETWORK, MERGED_UNSCALED

X = torch.rand(1, 3, 8, 9, dtype=torch.float64)
ONE = Padding(1, 1, 1, 1)


def operator(size: int = 3, padding: Padding = ONE, value: float | None = None) -> LinearOperator:
    generator = torch.Generator().manual_seed(size)
    kernel = torch.randn(3, 3, size, size, generator=generator, dtype=torch.float64)
    bias = torch.zeros(3, dtype=torch.float64)
    filling = None if value is None else torch.full((3,), value, dtype=torch.float64)
    return LinearOperator(kernel, bias, padding, pad_value=filling)


@pytest.mark.parametrize("join", [add, concatenate])
@pytest.mark.parametrize("values", [(0.5, 0.7), (None, 0.5), (0.5, None)])
def test_a_join_of_different_paddings_is_refused(join, values) -> None:
    with pytest.raises(FusionError, match="pad with different values"):
        join(*(operator(value=value) for value in values))


@pytest.mark.parametrize("values", [(0.5, 0.5), (None, None), (None, 0.0)])
def test_a_join_of_equal_paddings_is_the_sum(values) -> None:
    first, second = (operator(value=value) for value in values)
    torch.testing.assert_close(add(first, second)(X), first(X) + second(X))


def test_zeros_around_a_padding_by_something_else_are_refused() -> None:
    with pytest.raises(FusionError, match="zeros around other padding"):
        pad_first(operator(value=0.5), ONE)
    inner = operator(value=0.0)
    torch.testing.assert_close(pad_first(inner, ONE)(X), inner(functional.pad(X, (1, 1, 1, 1))))


def test_a_pointwise_kernel_before_padding_keeps_the_padding() -> None:
    first, second = operator(1, Padding()), operator(value=0.5)
    with pytest.raises(FusionError, match="a bias followed by zero padding"):
        pointwise_rules.compose(replace(first, bias=first.bias + 1), operator())
    with pytest.raises(FusionError):
        pointwise_rules.compose(first, second)
    composed = pointwise_rules.compose(first, operator())
    torch.testing.assert_close(composed(X), operator()(first(X)))


def test_composing_keeps_the_padding_value_of_the_first() -> None:
    first, second = operator(value=0.5), operator(3, Padding())
    torch.testing.assert_close(compose(first, second)(X), second(first(X)))
    # A 1×1 kernel that turns 0.5 into what the second pads with.
    pointwise = operator(1, ONE, 0.5)
    made = pointwise.kernel.sum((2, 3)) @ torch.full((3,), 0.5, dtype=torch.float64)
    second = replace(operator(), pad_value=made)
    torch.testing.assert_close(compose(pointwise, second)(X), second(pointwise(X)))


class Function(nn.Module):
    """A convolution, and a function of its result that knows the model's tensors."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(3, 3, 3)
        for name in ("mean", "var", "weight", "bias"):
            self.register_buffer(name, torch.rand(3) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, self.conv(x))


FUNCTIONAL_NORMS = {
    "eps": lambda m, y: functional.batch_norm(y, m.mean, m.var, m.weight, m.bias, eps=0.5),
    "no weight": lambda m, y: functional.batch_norm(y, m.mean, m.var, None, m.bias),
    "no bias": lambda m, y: functional.batch_norm(y, m.mean, m.var, m.weight),
    "by position": lambda m, y: functional.batch_norm(
        y, m.mean, m.var, m.weight, m.bias, False, 0.1, 0.3
    ),
}


@pytest.mark.parametrize("function", FUNCTIONAL_NORMS.values(), ids=FUNCTIONAL_NORMS)
def test_functional_batch_norms_join_the_convolution_before(function) -> None:
    model = Function(function).eval()
    fused, certificate = fuse(model, X.float())
    assert len(certificate.regions) == 1
    x = torch.randn(2, 3, 5, 6)
    torch.testing.assert_close(fused(x), model(x), **MERGED_NETWORK)


def handled(model: nn.Module, target: object) -> LinearOperator | None:
    traced = trace(model, (X.float(),))
    (node,) = (node for node in traced.module.graph.nodes if target in (node.target,))
    return own_operator(node, traced.module, {}, 3)


@pytest.mark.parametrize(
    ("dropout", "linear"),
    [
        (lambda _, y: functional.dropout(y, 0.5, training=True), False),
        (lambda _, y: functional.dropout(y, 0.5), False),
        (lambda _, y: functional.dropout(y, 0.5, training=False), True),
    ],
)
def test_only_a_functional_dropout_that_rests_is_the_identity(dropout, linear) -> None:
    found = handled(Function(dropout), functional.dropout)
    assert (found is not None) == linear


def test_a_functional_dropout_that_does_nothing_but_trains_stays_unmerged() -> None:
    _, certificate = fuse(
        Function(lambda m, y: m.conv(functional.dropout(y, 0.0, training=True))), X.float()
    )
    assert certificate.regions == ()


class Forced(nn.Module):
    """A BatchNorm that goes on training whatever mode the model is put into."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3, momentum=0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))

    def train(self, mode: bool = True) -> Forced:
        super().train(mode)
        self.norm.train()
        return self


def test_a_batch_norm_in_training_mode_stays_unmerged() -> None:
    model = Forced()
    fused, certificate = fuse(model, X.float())
    assert certificate.regions == ()
    assert any("in training mode depends on the batch" in r.reason for r in certificate.refusals)
    x = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(fused(x), model.eval()(x), **MERGED_UNSCALED)
