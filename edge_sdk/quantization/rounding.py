"""Second-order rounding: int8 weights that leave a layer's outputs as they are, not its weights.

Rounded to the nearest code, each weight is off by up to half a step, and what neighbors are off by
adds up wherever their inputs are alike: in pictures they nearly always are. Here weights are
rounded one after the other, and what one is off by is taken back by those that are still free, as
the second moments of the layer's inputs say (OBQ: Frantar and Alistarh, 2022; GPTQ: Frantar et al.,
2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError
from edge_sdk.exported import Example, module_path
from edge_sdk.int8 import LEVELS, step_sizes
from edge_sdk.progress import Progress, silent
from edge_sdk.quantization.calibrate import check_finite
from edge_sdk.quantization.fake_codes import with_parameters_of, with_rounded_values
from edge_sdk.quantization.input_moments import Layer, Moments, Walk, moments_of, own_layers
from edge_sdk.quantization.scheme import Scheme
from edge_sdk.quantization.value_graph import value_graph

DAMPING = 1e-3
"""Share of the mean variance that is added to all variances: directions that calibration hardly saw
cost something too."""


def round_weights(
    model: nn.Module,
    example: Example,
    scheme: Scheme,
    pictures: Sequence[Example],
    on_progress: Progress | None = None,
) -> nn.Module:
    """Put a model's weights on the steps of their int8 codes so that its outputs change least.

    Layer by layer, in the order in which they are computed, each on inputs as the int8 model has
    them: activations rounded to their codes, earlier layers rounded before. The error that is left
    in the mean goes into the bias. Steps stay what they were: the largest weight of a channel keeps
    its code.

    Convolutions and linear layers are rounded so; a transposed convolution, one of three
    dimensions, and a weight that something else reads too keep their weights, which become their
    nearest codes.

    Args:
        model: float32 model in evaluation mode, fused before; it is left untouched.
        example: float32 [N, C, H, W], or one tensor for each input; the shapes become static.
        scheme: codes of the activations, or of weights only.
        pictures: inputs, as the example.
        on_progress: called after each layer.

    Returns:
        A copy of the model with rounded parameters; quantize it with the same scheme.

    Raises:
        InputError: if there are no pictures, or a layer reads what is no finite number.
        ConversionError: if the model cannot be traced.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import agreement_db, apply_scheme, quantize, round_weights
        >>> layers = (nn.Conv2d(3, 16, 5), nn.ReLU(), nn.Conv2d(16, 3, 5))
        >>> model = nn.Sequential(*layers).eval()
        >>> smooth = nn.Upsample(scale_factor=4, mode="bilinear")
        >>> pictures = [smooth(torch.rand(1, 3, 8, 8)) for _ in range(4)]
        >>> nearest = quantize(model, pictures[0], pictures, picture_output=False)
        >>> rounded = round_weights(model, pictures[0], nearest.scheme, pictures)
        >>> second = apply_scheme(rounded, pictures[0], nearest.scheme)
        >>> gained_db = agreement_db(model, second.model, pictures, clip=False) - agreement_db(
        ...     model, nearest.model, pictures, clip=False
        ... )
        >>> gained_db > 1
        True
    """
    report = on_progress or silent
    if not pictures:
        raise InputError("no pictures to round weights by; give at least one")
    check_finite(pictures)
    coding = with_rounded_values(value_graph(model, example), scheme)
    module = coding.module
    layers = own_layers(coding)
    done = 0
    with torch.no_grad():
        for node, inputs in Walk(module).over(pictures):
            if node in layers:
                moments = moments_of(layers[node], inputs)
                if not bool(moments.products.isfinite().all()):
                    raise InputError(
                        f"{module_path(node)}: reads a NaN or an infinity while its weights are "
                        "rounded; fix the model or the pictures"
                    )
                _round(layers[node], moments)
                done += 1
                report("rounding weights", done, len(layers))
    return with_parameters_of(module, model)


def _round(layer: Layer, moments: Moments) -> None:
    """Write rounded weights, and a bias that keeps the mean, into a layer."""
    exact = layer.weight.reshape(layer.groups, -1, layer.weight[0].numel()).double()
    steps = step_sizes(layer.weight.reshape(len(layer.weight), -1, 1, 1)).double()
    mean = moments.sums / moments.count
    second = moments.products / moments.count
    if layer.bias is not None:
        # A bias takes whatever is off in the mean: only what varies is left to the weights.
        second = second - mean[:, :, None] * mean[:, None]
    rounded = torch.stack(
        [
            _rounded(own, step, of_inputs)
            for own, step, of_inputs in zip(
                exact, steps.reshape(layer.groups, -1, 1), second, strict=True
            )
        ]
    )
    layer.weight.copy_(rounded.reshape(layer.weight.shape))
    if layer.bias is not None:
        missing = (exact - rounded) @ mean[:, :, None]
        layer.bias.add_(missing.flatten().to(layer.bias.dtype))


def _rounded(weights: Tensor, steps: Tensor, second: Tensor) -> Tensor:
    """Round rows [out, n] to multiples of their steps [out, 1], one column after the other.

    With the Cholesky factor U of the inverse of ``second``, UᵀU = S⁻¹, what column j is off by
    is taken back by the columns behind it as U_j/U_jj says; those of most energy come first.
    """
    variance = second.diagonal()
    # The rest is what rounding can leave of a variance of 0.
    damping = DAMPING * variance.clamp_min(0).mean() + 1e-9
    order = variance.argsort(descending=True, stable=True)
    damped = (second + damping * torch.eye(len(second), dtype=second.dtype))[order][:, order]
    factor = torch.linalg.cholesky(
        torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True
    )
    free = weights[:, order].clone()
    largest = free.abs() >= free.abs().amax(1, keepdim=True)
    kept = (free / steps).round().clamp(-LEVELS, LEVELS) * steps
    found = torch.empty_like(free)
    for column in range(free.shape[1]):
        nearest = (free[:, column] / steps[:, 0]).round().clamp(-LEVELS, LEVELS) * steps[:, 0]
        found[:, column] = torch.where(largest[:, column], kept[:, column], nearest)
        off = (free[:, column] - found[:, column]) / factor[column, column]
        free[:, column:] -= off[:, None] * factor[column, column:]
    back = torch.empty_like(found)
    back[:, order] = found
    return back
