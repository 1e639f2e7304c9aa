"""Convolutions and BatchNorms beside an operator of which nothing is known."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Iterator

from torch import fx, nn
from torch.nn import functional

from edge_sdk.reparam.findings import Refusal
from edge_sdk.reparam.graph.arithmetic import arithmetic_of
from edge_sdk.reparam.graph.decisions import is_guard
from edge_sdk.reparam.graph.linear_nodes import BATCH_NORMS, CONCATENATIONS, is_weighted
from edge_sdk.reparam.graph.tracing import shape_of
from edge_sdk.reparam.graph.written_borders import is_write

# Not linear, or linear but no convolution at one resolution: these are not expected to merge.
_LAYERS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GLU),
    *(nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign, nn.Softmax),
    *(nn.Softmax2d, nn.LogSoftmax, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.LogSigmoid),
    *(nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d, nn.LPPool2d),
    *(nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm, nn.LocalResponseNorm),
    *(nn.PixelShuffle, nn.PixelUnshuffle, nn.Upsample, nn.Flatten, nn.Linear),
    *(nn.ConvTranspose2d, nn.Conv1d, nn.Conv3d, nn.MultiheadAttention),
)
_NAMES = (
    "relu relu6 leaky_relu prelu rrelu elu celu selu glu gelu silu mish sigmoid tanh softplus "
    "softsign softmax log_softmax hardtanh hardsigmoid hardswish logsigmoid clamp clip clamp_min "
    "clamp_max abs absolute exp log sqrt rsqrt square pow sin cos sign round floor ceil max min "
    "maximum minimum amax amin where gt lt ge le eq ne max_pool2d adaptive_max_pool2d "
    "adaptive_avg_pool2d group_norm instance_norm layer_norm local_response_norm pixel_shuffle "
    "pixel_unshuffle interpolate flatten linear conv_transpose2d matmul bmm einsum "
    "scaled_dot_product_attention size dim ndimension numel shape dtype device get_device"
)
_FUNCTIONS = frozenset(_NAMES.split())


def unknown_neighbors(
    module: fx.GraphModule, linear: set[fx.Node], refused: set[str]
) -> Iterator[Refusal]:
    """Refusals of convolutions and BatchNorms that give to, or take from, an unknown operator.

    Args:
        module: the traced model.
        linear: nodes that are known to be linear.
        refused: names that have a refusal already.
    """
    for node in module.graph.nodes:
        name = str(node.target) if node.op == "call_module" else node.name
        if node not in linear or name in refused or not _expects_merging(node, module):
            continue
        around = [(part, "takes its result") for part in node.users]
        around += [(part, "is its input") for part in node.all_input_nodes]
        for part, role in around:
            if _is_unknown(part, module, linear):
                kind = _kind(part, module)
                yield Refusal(name, f"{kind}, which {role}, is not known to be linear")
                break


def _expects_merging(node: fx.Node, module: fx.GraphModule) -> bool:
    if is_weighted(node, module) or node.target is functional.batch_norm:
        return True
    return node.op == "call_module" and isinstance(
        module.get_submodule(str(node.target)), BATCH_NORMS
    )


def _is_unknown(node: fx.Node, module: fx.GraphModule, linear: set[fx.Node]) -> bool:
    if node.op in ("placeholder", "output", "get_attr") or node in linear:
        return False
    if node.op == "call_module":
        layer = module.get_submodule(str(node.target))
        # What is linear in itself has a refusal of its own, or was not queried for its kernel.
        return not isinstance(layer, (*_LAYERS, *BATCH_NORMS)) and not is_weighted(node, module)
    if is_write(node) or is_guard(node) or is_weighted(node, module):
        return False
    if node.target is python_operator.getitem:
        return shape_of(node) is not None
    # These have a refusal of their own where they are linear.
    known = node.target in CONCATENATIONS or node.target is functional.batch_norm
    return not (known or arithmetic_of(node) or _kind(node, module).rstrip("_") in _FUNCTIONS)


def _kind(node: fx.Node, module: fx.GraphModule) -> str:
    """Name of a node's operator."""
    if node.op == "call_module":
        return type(module.get_submodule(str(node.target))).__name__
    if node.target is getattr:
        return str(node.args[1])
    if node.target is python_operator.getitem:
        return "this index"
    if node.op == "call_method":
        return str(node.target)
    return str(getattr(node.target, "__name__", node.target))
