"""What each operator's codes cost, and mixed precision by that cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from edge_sdk.errors import InputError
from edge_sdk.exported import Example, as_inputs
from edge_sdk.progress import Progress, silent
from edge_sdk.quantization.insertion import insert
from edge_sdk.quantization.scheme import Scheme
from edge_sdk.quantization.value_graph import ValueGraph, first_output


@dataclass(frozen=True)
class LayerCost:
    """What the codes of one value cost.

    Attributes:
        name: name of the value, after the module that makes it.
        alone_db: PSNR of the model in which this operator alone computes with int8.
        without_db: PSNR of the int8 model in which this operator alone stays in floating point.

    Example:
        >>> from edge_sdk.quantization import LayerCost
        >>> cost = LayerCost("body.0", alone_db=48.0, without_db=45.5)
        >>> cost.without_db
        45.5
    """

    name: str
    alone_db: float
    without_db: float


def agreement_db(
    reference: nn.Module, model: nn.Module, pictures: Sequence[Example], clip: bool = True
) -> float:
    """PSNR between the outputs of two models, pooled over all pictures.

    Args:
        reference: a model whose first output is compared.
        model: the same.
        pictures: inputs.
        clip: outputs are pictures: both are clipped to [0, 1] first, and the peak is 1; otherwise
            the peak is the largest |value| of the reference.

    Returns:
        10·log₁₀ of peak² over the mean squared difference; +∞ if there is none.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import agreement_db
        >>> picture = torch.rand(1, 3, 8, 8)
        >>> agreement_db(nn.Identity(), nn.Identity(), [picture])
        inf
        >>> agreement_db(nn.Identity(), nn.AvgPool2d(3, 1, 1), [picture]) < 20
        True
    """
    total, count, peak = 0.0, 0, 1.0 if clip else 0.0
    with torch.no_grad():
        for picture in pictures:
            one, other = (
                first_output(each(*as_inputs(picture))).double() for each in (reference, model)
            )
            if clip:
                one, other = one.clamp(0, 1), other.clamp(0, 1)
            else:
                peak = max(peak, float(one.abs().max()))
            total += float((one - other).square().sum())
            count += one.numel()
    if total == 0:
        return math.inf
    return -10 * math.log10(total / max(count, 1) / max(peak, 1e-30) ** 2)


def layer_costs(
    graph: ValueGraph, scheme: Scheme, pictures: Sequence[Example], clip: bool = True
) -> tuple[LayerCost, ...]:
    """Measure what each operator costs, the most expensive first.

    Args:
        graph: the float model.
        scheme: its quantization.
        pictures: inputs of the graph's shape.
        clip: as in :func:`agreement_db`.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import layer_costs, quantize
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3)).eval()
        >>> pictures = [torch.rand(1, 3, 12, 12) for _ in range(3)]
        >>> made = quantize(model, pictures[0], pictures)
        >>> costs = layer_costs(made.graph, made.scheme, pictures)
        >>> costs[0].without_db >= costs[-1].without_db
        True
    """
    names = [value.name for value in graph.values if value.node.op != "placeholder"]
    found = []
    for name in names:
        others = tuple(other for other in names if other != name)
        found.append(
            LayerCost(
                name,
                _db(graph, replace(scheme, float_layers=others), pictures, clip),
                _db(
                    graph,
                    replace(scheme, float_layers=(*scheme.float_layers, name)),
                    pictures,
                    clip,
                ),
            )
        )
    return tuple(sorted(found, key=lambda cost: -cost.without_db))


def meet_budget(
    graph: ValueGraph,
    scheme: Scheme,
    pictures: Sequence[Example],
    budget_db: float,
    clip: bool = True,
    on_progress: Progress | None = None,
    reference: nn.Module | None = None,
) -> Scheme:
    """Leave operators in floating point until the int8 model agrees well enough.

    In each round the operator is left whose int8 arithmetic costs most, measured again, since what
    one costs depends on the others.

    Args:
        graph: the float model.
        scheme: its quantization.
        pictures: inputs of the graph's shape, others than those that chose the scheme.
        budget_db: PSNR to reach.
        clip: as in :func:`agreement_db`.
        on_progress: called after each operator that is left in floating point.
        reference: model to agree with, if the graph's weights were tuned; the graph by default.

    Returns:
        The scheme with the fewest operators in ``float_layers`` that this finds.

    Raises:
        InputError: if the budget is not met with every operator but one in floating point.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import agreement_db, apply_scheme, meet_budget, quantize
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3)).eval()
        >>> pictures = [torch.rand(1, 3, 12, 12) for _ in range(3)]
        >>> made = quantize(model, pictures[0], pictures, picture_output=False)
        >>> before_db = agreement_db(model, made.model, pictures, clip=False)
        >>> scheme = meet_budget(made.graph, made.scheme, pictures, before_db + 1, clip=False)
        >>> mixed = apply_scheme(model, pictures[0], scheme)
        >>> len(scheme.float_layers) >= 1
        True
        >>> agreement_db(model, mixed.model, pictures, clip=False) >= before_db + 1
        True
    """
    names = [value.name for value in graph.values if value.node.op != "placeholder"]
    expected = reference or graph.module

    def agreed(trial: Scheme) -> float:
        return agreement_db(expected, insert(graph, trial), pictures, clip)

    report, reached = on_progress or silent, agreed(scheme)
    while reached < budget_db:
        candidates = [name for name in names if name not in scheme.float_layers]
        if len(candidates) < 2:
            raise InputError(
                f"{reached:.1f} dB with all but one operator in floating point misses the budget "
                f"of {budget_db:.1f} dB; lower the budget, or give pictures that fit the model"
            )
        trials = [replace(scheme, float_layers=(*scheme.float_layers, name)) for name in candidates]
        reached, scheme = max(
            ((agreed(trial), trial) for trial in trials),
            key=lambda found: found[0],
        )
        report("layers left in float", len(scheme.float_layers), len(names))
    return scheme


def _db(graph: ValueGraph, scheme: Scheme, pictures: Sequence[Example], clip: bool) -> float:
    return agreement_db(graph.module, insert(graph, scheme), pictures, clip)
