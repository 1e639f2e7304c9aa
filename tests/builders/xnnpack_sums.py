"""A quantized graph run in PyTorch, but with sums as XNNPACK's integer kernel computes them.

The kernel (``qs8-vadd``) takes both ratios of input to output step as whole numbers of 2⁻ˢ parts,
s such that the larger has 21 bits, adds half a code and rounds down. PyTorch rounds the exact sum
to the nearest code, and to the even one of two as near. So sums at or very near to the middle
between two codes, and those alone, may differ, by one code.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

_BITS = 20


class XnnpackSums(fx.Interpreter):
    """Runs a graph that ``quantize`` made.

    Args:
        graph: the quantized model.

    Attributes:
        differing: codes of sums so far for which the kernel's result is not PyTorch's.
        from_middle: of those, the largest distance of the exact sum from the middle between two
            codes, in codes.
    """

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph, garbage_collect_values=False)
        self.differing = 0
        self.from_middle = 0.0

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        terms = _terms(n)
        if terms is None:
            return value
        scale, point = float(np.float32(n.args[1])), int(n.args[2])
        ratios = [np.float32(term.args[1]) / np.float32(scale) for term in terms]
        codes = [
            self.env[term.args[0]].numpy().astype(np.int64) - int(term.args[2]) for term in terms
        ]
        shift = _BITS + 1 - math.frexp(float(max(ratios)))[1]
        whole = [int(np.rint(ratio * np.float32(2.0**shift))) for ratio in ratios]
        total = sum(one * factor for one, factor in zip(codes, whole, strict=True))
        found = (((total + (1 << (shift - 1))) >> shift) + point).clip(-128, 127)
        wrong = found != value.numpy()
        exact = sum(
            one * (float(np.float32(term.args[1])) / scale)
            for one, term in zip(codes, terms, strict=True)
        )
        if wrong.any():
            middle = np.abs(exact[wrong] - np.floor(exact[wrong]) - 0.5).max()
            self.from_middle = max(self.from_middle, float(middle))
        self.differing += int(wrong.sum())
        return torch.from_numpy(found.astype(np.int8))


def result(outputs: Any) -> Tensor:
    """The tensor that a run of a graph with one output returns."""
    return outputs[0] if isinstance(outputs, tuple | list) else outputs


def _terms(node: fx.Node) -> list[fx.Node] | None:
    if "quantize_per_tensor" not in str(node.target) or "dequantize" in str(node.target):
        return None
    total = node.args[0]
    if not isinstance(total, fx.Node) or "aten.add.Tensor" not in str(total.target):
        return None
    return [term for term in total.args if isinstance(term, fx.Node)]
