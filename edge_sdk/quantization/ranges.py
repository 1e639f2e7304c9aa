"""Range lint: what int8 will keep of every layer, and which branch takes the most of it.

Ranges are judged by a uniform quantizer, weights per output channel and symmetric, activations per
tensor and affine (:mod:`edge_sdk.quantization.quantizer`). Nothing is estimated: the values are
quantized, and the signal-to-quantization-noise ratio is measured,

    SQNR = 10·log₁₀(Σ x² / Σ (x − x̂)²) dB,

+∞ where nothing is lost. For values spread evenly over their range it is 6.02 dB per bit; every
doubling of the range by a few large values takes 6.02 dB from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.exported import Example, as_inputs
from edge_sdk.int8 import int8_values
from edge_sdk.quantization.activations import ValueRange, measure_activations
from edge_sdk.quantization.quantizer import sqnr_db
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.graph.branch_sums import find_branch_sums
from edge_sdk.reparam.graph.fusion import copy_of

SQNR_WARNING_DB = 24.0
"""A layer whose weights or activations keep less is warned of: of its eight bits, at 6.02 dB each,
fewer than four carry the values."""
INFLATION_WARNING = 16.0
"""A branch that widens the merged range by this factor is warned of: the contribution of the other
branches is left four of the eight bits."""

MIN_WIDENING = 1.5
"""A branch that widens the range less is not named for what a layer loses."""

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, *_TRANSPOSED)


@dataclass(frozen=True)
class Inflation:
    """The branch of a block that widens the merged kernel's range most.

    Attributes:
        branch: qualified name, such as ``features.2.branches.1``.
        factor: mean over output channels of max|w| of the merged kernel, over the same without
            the branch; +∞ if nothing is left without it.

    Example:
        >>> from edge_sdk.quantization import Inflation
        >>> Inflation("features.0.branches.1", 12.5).factor
        12.5
    """

    branch: str
    factor: float


@dataclass(frozen=True)
class LayerRanges:
    """Ranges of one layer and what int8 keeps of them.

    Attributes:
        name: name of the module in the model; of a multi-branch block, which counts as the one
            convolution it merges into, the block's.
        kind: class of the module.
        weights: range of each output channel.
        weight_sqnr_db: SQNR of the weights, per channel and symmetric. It is that of the merged
            kernel: where one branch dwarfs the others, it is the large one's, and ``inflation``
            tells what is left for the others.
        activations: range of the layer's output, before any activation function, over all
            examples; ``None`` if the examples do not reach the layer.
        activation_sqnr_db: SQNR of that output, per tensor and affine; ``None`` likewise.
        inflation: of a block or sum, the branch that inflates its range most; ``None`` for others.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import lint_ranges
        >>> layer = lint_ranges(nn.Conv2d(1, 4, 3), torch.rand(1, 1, 8, 8)).layers[0]
        >>> layer.kind, len(layer.weights), layer.weight_sqnr_db > 30
        ('Conv2d', 4, True)
    """

    name: str
    kind: str
    weights: tuple[ValueRange, ...]
    weight_sqnr_db: float
    activations: ValueRange | None
    activation_sqnr_db: float | None
    inflation: Inflation | None

    @property
    def warning(self) -> str | None:
        """One line on what int8 loses here and which branch inflates it; ``None`` if all is well.

        Thresholds: ``SQNR_WARNING_DB`` and ``INFLATION_WARNING``.
        """
        found = [
            f"{subject} keep {sqnr:.1f} dB in int8 (less than {SQNR_WARNING_DB:.0f})"
            for subject, sqnr in (
                ("weights", self.weight_sqnr_db),
                ("activations", self.activation_sqnr_db),
            )
            if sqnr is not None and sqnr < SQNR_WARNING_DB
        ]
        inflation = self.inflation
        least = MIN_WIDENING if found else INFLATION_WARNING
        if inflation is not None and inflation.factor >= least:
            found.append(
                f"{inflation.branch} widens the range of the merged kernel "
                f"{inflation.factor:.1f} times"
            )
        return f"{self.name}: {'; '.join(found)}" if found else None


@dataclass(frozen=True)
class RangeReport:
    """Ranges of all layers, in the order of the model's modules.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import lint_ranges
        >>> report = lint_ranges(nn.Sequential(nn.Conv2d(1, 4, 3)), torch.rand(1, 1, 8, 8))
        >>> report.layer("0").kind, report.warnings
        ('Conv2d', ())
    """

    layers: tuple[LayerRanges, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for every layer that is under a threshold."""
        return tuple(layer.warning for layer in self.layers if layer.warning is not None)

    def layer(self, name: str) -> LayerRanges:
        """Ranges of the layer called ``name``.

        Raises:
            InputError: if there is none.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in self.layers)
        raise InputError(f"no layer '{name}'; choose one of: {known}")


def lint_ranges(model: nn.Module, examples: Tensor | Sequence[Example]) -> RangeReport:
    """Measure what int8 will keep of every convolution, linear layer and multi-branch block.

    A :class:`MultiBranchConv2d` counts as the one convolution that it merges into, so a network of
    such blocks and its fused form give the same report but for the branches. Of branches written by
    hand, each convolution is a layer for itself, and the sum that they merge into is one more, with
    the branch that widens it; its activations are not measured.

    Args:
        model: any module; a copy is run in evaluation mode, the model is left untouched.
        examples: one or several inputs of the model, in its dtype, such as [N, C, H, W] in [0, 1],
            or tuples of one tensor for each input; give real pictures, since the ranges of noise
            are not theirs.

    Returns:
        Ranges per layer, with warnings.

    Raises:
        InputError: if the model holds no such layer, or one with no or with infinite weights;
            there are no examples, or the model does not take them; or an activation is no number.
        FusionError: if the model cannot be copied.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import lint_ranges
        >>> report = lint_ranges(nn.Conv2d(1, 4, 3), torch.rand(1, 1, 8, 8))
        >>> [layer.kind for layer in report.layers]
        ['Conv2d']
    """
    inputs = [
        as_inputs(each) for each in ([examples] if isinstance(examples, Tensor) else examples)
    ]
    if not inputs or not all(
        isinstance(tensor, Tensor) and tensor.numel() for each in inputs for tensor in each
    ):
        raise InputError("examples: give at least one input, each a tensor that holds something")
    copy: nn.Module = copy_of(model)
    copy.eval()
    modules = _layers(copy)
    if not modules:
        raise InputError(
            f"the {type(model).__name__} holds no convolution and no linear layer to lint"
        )
    with torch.no_grad():
        measured = measure_activations(copy, modules, inputs)
        layers = []
        for name, module in modules.items():
            weight = _weight(name, module)
            error = weight - int8_values(weight)
            activations = measured.get(name)
            layers.append(
                LayerRanges(
                    name=name,
                    kind=type(module).__name__,
                    weights=tuple(
                        ValueRange(float(channel.min()), float(channel.max())) for channel in weight
                    ),
                    weight_sqnr_db=sqnr_db(
                        float(weight.square().sum()), float(error.square().sum())
                    ),
                    activations=None if activations is None else activations.range,
                    activation_sqnr_db=None if activations is None else activations.sqnr_db,
                    inflation=_inflation(name, module)
                    if isinstance(module, MultiBranchConv2d)
                    else None,
                )
            )
        layers += _sums(copy, inputs[0])
    return RangeReport(tuple(layers))


def _sums(model: nn.Module, example: tuple[Tensor, ...]) -> list[LayerRanges]:
    """Ranges of sums of branches written by hand; none of a model that cannot be traced."""
    try:
        found = find_branch_sums(model, example)
    except FusionError:
        return []
    layers = []
    for each in found:
        kernel = each.kernel()
        error = kernel - int8_values(kernel)
        factors = [
            Inflation(name, _mean_peak(kernel) / max(_mean_peak(each.kernel(index)), 5e-324))
            for index, (name, _) in enumerate(each.branches)
        ]
        layers.append(
            LayerRanges(
                name=each.name,
                kind="sum of branches",
                weights=tuple(ValueRange(float(row.min()), float(row.max())) for row in kernel),
                weight_sqnr_db=sqnr_db(float(kernel.square().sum()), float(error.square().sum())),
                activations=None,
                activation_sqnr_db=None,
                inflation=max(factors, key=lambda inflation: inflation.factor),
            )
        )
    return layers


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {}
    inside: set[nn.Module] = set()
    for name, module in model.named_modules():
        if module in inside:
            continue
        if isinstance(module, MultiBranchConv2d):
            inside.update(module.modules())
        if isinstance(module, (MultiBranchConv2d, *_WEIGHTED)):
            found[name or "(whole model)"] = module
    return found


def _weight(name: str, module: nn.Module) -> Tensor:
    """Weights, float64 [out, …]."""
    if isinstance(module, MultiBranchConv2d):
        weight = deepcopy(module).double().operator().kernel
    else:
        assert isinstance(module, _WEIGHTED)
        weight = module.weight.double()
    if isinstance(module, _TRANSPOSED):
        # Stored [in, out/groups, …].
        grouped = weight.reshape(module.groups, -1, *weight.shape[1:]).transpose(1, 2)
        weight = grouped.reshape(module.out_channels, -1, *weight.shape[2:])
    if weight.numel() == 0 or not bool(weight.isfinite().all()):
        raise InputError(f"{name}: its weights are none or no finite numbers; fix the model first")
    return weight


def _inflation(name: str, block: MultiBranchConv2d) -> Inflation:
    exact = deepcopy(block).double()
    branches = list(exact.branches)
    merged = exact.operator().kernel
    found = []
    for index, branch in enumerate(branches):
        rest = [other for other in branches if other is not branch]
        factor = _mean_peak(merged) / max(_mean_peak(_without(exact, merged, branch, rest)), 5e-324)
        path = f"branches.{index}" if name == "(whole model)" else f"{name}.branches.{index}"
        found.append(Inflation(path, factor))
    return max(found, key=lambda inflation: inflation.factor)


def _without(
    block: MultiBranchConv2d, merged: Tensor, branch: nn.Module, rest: list[nn.Module]
) -> Tensor:
    """Merged kernel of the other branches."""
    before = block.branches
    # Bare identities alone have no parameter that an operator takes its dtype from; there the
    # branch itself is the largest of all and what it adds is taken away instead.
    bare = not any(True for other in rest for _ in other.parameters())
    block.branches = nn.ModuleList([branch] if bare else rest)
    kernel = block.operator().kernel
    block.branches = before
    return merged - kernel if bare else kernel


def _mean_peak(kernel: Tensor) -> float:
    return float(kernel.flatten(1).abs().amax(1).mean())
