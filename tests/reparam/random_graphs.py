"""Random small networks from a grammar of linear layers, joins, taps and activations."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from tests.reparam.foreign_models import BNAndPadLayer, trained_looking

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))
small = st.tuples(st.integers(1, 4), st.integers(1, 4))


KINDS = ("conv", "free", "point", "pad", "border", "pool", "sum", "cat", "tap", "2", "pre")
"""Steps of a network."""


class Scale(nn.Module):
    """scale·x + shift, one of each per channel, written as people do."""

    def __init__(self, channels: int, kind: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(1, channels, 1, 1))
        self.register_buffer("shift", torch.randn(channels, 1, 1))
        self.kind = kind

    def forward(self, x):
        if self.kind == 0:
            return x * self.scale + self.shift
        if self.kind == 1:
            return torch.sub(self.shift, self.scale * x) / 2
        return -(x.mul(0.7)).add(0.3)


class Sum(nn.Module):
    def __init__(self, branches: list[nn.Module], minus: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.minus = minus

    def forward(self, x):
        total = self.branches[0](x)
        for branch in self.branches[1:]:
            total = total - branch(x) if self.minus else total + branch(x)
        return total


class Concat(Sum):
    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Tap(nn.Module):
    """A value that two others are made of."""

    def __init__(self, stem: nn.Module, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.stem, self.left, self.right = stem, left, right

    def forward(self, x):
        y = self.stem(x)
        return torch.cat([self.left(y), functional.relu(self.right(y))], 1)


class Flipped(nn.Module):
    """A BatchNorm before an activation whose first γ is to be 0 or below."""

    def __init__(self, norm: nn.BatchNorm2d, factor: float) -> None:
        super().__init__()
        self.norm, self.factor = norm, factor

    def forward(self, x):
        return self.norm(x)


class Twice(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(functional.leaky_relu(self.inner(x), 0.2))


@st.composite
def same_size_convs(draw: st.DrawFn, before: int, after: int) -> nn.Module:
    """A convolution that keeps the size, even kernels included."""
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if before % g == after % g == 0]))
    return nn.Conv2d(
        before,
        after,
        draw(sizes),
        padding="same",
        dilation=draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        groups=groups,
        bias=draw(st.booleans()),
    )


@st.composite
def pointwise(draw: st.DrawFn, channels: int) -> nn.Module:
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return nn.BatchNorm2d(channels, affine=draw(st.booleans()))
    if kind == 1:
        return Scale(channels, draw(st.integers(0, 2)))
    if kind == 2:
        return nn.ReLU(inplace=draw(st.booleans()))
    if kind == 3:
        return nn.Dropout(0.5)
    if kind == 4:
        return nn.Conv2d(channels, channels, 1, bias=draw(st.booleans()))
    if kind == 5:
        return nn.AvgPool2d(3, 1, 1, count_include_pad=draw(st.booleans()))
    return nn.Identity()


@st.composite
def same_size_chains(draw: st.DrawFn, before: int, after: int) -> nn.Module:
    steps = [draw(pointwise(before))] if draw(st.booleans()) else []
    steps.append(draw(same_size_convs(before, after)))
    steps += [draw(pointwise(after)) for _ in range(draw(st.integers(0, 2)))]
    return nn.Sequential(*steps)


@st.composite
def free_convs(draw: st.DrawFn, before: int, after: int) -> nn.Module:
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if before % g == after % g == 0]))
    kernel = draw(small | sizes)
    return nn.Conv2d(
        before,
        after,
        kernel,
        stride=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        padding=draw(st.sampled_from([0, 0, 1, 2])),
        dilation=draw(st.integers(1, 3)) if max(kernel) <= 2 else 1,
        groups=groups,
        bias=draw(st.booleans()),
    )


@st.composite
def steps(draw: st.DrawFn, channels: int, depth: int) -> tuple[nn.Module, int]:
    """One step of a network and the channels that it returns."""
    after = draw(st.sampled_from([1, 2, 3, 4, 6]))
    kind = draw(st.sampled_from(KINDS))
    if kind == "pre":
        return draw(pre_activated(channels)), channels
    if kind == "conv":
        return draw(same_size_chains(channels, after)), after
    if kind == "free":
        return draw(free_convs(channels, after)), after
    if kind == "point":
        return draw(pointwise(channels)), channels
    if kind == "border":
        return BNAndPadLayer(draw(st.integers(1, 2)), channels), channels
    if kind == "pad" and draw(st.booleans()):
        around = nn.ConstantPad2d(draw(st.integers(1, 2)), draw(st.sampled_from([0.7, -1.3])))
        return nn.Sequential(around, nn.Conv2d(channels, after, draw(small))), after
    if kind == "pad":
        around = tuple(draw(st.lists(st.integers(0, 2), min_size=4, max_size=4)))
        return nn.ConstantPad2d(around, draw(st.sampled_from([0.0, 0.0, 0.7, -1.3]))), channels
    if kind == "pool":
        return nn.AvgPool2d(draw(st.integers(1, 3)), draw(st.integers(1, 2))), channels
    chain = same_size_chains(channels, after)
    if kind == "2" or depth == 0:
        return Twice(draw(same_size_chains(channels, channels))), channels
    branches = draw(st.lists(chain, min_size=2, max_size=3))
    if depth < 3 and draw(st.booleans()):
        branches.append(draw(nested(channels, after, depth)))
    if kind == "sum":
        if after == channels and draw(st.booleans()):
            branches.append(nn.Identity())
        inner = Sum(branches, draw(st.booleans()))
        return (nn.Sequential(inner, draw(chain_of_one(after))), after)
    if kind == "cat":
        return Concat(branches, False), after * len(branches)
    left, right = draw(same_size_chains(after, 2)), draw(same_size_chains(after, 3))
    return Tap(draw(chain), left, right), 5


@st.composite
def pre_activated(draw: st.DrawFn, channels: int) -> nn.Module:
    """Blocks on a residual stream, BatchNorm and activation before each convolution."""
    parts: list[nn.Module] = []
    if draw(st.integers(0, 3)):
        parts.append(nn.Conv2d(channels, channels, draw(st.sampled_from([1, 3])), padding="same"))
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["identity", "identity", "norm", "point", "pool", "padded"]))
        shortcut: list[nn.Module] = [nn.BatchNorm2d(channels)] if kind == "norm" else []
        if kind in ("norm", "point"):
            shortcut.append(nn.Conv2d(channels, channels, 1, bias=draw(st.booleans())))
        if kind == "pool":
            shortcut.append(draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))(3, 1, 1))
        if kind == "padded":
            shortcut.append(draw(same_size_convs(channels, channels)))
        body = [*draw(activated(channels)), draw(same_size_convs(channels, channels))]
        if draw(st.booleans()):
            body += [*draw(activated(channels)), draw(same_size_convs(channels, channels))]
        branches = draw(st.permutations([nn.Sequential(*shortcut), nn.Sequential(*body)]))
        parts.append(Sum(branches, draw(st.booleans())))
    if draw(st.booleans()):
        parts += [*draw(activated(channels)), draw(same_size_convs(channels, channels))]
    return nn.Sequential(*parts)


@st.composite
def activated(draw: st.DrawFn, channels: int) -> list[nn.Module]:
    """A BatchNorm and an activation, rarely one that no scale passes or with a bad channel."""
    norm: nn.Module = nn.BatchNorm2d(channels, affine=draw(st.integers(0, 4)) > 0)
    if norm.affine and draw(st.integers(0, 9)) == 0:
        norm = Flipped(norm, draw(st.sampled_from([0.0, -1.0])))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return [norm, nn.ReLU6()]
    others = {1: nn.LeakyReLU(0.2), 2: nn.PReLU(channels)}
    return [norm, others.get(kind, nn.ReLU(inplace=draw(st.booleans())))]


@st.composite
def nested(draw: st.DrawFn, before: int, after: int, depth: int) -> nn.Module:
    """A join within a branch, with a convolution behind it."""
    inner = [draw(same_size_chains(before, after)), draw(same_size_chains(before, after))]
    if depth < 2 and draw(st.booleans()):
        inner.append(draw(nested(before, after, depth + 1)))
    last = nn.Conv2d(after, after, 1, bias=draw(st.booleans()))
    return nn.Sequential(Sum(inner, draw(st.booleans())), last)


def chain_of_one(channels: int) -> st.SearchStrategy[nn.Module]:
    return pointwise(channels)


@st.composite
def networks(draw: st.DrawFn, longest: int = 4) -> tuple[nn.Module, int]:
    """A network with trained-looking statistics, and its input channels."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    first = channels = draw(st.sampled_from([1, 2, 3, 4]))
    parts = []
    for _ in range(draw(st.integers(1, longest))):
        part, channels = draw(steps(channels, 1))
        parts.append(part)
    return flipped(trained_looking(nn.Sequential(*parts))), first


