"""Int8 codes of the activations while training: the network as integer kernels will compute it.

Values get codes where :mod:`edge_sdk.quantization.value_graph` finds that the merged network has
them in a converted file. Input and output have the 8-bit values of pictures; the codes of the rest
are chosen again every :data:`EVERY` steps from a batch, by the observer ``mse`` of
:mod:`edge_sdk.quantization.observers`, as ``edge-sdk quantize`` chooses them. Gradients pass the
rounding as they are and vanish where a value is clipped.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from edge_sdk.int8 import fake_quantize
from edge_sdk.models.architecture import build
from edge_sdk.models.network import Network, NetworkConfig
from edge_sdk.quantization.calibrate import BINS, Histogram
from edge_sdk.quantization.observers import Activation, choose_codes
from edge_sdk.quantization.scheme import HIGHEST, LOWEST, PICTURE, affine
from edge_sdk.quantization.value_graph import module_path, value_graph
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.graph.replacement import replaced

EVERY = 500
"""Steps after which codes are chosen again."""
EXAMPLE_PX = 12
"""Least side of the picture by which the network is exported."""


class CodedValue(nn.Module):
    """One value of a network, rounded to its int8 codes.

    Args:
        picture: whether the codes are those of a picture; else they are chosen.
        read_by: the activation that alone reads the value, if one does.

    Attributes:
        low: least number that a code stands for, float32 [].
        high: greatest; no codes are chosen while it is not above ``low``.
        observing: let values pass and remember them.
    """

    low: Tensor
    high: Tensor

    def __init__(self, picture: bool, read_by: Activation | None) -> None:
        super().__init__()
        self._picture = picture
        self._read_by = read_by
        self._last: Tensor | None = None
        self.observing = False
        # Both ends are buffers, so that an average of weights averages the codes with them.
        self.register_buffer("low", torch.tensor(PICTURE.low if picture else 0.0))
        self.register_buffer("high", torch.tensor(PICTURE.high if picture else 0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Round [N, C, H, W] to the codes."""
        if self.observing:
            self._last = x.detach()
            return x
        low, high = float(self.low), float(self.high)
        if low >= high:
            return x
        codes = PICTURE if self._picture else affine(low, high)
        rounded: Tensor = torch.fake_quantize_per_tensor_affine(
            x.float(), codes.scale, codes.zero_point, LOWEST, HIGHEST
        )
        return rounded

    @torch.no_grad()
    def choose(self) -> None:
        """Choose the codes by the values that were observed last."""
        if self._last is None or self._picture:
            return
        values = self._last.float()
        low, high = (float(end) for end in torch.aminmax(values))
        counts = torch.histc(values, BINS, low, high if high > low else low + 1.0).double()
        histogram = Histogram(low, high, counts.cpu())
        codes = choose_codes(histogram, "mse", self._read_by)
        self.low.fill_(codes.low)
        self.high.fill_(codes.high)
        self._last = None


class _RoundedConv(nn.Module):
    """A plain convolution with its kernel rounded to int8; blocks round theirs themselves."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        # In a tuple, so that the convolution is not listed as a part of this module.
        self._conv = (conv,)

    def forward(self, x: Tensor) -> Tensor:
        conv = self._conv[0]
        kernel = fake_quantize(conv.weight)
        return functional.conv2d(x, kernel, conv.bias, conv.stride, conv.padding)


class CodedNetwork(nn.Module):
    """The values of a network with their codes; the network itself is not part of this module.

    Args:
        network: shares its layers with what runs here, so that training one trains the other.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        graph = _Leaves().trace(network)
        self.values = nn.ModuleDict()
        for node, coded in _coded(graph, network).items():
            self.values[node.name] = CodedValue(coded.picture, _reading(node, network))
            with graph.inserting_after(node):
                rounded = graph.call_module(f"values.{node.name}", (node,))
            node.replace_all_uses_with(rounded)
            rounded.args = (node,)
        parts: dict[str, nn.Module] = {
            name: _RoundedConv(part) if isinstance(part, nn.Conv2d) else part
            for name, part in network.named_modules(remove_duplicate=False)
            if name
        }
        parts |= {f"values.{name}": value for name, value in self.values.items()}
        # In a tuple, so that its layers are not listed a second time as parts of this module.
        self._run = (fx.GraphModule(parts, graph),)

    def forward(self, x: Tensor) -> Tensor:
        """What the network returns, every value rounded; float32 [N, C, H, W] in and out."""
        result: Tensor = self._run[0](x)
        return result

    @torch.no_grad()
    def choose(self, x: Tensor) -> None:
        """Choose all codes by what a batch [N, C, H, W] becomes in the network."""
        values = [value for value in self.values.values() if isinstance(value, CodedValue)]
        for value in values:
            value.observing = True
        try:
            self(x)
        finally:
            for value in values:
                value.observing = False
        for value in values:
            value.choose()


class _Leaves(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


@dataclass(frozen=True)
class _Coded:
    """A value that gets codes of its own in a converted file."""

    module: str | None
    """The layer that returns it; ``None`` for the input and for sums."""
    picture: bool


def _coded(graph: fx.Graph, network: Network) -> dict[fx.Node, _Coded]:
    """Nodes that get codes: the input, layers by their names, sums in their order."""
    layers = {str(node.target): node for node in graph.nodes if node.op == "call_module"}
    others = [
        node for node in graph.nodes if node.op == "placeholder" or node.target is operator.add
    ]
    coded = _coded_when_converted(network.config)
    found = {layers[each.module]: each for each in coded if each.module is not None}
    unnamed = [each for each in coded if each.module is None]
    found |= dict(zip(others, unnamed, strict=True))
    return {node: found[node] for node in graph.nodes if node in found}


@functools.cache
def _coded_when_converted(config: NetworkConfig) -> tuple[_Coded, ...]:
    # Which values get codes does not depend on weights; the run's random state is left alone.
    with torch.random.fork_rng(devices=[]):
        network = build(config).eval()
        multiple = network.spec.size_multiple
        side = -(-EXAMPLE_PX // multiple) * multiple
        example = torch.zeros(1, network.spec.input_channels, side, side)
        merged = {block: block.fused() for block in multi_branch_blocks(network)}
        plain = replaced(network, merged, (example,))
        values = value_graph(plain, example).values
    given = {value.share for value in values if value.node.op == "placeholder"}
    shown = {
        value.share for value in values if any(user.op == "output" for user in value.node.users)
    }
    layers = {name for name, _ in plain.named_modules()}
    return tuple(
        _Coded(
            path if (path := module_path(value.node)) in layers - {""} else None,
            value.share in given | shown,
        )
        for value in values
        # A sum that is concatenated with the input has its codes, and still is rounded to them.
        if value.share == value.name or value.node.target is torch.ops.aten.add.Tensor
    )


def _reading(node: fx.Node, network: Network) -> Activation | None:
    users = list(node.users)
    if len(users) != 1 or users[0].op != "call_module":
        return None
    module = network.get_submodule(str(users[0].target))
    if isinstance(module, nn.LeakyReLU):
        return module
    if isinstance(module, nn.PReLU):
        # The mean of the slopes as they are when it is called.
        return lambda values: functional.leaky_relu(values, float(module.weight.mean()))
    return None
