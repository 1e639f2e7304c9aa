"""The comparison of a fused model with its original that a certificate rests on."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from edge_sdk.errors import FusionError, InputError, first_line
from edge_sdk.reparam.proof.certificate import (
    FLOAT32_TOLERANCE,
    FLOAT64_TOLERANCE,
    Evidence,
    Range,
    probe_inputs,
)

Inputs = tuple[Tensor, ...]

NEEDED_PROBES = ("uniform noise", "example")
"""Probes without which there is no proof."""


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
        InputError: if it does not take the example, returns no tensors or numbers that are not
            finite, or is not deterministic.
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
    if not _are_finite(first):
        raise InputError(
            "the model gives numbers that are not finite for its own example; fix its weights, or "
            "give an example that it is made for"
        )


def compare(
    pairs: tuple[tuple[torch.dtype, nn.Module, nn.Module], ...],
    inputs: Inputs,
    seed: int,
    input_range: Range | None,
) -> Evidence:
    """Largest |fused − original| over all probes, relative to the RMS output, within tolerance.

    The RMS is that of the float64 original for the strongest probe; where it is 0, the outputs must
    be equal. A probe for which an original gives numbers that are not finite is outside of what the
    model is made for and left out.

    Args:
        pairs: original and fused model, computed in float64 and then in float32.
        inputs: example inputs.
        seed: seed of the random probes.
        input_range: what the probes are clipped to.

    Raises:
        InputError: if the original is not finite on the example or on uniform noise in [0, 1].
        FusionError: if one of the models fails on a probe, or an error is over its tolerance.
    """
    names: list[str] = []
    left_out: list[str] = []
    rms = 0.0
    errors = [[0.0] for _ in pairs]
    for name, probe in probe_inputs(inputs, seed, input_range):
        expected = [_on_probe(pair[1], name, probe, pair[0]) for pair in pairs]
        if not all(_are_finite(values) for values in expected):
            left_out.append(name)
            continue
        names.append(name)
        rms = max(rms, *(_rms(value) for value in expected[0]))
        for found, (dtype, _, fused), values in zip(errors, pairs, expected, strict=True):
            found.append(_largest_difference(values, _on_probe(fused, name, probe, dtype)))
    for name in NEEDED_PROBES:
        if name in left_out:
            raise InputError(
                f"the model gives numbers that are not finite for the probe '{name}'; fusing is "
                "proved for models that take inputs in [0, 1]"
            )
    # Unlike max(), a tensor's maximum does not lose a NaN.
    worst = [float(torch.tensor(found, dtype=torch.float64).max()) for found in errors]
    error64, error32 = (_relative(error, rms) for error in worst)
    check_errors(error64, error32)
    return Evidence(error64, error32, tuple(names), input_range, tuple(left_out))


def _on_probe(model: nn.Module, name: str, probe: Inputs, dtype: torch.dtype) -> list[Tensor]:
    try:
        return outputs(model, in_dtype(probe, dtype))
    except (
        RuntimeError,
        TypeError,
        ValueError,
        IndexError,
        AssertionError,
        AttributeError,
    ) as error:
        raise FusionError(
            f"original or fused model fails in {str(dtype).removeprefix('torch.')} on the "
            f"probe '{name}' ({first_line(error)}); let its forward pass take any values "
            "and follow the dtype of its input"
        ) from error


def _are_finite(values: list[Tensor]) -> bool:
    return all(bool(value.isfinite().all()) for value in values)


def _relative(error: float, rms: float) -> float:
    if rms > 0:
        return error / rms
    return 0.0 if error == 0 else math.inf


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


def _rms(value: Tensor) -> float:
    if not value.numel():
        return 0.0
    # Squares of numbers below 1e-162 would be 0.
    largest = float(value.double().abs().max())
    return largest * float((value.double() / largest).square().mean().sqrt()) if largest else 0.0


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
