"""Post-training quantization: calibrate on pictures, choose codes, write them into the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import fx, nn

from edge_sdk.errors import InputError
from edge_sdk.exported import Example, as_inputs
from edge_sdk.int8 import leaky_scales
from edge_sdk.quantization.activation_readers import reading_activation
from edge_sdk.quantization.calibrate import Histogram, calibrate
from edge_sdk.quantization.insertion import insert
from edge_sdk.quantization.observers import Observer, choose_codes
from edge_sdk.quantization.scheme import PICTURE, Affine, Scheme
from edge_sdk.quantization.value_graph import ValueGraph, leaky_slope_of, leaky_source, value_graph


@dataclass(frozen=True, eq=False)
class Quantized:
    """A model with explicit int8 codes.

    Attributes:
        model: graph module from float32 to float32, with quantize and dequantize operators.
        scheme: what was written into it.
        graph: the float model that it was made from.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import quantize
        >>> picture = torch.rand(1, 3, 8, 8)
        >>> made = quantize(nn.Conv2d(3, 3, 3).eval(), picture, [picture])
        >>> made.model(picture).dtype, made.scheme.observer
        (torch.float32, 'mse')
    """

    model: fx.GraphModule
    scheme: Scheme
    graph: ValueGraph


def quantize(
    model: nn.Module,
    example: Example,
    pictures: Sequence[Example],
    observer: Observer = "mse",
    *,
    picture_output: bool = True,
) -> Quantized:
    """Quantize weights and activations of a model to int8.

    Args:
        model: float32 model in evaluation mode, fused before.
        example: float32 [N, C, H, W] in [0, 1], or one tensor for each input; the shapes become
            static.
        pictures: calibration inputs, as the example.
        observer: how ranges are chosen.
        picture_output: the model returns pictures in [0, 1], so that its output codes are the 8-bit
            values; what lies beyond is clipped. A sigmoid keeps its own codes, of step 1/256.

    Returns:
        The int8 model, its scheme, and the float graph that it was made from.

    Raises:
        InputError: if there are no pictures, they do not fit the example, or a value is no finite
            number.
        ConversionError: if the model cannot be traced.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import agreement_db, quantize
        >>> layers = (nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))
        >>> model = nn.Sequential(*layers).eval()
        >>> pictures = [torch.rand(1, 3, 16, 24) for _ in range(6)]
        >>> made = quantize(model, pictures[0], pictures[:4], picture_output=False)
        >>> agreement_db(model, made.model, pictures[4:], clip=False) > 35
        True
    """
    _check_pictures(example, pictures)
    graph = value_graph(model, example)
    scheme = choose_scheme(graph, calibrate(graph, pictures), observer, picture_output)
    return Quantized(insert(graph, scheme), scheme, graph)


def quantize_weights(model: nn.Module, example: Example) -> Quantized:
    """Quantize the weights of a model to int8 and leave the rest in floating point.

    Args:
        model: float32 model in evaluation mode, fused before.
        example: float32 [N, C, H, W] in [0, 1], or one tensor for each input; the shapes become
            static.

    Returns:
        The model with int8 weights, its scheme, and the float graph that it was made from.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import quantize_weights
        >>> made = quantize_weights(nn.Conv2d(3, 8, 3).eval(), torch.rand(1, 3, 8, 8))
        >>> made.scheme.weights_only, len(made.scheme.values)
        (True, 0)
    """
    return apply_scheme(model, example, Scheme(weights_only=True))


def apply_scheme(model: nn.Module, example: Example, scheme: Scheme) -> Quantized:
    """Build the int8 model that a scheme describes.

    Args:
        model: float32 model in evaluation mode, the one that the scheme was chosen for.
        example: float32 [N, C, H, W] in [0, 1], or one tensor for each input; the shapes become
            static.
        scheme: codes of its values.

    Returns:
        The int8 model, the scheme, and the float graph that it was made from.

    Raises:
        InputError: if the scheme was made for another model.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import apply_scheme, quantize
        >>> model, picture = nn.Conv2d(3, 3, 3).eval(), torch.rand(1, 3, 8, 8)
        >>> made = quantize(model, picture, [picture])
        >>> again = apply_scheme(model, picture, made.scheme)
        >>> torch.equal(again.model(picture), made.model(picture))
        True
    """
    graph = value_graph(model, example)
    if not scheme.weights_only:
        missing = [value.share for value in graph.values if value.share not in scheme.values]
        if missing:
            raise InputError(
                f"the quantization scheme has no codes for {missing[0]}; it belongs to another "
                "model, so quantize this one with --calibration DIR"
            )
    return Quantized(insert(graph, scheme), scheme, graph)


def choose_scheme(
    graph: ValueGraph, histogram: Mapping[str, Histogram], observer: Observer, picture_output: bool
) -> Scheme:
    """Codes of every value from what calibration saw."""
    activations = {value.share: reading_activation(graph, value.node) for value in graph.values}
    codes: dict[str, Affine] = {
        name: choose_codes(each, observer, activations[name]) for name, each in histogram.items()
    }
    for value in graph.values:
        if value.fixed is not None:
            codes[value.share] = value.fixed
            continue
        if value.node.op == "placeholder" and _is_picture(histogram[value.share]):
            codes[value.share] = PICTURE
        if picture_output and any(user.op == "output" for user in value.node.users):
            codes[value.share] = PICTURE
    _fit_leaky(graph, codes)
    return Scheme(values=codes, observer=observer)


def _fit_leaky(graph: ValueGraph, codes: dict[str, Affine]) -> None:
    """Widen the steps around leaky ReLUs to what integer kernels compute exactly."""
    share = {value.node: value.share for value in graph.values}
    members = Counter(share.values())
    fixed = {name for name in codes if members[name] > 1 or codes[name] == PICTURE}
    for value in graph.values:
        source = leaky_source(value.node)
        if source is None or source not in share:
            continue
        names = (share[source], value.share)
        if names[0] == names[1] or not fixed.isdisjoint(names):
            continue
        one, other = (codes[name] for name in names)
        scales = leaky_scales(
            leaky_slope_of(value.node),
            (one.scale, other.scale),
            (one.zero_point, other.zero_point),
        )
        for name, before, scale in zip(names, (one, other), scales, strict=True):
            codes[name] = Affine(scale, before.zero_point)
        fixed.update(names)


def _is_picture(histogram: Histogram) -> bool:
    return histogram.low >= 0 and histogram.high <= 1


def _check_pictures(example: Example, pictures: Sequence[Example]) -> None:
    if not pictures:
        raise InputError("no pictures to calibrate with; give at least one")
    expected = [list(each.shape) for each in as_inputs(example)]
    for picture in pictures:
        found = [list(each.shape) for each in as_inputs(picture)]
        if found != expected:
            one, other = (
                " and ".join(map(str, shapes)) or "nothing" for shapes in (found, expected)
            )
            raise InputError(
                f"a calibration picture is {one}, the example {other}; cut all to one shape"
            )
