from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from edge_sdk.errors import EdgeSdkError, FusionError, InputError
from edge_sdk.reparam import count_macs, fuse
from tests.reparam.foreign_models import trained_looking
from tests.tolerances import MERGED_UNSCALED

EXAMPLE = torch.rand(1, 3, 9, 10)


def conv(channels: int = 3, **options) -> nn.Conv2d:
    return nn.Conv2d(channels, 3, 3, **({"padding": 1} | options))


class Parts(nn.Module):
    """Layers a and b, a BatchNorm and a vector, for the forward passes below."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn = conv(), conv(), nn.BatchNorm2d(3)
        self.vector = nn.Parameter(torch.rand(3))


def with_forward(function) -> nn.Module:
    return trained_looking(type("Model", (Parts,), {"forward": function})())


def reasons(model: nn.Module) -> str:
    fused, certificate = fuse(trained_looking(model), EXAMPLE)
    x = torch.randn(2, *EXAMPLE.shape[1:])
    torch.testing.assert_close(fused(x.clone()), model(x.clone()), **MERGED_UNSCALED)
    return " | ".join(f"{each.name}: {each.reason}" for each in certificate.refusals)


def norm_behind_a_sum(self, x):
    y = x + self.a(torch.relu(x))
    return self.b(torch.sigmoid(self.bn(y)))


def unequal_strides(self, x):
    return (
        functional.conv2d(x, self.a.weight, stride=2, padding=1)[:, :, :4, :4]
        + 0 * self.b(x)[:, :, :4, :4]
    )


def one_stride(self, x):
    return torch.cat([self.a(x)[:, :, ::2], self.b(x)[:, :, ::2]], 1)


def written(self, x):
    y = self.a(x)
    z = self.b(y)
    y[:, 0] = 1.0
    return z + self.b(y)


def batch_statistics(self, x):
    return functional.batch_norm(self.a(x), None, None, training=True)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (lambda: with_forward(norm_behind_a_sum), "bn: neither add, .* put it right behind"),
        (
            lambda: nn.Sequential(conv(), nn.BatchNorm2d(3, track_running_stats=False)),
            "1: a BatchNorm without running statistics is not linear; track them",
        ),
        (lambda: with_forward(batch_statistics), "training mode depends on the batch"),
        (lambda: nn.Sequential(conv(), conv(padding_mode="reflect")), "1: .*'reflect'.*pad with"),
        (lambda: nn.Sequential(nn.ReflectionPad2d(1), conv(padding=0)), "ReflectionPad2d is not"),
        (
            lambda: nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), conv(padding=0)),
            "0: average pooling that does not count its padding",
        ),
        (lambda: nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), conv()), "ceil_mode"),
        (lambda: nn.Sequential(conv(), conv()), "1: padding between two kernels is not one"),
        (lambda: nn.Sequential(nn.Conv2d(3, 3, 1), conv()), "1: a bias followed by zero"),
        (lambda: with_forward(written), "written in place"),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 64, 3, groups=1), nn.Conv2d(64, 3, 3, groups=1)),
            "",
        ),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 30, 1)),
            r"1: one kernel would cost [\d,]+ MACs instead of [\d,]+",
        ),
    ],
)
def test_steps_that_are_left_unmerged_have_a_reason(model, reason) -> None:
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(reasons(model()))


def test_sums_of_other_strides_are_refused() -> None:
    class Strides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fine = nn.Conv2d(3, 3, 3, stride=1)
            self.coarse = nn.Conv2d(3, 3, 3, stride=2)

        def forward(self, x):
            return self.fine(x) + self.coarse(x)

    _, certificate = fuse(Strides(), torch.rand(1, 3, 3, 3))
    assert any("strides (1, 1) and (2, 2)" in each.reason for each in certificate.refusals)


def by_value(self, x):
    return self.a(x) if x.sum() > 0 else self.b(x)


def by_number(self, x):
    return self.a(x) if x.sum().item() > 0 else self.b(x)


def by_equality(self, x):
    return self.a(x) if torch.equal(x, x.abs()) else self.b(x)


def by_count(self, x):
    for _ in range(x.shape[2] - 8):
        x = self.a(x)
    return x


@pytest.mark.parametrize("forward", [by_value, by_number, by_equality, by_count])
def test_models_without_one_graph_are_refused(forward) -> None:
    with pytest.raises(FusionError, match=r"Model cannot be traced \(.+\); replace decisions"):
        fuse(with_forward(forward), EXAMPLE)


def random_output(self, x):
    return self.a(x) + torch.rand_like(x)


def fixed_dtype(self, x):
    return self.a(x.to(torch.float32))


def no_tensor(self, x):
    return "text"


def needs_more(self, x, y, z):
    return self.a(x) + y + z


def fails(self, x):
    raise KeyError("what")


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        (lambda: with_forward(random_output), InputError, "something else each time"),
        (lambda: with_forward(fixed_dtype), FusionError, "does not run in float64"),
        (lambda: with_forward(no_tensor), InputError, "returns a str"),
        (lambda: with_forward(needs_more), InputError, "does not take"),
        (lambda: with_forward(fails), InputError, "does not take"),
        (lambda: nn.Sequential(conv().half()), InputError, r"float16; call float\(\)"),
    ],
)
def test_what_cannot_be_fused_is_one_clear_error(model, kind, message) -> None:
    with pytest.raises(kind, match=message) as caught:
        fuse(model(), EXAMPLE)
    assert "\n" not in str(caught.value)


def in_place(self, x):
    y = self.a(x)
    y += x
    y.mul_(2).relu_()
    z = self.b(y)
    z = functional.relu(z, inplace=True)
    z -= y
    return self.bn(z)


def read_before_written(self, x):
    y = self.a(x)
    old = y
    z = self.b(y)
    y.add_(1.0)
    return z + old


def in_place_on_the_input(self, x):
    x.mul_(2)
    return self.bn(self.a(x))


def view_written(self, x):
    y = self.a(x)
    part = y[:, :1]
    part.mul_(3)
    return self.b(y)


def fixed_border(self, x):
    y = functional.pad(self.a(x), (1, 1, 1, 1))
    y[:, :, :1, :] = 2.0
    return functional.conv2d(y, self.b.weight)


def border_of_a_convolution(self, x):
    y = self.a(x)
    y[:, :, :1, :] = 0.5
    y[:, :, -1:, :] = 0.5
    y[:, :, :, :1] = 0.5
    y[:, :, :, -1:] = 0.5
    return functional.conv2d(y, self.b.weight)


def with_defaults(self, x, gain=2.0, mask=None, *, offset=1):
    y = self.bn(self.a(x)) * gain
    return y + offset if mask is None else y * mask


def doubled(self, x):
    y = self.a(x)
    return self.bn(y + y)


def product(self, x):
    y = self.a(x)
    return y * y - self.b(x) * y


def shapes(self, x):
    y = self.bn(self.a(x))
    batch, channels, height, width = y.shape
    return y.reshape(batch, channels, height * width).permute(0, 2, 1).mean([2])


def broadcast_vector(self, x):
    return self.a(x).permute(0, 2, 3, 1) * self.vector


def along_width(self, x):
    return self.a(x[..., :3]) + self.vector


def cast(self, x):
    return (self.bn(self.a(x)) > 0).float() + self.bn(self.b(x)).to(x.dtype)


def alpha(self, x):
    return torch.add(self.a(x), self.b(x), alpha=3)


def rounded(self, x):
    return torch.div(self.a(x), 0.3, rounding_mode="floor") + self.b(x)


def nothing(self, x):
    return x


@pytest.mark.parametrize(
    "forward",
    [
        in_place,
        read_before_written,
        in_place_on_the_input,
        view_written,
        fixed_border,
        border_of_a_convolution,
        with_defaults,
        doubled,
        product,
        shapes,
        broadcast_vector,
        along_width,
        cast,
        alpha,
        rounded,
        nothing,
        unequal_strides,
        one_stride,
    ],
)
def test_legal_models_come_back_equal(forward) -> None:
    model = with_forward(forward)
    reasons(model)


def test_several_inputs_and_outputs() -> None:
    class Two(Parts):
        def forward(self, image, level, gain=1.0):
            y = self.bn(self.a(image)) * gain
            return {"picture": y * level, "both": (self.b(image), level + 1)}

    model = trained_looking(Two())
    fused, certificate = fuse(model, (EXAMPLE, torch.rand(1, 1)))
    assert len(certificate.regions) == 1
    x, level = torch.randn(1, 3, 6, 6), torch.rand(1, 1)
    expected, actual = model(x, level), fused(x, level)
    torch.testing.assert_close(actual["picture"], expected["picture"], **MERGED_UNSCALED)
    torch.testing.assert_close(actual["both"], expected["both"])


def test_a_layer_as_the_whole_model() -> None:
    for layer in (nn.BatchNorm2d(3), nn.Conv2d(3, 2, 3), nn.ReLU(), nn.PixelUnshuffle(1)):
        reasons(layer)


def test_names_that_are_taken_are_left_alone() -> None:
    class Taken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fused = conv()
            self.fused_2 = nn.BatchNorm2d(3)
            self.add = nn.Bilinear(10, 10, 10)

        def forward(self, x):
            y = self.fused_2(self.fused(x))
            return self.add(y, x)

    model = trained_looking(Taken())
    fused, certificate = fuse(model, EXAMPLE)
    assert [region.members for region in certificate.regions] == [("fused", "fused_2")]
    torch.testing.assert_close(fused(EXAMPLE), model(EXAMPLE), **MERGED_UNSCALED)


def test_parametrized_weights_are_computed_once() -> None:
    model = nn.Sequential(parametrizations.weight_norm(conv()), nn.BatchNorm2d(3))
    fused, certificate = fuse(trained_looking(model), EXAMPLE)
    assert len(certificate.regions) == 1
    assert sorted(dict(fused.named_parameters())) == ["fused.bias", "fused.weight"]


def test_layers_with_hooks_are_left_unmerged() -> None:
    model = nn.Sequential(conv(), nn.BatchNorm2d(3))
    model[0].register_forward_hook(lambda _module, _inputs, output: output.abs())
    assert "remove the hooks" in reasons(model)


def test_subclasses_are_taken_at_their_own_word() -> None:
    class Standardized(nn.Conv2d):
        def forward(self, x):
            weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
            return functional.conv2d(x, weight, self.bias, padding=self.padding)

    model = nn.Sequential(Standardized(3, 3, 3, padding=1), nn.BatchNorm2d(3))
    _, certificate = fuse(trained_looking(model), EXAMPLE)
    assert len(certificate.regions) == 1


def test_values_used_twice_are_not_computed_twice() -> None:
    class Stem(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 3, 5)
            self.left, self.right = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            y = self.stem(x)
            return torch.relu(self.left(y)) * torch.relu(self.right(y))

    model = Stem().eval()
    fused, certificate = fuse(model, EXAMPLE)
    assert count_macs(fused, EXAMPLE) <= count_macs(model, EXAMPLE)
    assert any("its uses would cost" in each.reason for each in certificate.refusals)


def test_the_example_is_checked_first() -> None:
    model = nn.Sequential(conv())
    for example in ((), (EXAMPLE, "text"), torch.rand(3, 4), torch.rand(0, 3, 4, 4)):
        with pytest.raises(EdgeSdkError):
            fuse(model, example)
