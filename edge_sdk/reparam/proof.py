"""The comparison of a fused model with its original that a certificate rests on."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam.certificate import (
    FLOAT32_TOLERANCE,
    FLOAT64_TOLERANCE,
    Range,
    probe_inputs,
)
from edge_sdk.reparam.tracing import first_line

Inputs = tuple[Tensor, ...]


def outputs(model: nn.Module, inputs: Inputs) -> list[Tensor]:
    """Tensors that a model returns, in whatever tuples, lists or dicts; inputs are untouched.

    Raises:
        InputError: if it returns something else.
    """
    with torch.no_grad():
        result = model(*(value.clone() for value in inputs))
    leaves: list[Any] = [leaf for leaf in pytree.tree_leaves(result) if leaf is not None]
    if not leaves or not all(isinstance(leaf, Tensor) for leaf in leaves):
        raise InputError(
            f"the model returns a {type(result).__name__} that is no tensor or collection of "
            "tensors; fuse a part that returns tensors"
        )
    return leaves


def in_dtype(inputs: Inputs, dtype: torch.dtype) -> Inputs:
    """Inputs with those that are floating-point numbers in ``dtype``."""
    return tuple(value.to(dtype) if value.is_floating_point() else value for value in inputs)


def check_runs(model: nn.Module, inputs: Inputs) -> None:
    """Run a model twice on its example.

    Raises:
        InputError: if it does not take the example, returns no tensors, or is not deterministic.
    """
    try:
        first, second = outputs(model, inputs), outputs(model, inputs)
    except InputError:
        raise
    except Exception as error:
        sizes = " and ".join(str(list(value.shape)) for value in inputs)
        raise InputError(
            f"the model does not take an example of {sizes} ({first_line(error)})"
        ) from error
    same = len(first) == len(second) and all(
        torch.equal(one.nan_to_num(), other.nan_to_num())
        for one, other in zip(first, second, strict=False)
    )
    if not same:
        raise InputError(
            "the model returns something else each time for the same input; take what is random "
            "or keeps a state out of it"
        )


def largest_errors(
    pairs: tuple[tuple[torch.dtype, nn.Module, nn.Module], ...],
    inputs: Inputs,
    seed: int,
    input_range: Range | None,
) -> tuple[tuple[str, ...], list[float]]:
    """Names of all probes, and the largest |fused − original| of each pair, relative to the RMS.

    The RMS is that of the first pair's original for the strongest probe.

    Args:
        pairs: dtype of the computation, original and fused model.
        inputs: example inputs.
        seed: seed of the random probes.
        input_range: what the probes are clipped to.

    Raises:
        FusionError: if one of the models fails on a probe.
    """
    names = []
    power = 0.0
    errors = [[0.0] for _ in pairs]
    for name, probe in probe_inputs(inputs, seed, input_range):
        names.append(name)
        for index, (dtype, original, fused) in enumerate(pairs):
            converted = in_dtype(probe, dtype)
            try:
                expected, actual = outputs(original, converted), outputs(fused, converted)
            except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as error:
                raise FusionError(
                    f"original or fused model fails in {str(dtype).removeprefix('torch.')} on the "
                    f"probe '{name}' ({first_line(error)}); let its forward pass take any values "
                    "and follow the dtype of its input"
                ) from error
            if index == 0:
                power = max(power, *(_mean_square(value) for value in expected))
            errors[index].append(_largest_difference(expected, actual))
    rms = max(math.sqrt(power), 1e-12)
    # Unlike max(), a tensor's maximum does not lose a NaN.
    return tuple(names), [float(torch.tensor(found).max()) / rms for found in errors]


def check_errors(error64: float, error32: float) -> None:
    """Refuse what differs.

    Raises:
        FusionError: if an error is over its tolerance or not a number.
    """
    for error, tolerance, dtype in (
        (error64, FLOAT64_TOLERANCE, "float64"),
        (error32, FLOAT32_TOLERANCE, "float32"),
    ):
        if not error <= tolerance:
            raise FusionError(
                f"the fused model differs from the original by {error:.1e} of its RMS output in "
                f"{dtype}, allowed are {tolerance:.0e}; it is not returned"
            )


def _mean_square(value: Tensor) -> float:
    return float(value.double().square().mean()) if value.numel() else 0.0


def _largest_difference(expected: list[Tensor], actual: list[Tensor]) -> float:
    if len(expected) != len(actual):
        return math.inf
    worst = 0.0
    for one, other in zip(expected, actual, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            return math.inf
        if one.numel() == 0:
            continue
        difference = float((one.double() - other.double()).abs().max())
        worst = difference if math.isnan(difference) else max(worst, difference)
        if math.isnan(worst):
            break
    return worst
