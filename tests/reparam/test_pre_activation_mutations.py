"""Every rule that takes a BatchNorm off a stream, broken one at a time, must be caught."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from edge_sdk.reparam.graph import (
    channel_changes,
    channel_passing,
    layer_graph,
    pre_activation,
    stream_shifts,
)
from edge_sdk.reparam.graph.stream_shifts import Shifts
from tests.builders.pre_activation_nets import staged
from tests.reparam import test_pre_activation as streams
from tests.reparam.test_mutations import Patch, fuses, wrap

Forward = Callable[..., torch.Tensor]


def staged_net() -> nn.Module:
    return streams.seeded(lambda: staged(2, (6, 8)))


def of(forward: Forward, prepare: Callable[[nn.Module], object] = lambda model: None) -> Callable:
    def build() -> nn.Module:
        model = streams.stream(forward)
        prepare(model)
        return model

    return build


def negative(model: nn.Module) -> None:
    model.get_submodule("bn1").weight.data[2] = -0.5


def zero(model: nn.Module) -> None:
    model.get_submodule("bn1").weight.data[2] = 0.0


def tiny(model: nn.Module) -> None:
    model.get_submodule("bn1").weight.data[2] = 1e-9


def without(name: str) -> Callable[[Patch], None]:
    def mutation(patch: Patch) -> None:
        right = pre_activation.changed
        patch.setattr(
            pre_activation,
            "changed",
            lambda layer, change, dtype: right(layer, replace(change, **{name: None}), dtype),
        )

    mutation.__name__ = f"without_{name}"
    return mutation


def shift_put_in_with_the_wrong_sign(patch: Patch) -> None:
    wrap(patch, pre_activation, "scale_and_shift", lambda found: (found[0], -found[1]))


def statistics_left_out_of_the_shift(patch: Patch) -> None:
    right = pre_activation.scale_and_shift

    def wrong(norm):
        scale, shift = right(norm)
        return scale, shift + norm.running_mean.double()

    patch.setattr(pre_activation, "scale_and_shift", wrong)


def epsilon_left_out_of_the_scale(patch: Patch) -> None:
    right = pre_activation.scale_and_shift

    def wrong(norm):
        scale, shift = right(norm)
        variance = norm.running_var.double()
        return scale * ((variance + norm.eps) / variance).sqrt(), shift

    patch.setattr(pre_activation, "scale_and_shift", wrong)


def any_channel_allowed(patch: Patch) -> None:
    patch.setattr(pre_activation, "_refuse", lambda bad, values, reason: None)


def any_activation_allowed(patch: Patch) -> None:
    patch.setattr(channel_passing, "_ACTIVATIONS", channel_passing._ACTIVATIONS | {F.silu})


def any_reader_allowed(patch: Patch) -> None:
    patch.setattr(Shifts, "_takes_out", lambda self, node, before: True)


def padded_zeros_forgotten(patch: Patch) -> None:
    patch.setattr(channel_changes, "_pads_zeros", lambda conv: False)


def border_of_transposed_forgotten(patch: Patch) -> None:
    patch.setattr(stream_shifts, "takes_shift_out", lambda layer, rank: True)


def zeros_in_means_forgotten(patch: Patch) -> None:
    patch.setattr(channel_passing, "_mean", lambda *arguments: "both")


def readers_not_counted(patch: Patch) -> None:
    patch.setattr(Shifts, "_is_free", lambda self, node: True)


def factor_of_a_sum_forgotten(patch: Patch) -> None:
    patch.setattr(stream_shifts, "factor_of", lambda node: 1.0)


def difference_along_the_stream_forgotten(patch: Patch) -> None:
    right = stream_shifts._total
    patch.setattr(stream_shifts, "_total", lambda parts: right(parts[:1]))


def two_shifts_of_one_value(patch: Patch) -> None:
    patch.setattr(pre_activation.torch, "equal", lambda first, second: True)


def groups_forgotten(patch: Patch) -> None:
    right = channel_changes._times

    def wrong(layer, weight, factors):
        if getattr(layer, "groups", 1) == 1:
            return right(layer, weight, factors)
        return right(layer, weight, factors.roll(1))

    patch.setattr(channel_changes, "_times", wrong)


def inputs_and_outputs_of_transposed_swapped(patch: Patch) -> None:
    patch.setattr(channel_changes, "TRANSPOSED", ())
    patch.setattr(channel_changes, "_is_plain", lambda layer: hasattr(layer, "weight"))


def pixels_before_the_head_forgotten(patch: Patch) -> None:
    def wrong(self, repeats):
        return self.repeat(repeats)

    patch.setattr(torch.Tensor, "repeat_interleave", wrong)


def scale_reaches_anything(patch: Patch) -> None:
    right = channel_passing._function
    patch.setattr(
        channel_passing,
        "_function",
        lambda node: "both" if node.target is operator.pow else right(node),
    )


def shared_layers_changed_for_all(patch: Patch) -> None:
    patch.setattr(layer_graph, "_is_shared", lambda module, name: False)


def writes_not_looked_at(patch: Patch) -> None:
    right = pre_activation.layer_graph
    patch.setattr(
        pre_activation,
        "layer_graph",
        lambda module, weights, written, dtype: right(module, weights, frozenset(), dtype),
    )


def training_allowed(patch: Patch) -> None:
    patch.setattr(pre_activation, "is_settled", lambda norm: True)


def eps_of_a_function_forgotten(patch: Patch) -> None:
    wrap(patch, layer_graph, "named_arguments", lambda named: named | {"eps": 0.5})


def mean_of_a_kept_norm_not_moved(patch: Patch) -> None:
    patch.setattr(channel_changes, "_norm", lambda norm, change: None)


def written(self, x):
    x = self.stem(x)
    part = x[:, :, 1:]
    part += F.max_pool2d(x, 3, 1, 1)[:, :, 1:]
    return self.last(F.relu(self.bn1(x)))


def smooth(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.silu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)))


def pixels_as_features(self, x):
    x = self.stem(x)
    x = F.relu(self.bn1(x + self.conv1(F.relu(x))))
    return F.linear(torch.flatten(x, 1), self.wide)


def widened(model: nn.Module) -> None:
    model.wide = nn.Parameter(torch.randn(2, 6 * 9 * 10))


def scale_into_a_square(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.relu(self.bn1(x)) ** 2)
    return self.last(F.relu(self.bn2(x)))


class Forced(streams.Stream):
    def train(self, mode: bool = True):
        super().train(mode)
        self.bn2.train()
        return self


def forced() -> nn.Module:
    torch.manual_seed(0)
    return streams.positive(Forced(momentum=0.0))


MUTATIONS = [
    (without("input_scale"), staged_net),
    (without("input_shift"), staged_net),
    (without("output_shift"), staged_net),
    (shift_put_in_with_the_wrong_sign, staged_net),
    (statistics_left_out_of_the_shift, staged_net),
    (epsilon_left_out_of_the_scale, staged_net),
    (difference_along_the_stream_forgotten, staged_net),
    (any_channel_allowed, of(streams.Stream.forward, negative)),
    (any_channel_allowed, of(streams.Stream.forward, zero)),
    (any_channel_allowed, of(streams.Stream.forward, tiny)),
    (any_activation_allowed, of(smooth)),
    (any_reader_allowed, of(streams.read_by_an_activation)),
    (padded_zeros_forgotten, of(streams.read_with_padding)),
    (border_of_transposed_forgotten, of(streams.read_transposed)),
    (zeros_in_means_forgotten, of(streams.pooled_with_zeros)),
    (readers_not_counted, of(streams.two_readers_behind)),
    (factor_of_a_sum_forgotten, of(streams.subtracted)),
    (factor_of_a_sum_forgotten, of(streams.weighed)),
    (two_shifts_of_one_value, of(streams.two_shifts)),
    (groups_forgotten, of(streams.transposed_and_grouped)),
    (inputs_and_outputs_of_transposed_swapped, of(streams.transposed_and_grouped)),
    (pixels_before_the_head_forgotten, of(pixels_as_features, widened)),
    (scale_reaches_anything, of(scale_into_a_square)),
    (shared_layers_changed_for_all, of(streams.one_layer_twice)),
    (shared_layers_changed_for_all, of(streams.parameters_read_elsewhere)),
    (writes_not_looked_at, of(written)),
    (training_allowed, forced),
    (eps_of_a_function_forgotten, of(streams.functions)),
    (mean_of_a_kept_norm_not_moved, of(streams.two_shifts)),
]


@pytest.mark.parametrize(("mutation", "build"), MUTATIONS, ids=lambda part: part.__name__)
def test_a_broken_rule_is_caught(mutation, build, monkeypatch: Patch) -> None:
    example = torch.rand(2, 3, 9, 10)
    assert fuses(build(), example)
    mutation(monkeypatch)
    assert not fuses(build(), example)
