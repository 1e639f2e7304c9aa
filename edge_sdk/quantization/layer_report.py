"""What int8 keeps of every layer, by the names of the modules that the user wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import fx

from edge_sdk.exported import Example
from edge_sdk.quantization.calibrate import run_all
from edge_sdk.quantization.quantizer import sqnr_db
from edge_sdk.quantization.scheme import Affine, Scheme
from edge_sdk.quantization.value_graph import ValueGraph


@dataclass(frozen=True)
class LayerError:
    """Agreement of one value of the int8 model with the float model's.

    Attributes:
        name: name of the value, after the module that makes it.
        sqnr_db: power of the float values over that of the difference, in dB; what the layers
            before have lost is part of it.
        clipped: part of the values that lie beyond the codes, 0 to 1.
        codes: the codes; ``None`` where the value stays in floating point.
    """

    name: str
    sqnr_db: float
    clipped: float
    codes: Affine | None


def layer_errors(
    graph: ValueGraph, model: fx.GraphModule, scheme: Scheme, pictures: Sequence[Example]
) -> tuple[LayerError, ...]:
    """Compare every value of an int8 model with the float model's, in the order of the graph.

    Args:
        graph: the float model.
        model: its int8 form, from :func:`edge_sdk.quantization.insertion.insert`.
        scheme: what was written into it.
        pictures: inputs of the graph's shape.
    """
    ours = {node.name: node for node in model.graph.nodes}
    kept = [value for value in graph.values if value.node.name in ours]
    power = dict.fromkeys((value.name for value in kept), (0.0, 0.0, 0.0, 0))
    for picture in pictures:
        exact = run_all(graph.module, [value.node for value in kept], picture)
        rounded = run_all(model, [ours[value.node.name] for value in kept], picture)
        for value in kept:
            one, other = exact[value.node.name].double(), rounded[value.node.name].double()
            clipped = 0
            if (codes := _codes(value.name, value.share, scheme)) is not None:
                clipped = int(((other < codes.low) | (other > codes.high)).sum())
                other = codes.rounded(other)
            before = power[value.name]
            power[value.name] = (
                before[0] + float(one.square().sum()),
                before[1] + float((one - other).square().sum()),
                before[2] + clipped,
                before[3] + torch.numel(one),
            )
    return tuple(
        LayerError(
            value.name,
            sqnr_db(*power[value.name][:2]),
            power[value.name][2] / max(power[value.name][3], 1),
            _codes(value.name, value.share, scheme),
        )
        for value in kept
    )


def _codes(name: str, share: str, scheme: Scheme) -> Affine | None:
    if scheme.weights_only or name in scheme.float_layers:
        return None
    return scheme.values[share]
