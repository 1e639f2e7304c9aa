"""Ranges of what layers return on example inputs, and what int8 keeps of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.errors import EdgeSdkError, InputError
from edge_sdk.exported import Example, as_inputs, shapes_of
from edge_sdk.quantization.quantizer import quantize_affine, sqnr_db


@dataclass(frozen=True)
class ValueRange:
    """Least and greatest of some values.

    Attributes:
        low: the least.
        high: the greatest.

    Example:
        >>> from edge_sdk.quantization import ValueRange
        >>> ValueRange(low=-0.5, high=2.0)
        ValueRange(low=-0.5, high=2.0)
    """

    low: float
    high: float


@dataclass(frozen=True)
class Activations:
    """Outputs of one layer over all examples.

    Attributes:
        range: least and greatest value.
        sqnr_db: SQNR after per-tensor affine quantization of that range, widened to hold 0.
    """

    range: ValueRange
    sqnr_db: float


def measure_activations(
    model: nn.Module, layers: Mapping[str, nn.Module], examples: Sequence[Example]
) -> dict[str, Activations]:
    """Run the examples twice: once for the ranges, once for what quantizing to them loses.

    Two passes hold one layer's output at a time, however many examples there are.

    Args:
        model: in evaluation mode; hooks are set for the time of the call.
        layers: modules of the model to observe, by name.
        examples: inputs of the model.

    Returns:
        What was seen, by name; layers that no example reaches are left out.

    Raises:
        InputError: if the model does not take an example, or a layer returns a NaN or an infinity.
    """
    ranges: dict[str, ValueRange] = {}

    def widen(name: str, output: Tensor) -> None:
        low, high = (float(bound) for bound in torch.aminmax(output))
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InputError(
                f"{name}: returns a NaN or an infinity on the examples; fix the model or them"
            )
        before = ranges.get(name, ValueRange(low, high))
        ranges[name] = ValueRange(min(before.low, low), max(before.high, high))

    powers: dict[str, tuple[float, float]] = {}

    def compare(name: str, output: Tensor) -> None:
        seen = ranges[name]
        exact = output.double()
        error = exact - quantize_affine(exact, min(seen.low, 0.0), max(seen.high, 0.0))
        signal, noise = powers.get(name, (0.0, 0.0))
        powers[name] = (
            signal + float(exact.square().sum()),
            noise + float(error.square().sum()),
        )

    for observe in (widen, compare):
        with _observing(layers, observe):
            for example in examples:
                _run(model, example)
    return {name: Activations(ranges[name], sqnr_db(*powers[name])) for name in ranges}


@contextmanager
def _observing(
    layers: Mapping[str, nn.Module], observe: Callable[[str, Tensor], None]
) -> Iterator[None]:
    def hook_for(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda module, inputs, output: observe(name, output)

    handles = [module.register_forward_hook(hook_for(name)) for name, module in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _run(model: nn.Module, example: Example) -> None:
    try:
        model(*as_inputs(example))
    except EdgeSdkError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split("\n", 1)[0].split()) or type(error).__name__
        raise InputError(
            f"the model does not take an example of {shapes_of(example)} ({reason})"
        ) from error
