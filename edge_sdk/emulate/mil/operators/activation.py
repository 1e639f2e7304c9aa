"""Activation functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.registry import op


@op("relu")
def _relu(args: Arguments) -> Tensor:
    return F.relu(args.tensor("x"))


@op("relu6")
def _relu6(args: Arguments) -> Tensor:
    return F.relu6(args.tensor("x"))


@op("leaky_relu")
def _leaky_relu(args: Arguments) -> Tensor:
    return F.leaky_relu(args.tensor("x"), args.number("alpha"))


@op("prelu")
def _prelu(args: Arguments) -> Tensor:
    return F.prelu(args.tensor("x"), args.tensor("alpha"))


@op("elu")
def _elu(args: Arguments) -> Tensor:
    return F.elu(args.tensor("x"), args.number("alpha"))


@op("sigmoid")
def _sigmoid(args: Arguments) -> Tensor:
    return torch.sigmoid(args.tensor("x"))


@op("sigmoid_hard")
def _sigmoid_hard(args: Arguments) -> Tensor:
    return (args.number("alpha") * args.tensor("x") + args.number("beta")).clamp(0, 1)


@op("silu")
def _silu(args: Arguments) -> Tensor:
    return F.silu(args.tensor("x"))


@op("softplus")
def _softplus(args: Arguments) -> Tensor:
    return F.softplus(args.tensor("x"))


@op("softplus_parametric")
def _softplus_parametric(args: Arguments) -> Tensor:
    x = args.tensor("x")
    shape = [1, -1, *[1] * (x.dim() - 2)]
    alpha, beta = (args.tensor(name).reshape(shape) for name in ("alpha", "beta"))
    return alpha * F.softplus(beta * x, threshold=80)


@op("softsign")
def _softsign(args: Arguments) -> Tensor:
    return F.softsign(args.tensor("x"))


@op("thresholded_relu")
def _thresholded_relu(args: Arguments) -> Tensor:
    x = args.tensor("x")
    return torch.where(x >= args.number("alpha"), x, 0.0)


@op("threshold")
def _threshold(args: Arguments) -> Tensor:
    return args.tensor("x").clamp(min=args.number("alpha"))


@op("linear_activation")
def _linear_activation(args: Arguments) -> Tensor:
    return args.number("alpha") * args.tensor("x") + args.number("beta")


@op("gelu")
def _gelu(args: Arguments) -> Tensor:
    x, mode = args.tensor("x"), args.text("mode", "EXACT")
    if mode == "EXACT":
        return F.gelu(x)
    if mode == "TANH_APPROXIMATION":
        return F.gelu(x, approximate="tanh")
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    raise ValueError(f"unknown mode '{mode}'")


@op("softmax")
def _softmax(args: Arguments) -> Tensor:
    return F.softmax(args.tensor("x"), args.integer("axis", -1))