@st.composite
def residual_streams(draw: st.DrawFn) -> tuple[nn.Module, int]:
    """A network of pre-activation blocks alone, and its input channels."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    channels = draw(st.sampled_from([2, 3, 4]))
    return flipped(trained_looking(nn.Sequential(draw(pre_activated(channels))))), channels


def flipped(model: nn.Module) -> nn.Module:
    """Have the BatchNorms that are to be refused a γ of 0 or below; returns the model."""
    for part in model.modules():
        if isinstance(part, Flipped):
            part.norm.weight.data[0] *= part.factor
    return model


@torch.no_grad()
def summed_rms(model: nn.Sequential, x: Tensor) -> float:
    """RMS of the branches of every join, of what is clipped and of every outer step, summed.

    It is what rounding is relative to: branches may cancel each other, and ReLU may leave nothing.
    What stands within a chain does not count.
    """
    total = 0.0

    def add(values: Tensor) -> None:
        nonlocal total
        total += float(values.double().square().mean().sqrt())

    joins = [part for part in model.modules() if isinstance(part, Sum | Tap)]
    branches = [
        child
        for join in joins
        for child in (join.branches if isinstance(join, Sum) else join.children())
    ]
    hooks = [
        part.register_forward_hook(lambda _module, _inputs, output: add(output))
        for part in (*model, *branches)
    ]
    hooks += [
        part.register_forward_pre_hook(lambda _module, inputs: add(inputs[0]))
        for part in model.modules()
        if isinstance(part, nn.ReLU)
    ]
    model(x.clone())
    for hook in hooks:
        hook.remove()
    return total + 1e-30
