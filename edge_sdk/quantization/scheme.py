"""The one quantization truth: a scale and a zero point for every value of a model.

Activations are int8 codes with one step per tensor, x = scale · (q − zero_point), q ∈ [−128, 127];
weights are int8 codes with one step per output channel, w = scale_c · q, q ∈ [−127, 127], where
scale_c = max|w_c| / 127 follows from the weights themselves. Every target takes these numbers; none
calibrates again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_sdk.errors import InputError
from edge_sdk.json_records import from_json

if TYPE_CHECKING:
    from torch import Tensor

LOWEST, HIGHEST = -128, 127
"""Least and greatest int8 code of an activation."""
STEPS = HIGHEST - LOWEST
MIN_SCALE = 2.0**-24
"""Least number above 0 in half precision."""


@dataclass(frozen=True)
class Affine:
    """Int8 codes of one tensor: x = scale · (q − zero_point).

    Attributes:
        scale: step between neighboring codes, above 0.
        zero_point: code of the number 0, −128 to 127.

    Example:
        >>> import torch
        >>> from edge_sdk.quantization import Affine
        >>> codes = Affine(scale=1 / 255, zero_point=-128)
        >>> codes.low, codes.high
        (0.0, 1.0)
        >>> codes.rounded(torch.tensor([-0.2, 0.4])).mul(255).round().tolist()
        [0.0, 102.0]
    """

    scale: float
    zero_point: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"scale {self.scale} must be a number above 0")
        if not LOWEST <= self.zero_point <= HIGHEST:
            raise InputError(f"zero point {self.zero_point} must be {LOWEST} to {HIGHEST}")

    @property
    def low(self) -> float:
        """Least number that a code stands for."""
        return self.scale * (LOWEST - self.zero_point)

    @property
    def high(self) -> float:
        """Greatest number that a code stands for."""
        return self.scale * (HIGHEST - self.zero_point)

    def rounded(self, values: Tensor) -> Tensor:
        """The numbers that the codes of ``values`` stand for; what lies beyond is clipped."""
        codes = (values / self.scale).round() + self.zero_point
        return self.scale * (codes.clamp(LOWEST, HIGHEST) - self.zero_point)


PICTURE = Affine(0.003921568859368563, LOWEST)
"""Codes of pictures in [0, 1]: −128 … 127 are exactly the 8-bit values 0 … 255.

The scale is 1/255 in float32."""


def affine(low: float, high: float) -> Affine:
    """Codes that cover [low, high], widened to hold 0, which becomes exact.

    The scale is rounded up to a half-precision number, which every format holds exactly, also
    those that compute in half precision.

    Args:
        low: least value.
        high: greatest value.

    Raises:
        InputError: if the range is beyond half precision.
    """
    import numpy as np

    low, high = min(low, 0.0), max(high, 0.0)
    exact = (high - low) / STEPS
    if exact < MIN_SCALE:
        exact = MIN_SCALE
    scale = float(np.float16(exact))
    if scale < exact:
        scale = float(np.nextafter(np.float16(exact), np.float16(np.inf)))
    if not math.isfinite(scale):
        raise InputError(
            f"a value ranges from {low:.3g} to {high:.3g}, which half precision cannot hold in "
            "codes; fix the model"
        )
    zero_point = round(LOWEST - low / scale)
    return Affine(scale, min(max(zero_point, LOWEST), HIGHEST))


@dataclass(frozen=True)
class Scheme:
    """Quantization of a model: what it takes, beside the weights, to rebuild the int8 model.

    Attributes:
        values: codes of every tensor between operators, by the name of the module that makes it
            (:mod:`edge_sdk.quantization.value_graph`); in an int8 model only.
        weights_only: weights are int8, tensors between operators stay floating-point numbers.
        float_layers: names of values whose operators stay in floating point.
        observer: how the ranges were chosen from what calibration saw.
        noise_levels: least and greatest noise of a frame, in 8-bit levels, in the bursts that
            calibration saw; ``None`` where noise is no input of the model.

    Example:
        >>> from edge_sdk import Scheme
        >>> from edge_sdk.quantization import Affine
        >>> scheme = Scheme({"input": Affine(1 / 255, -128)}, float_layers=("last",))
        >>> scheme.values["input"].high
        1.0
    """

    values: Mapping[str, Affine] = field(default_factory=dict)
    weights_only: bool = False
    float_layers: tuple[str, ...] = ()
    observer: str = "min-max"
    noise_levels: tuple[float, float] | None = None

    def to_json(self) -> str:
        """Scheme as JSON; scales keep all their digits."""
        return json.dumps(
            {
                "version": 1,
                "observer": self.observer,
                **({"noise_levels": self.noise_levels} if self.noise_levels else {}),
                "weights_only": self.weights_only,
                "float_layers": list(self.float_layers),
                "values": {
                    name: {"scale": value.scale, "zero_point": value.zero_point}
                    for name, value in self.values.items()
                },
            },
            indent=1,
        )


def scheme_from_json(text: str) -> Scheme:
    """Read what :meth:`Scheme.to_json` wrote.

    Raises:
        InputError: if it is something else, or of a later version.

    Example:
        >>> from edge_sdk.quantization import Affine, Scheme, scheme_from_json
        >>> scheme = Scheme({"input": Affine(1 / 255, -128)})
        >>> scheme_from_json(scheme.to_json()) == scheme
        True
    """
    try:
        version = from_json(_Version, text).version
        if version == 1:
            record = from_json(_Record, text)
    except InputError as error:
        raise InputError(
            f"not a quantization scheme ({error}); quantize the model again"
        ) from error
    if version != 1:
        raise InputError(
            f"quantization scheme of version {version}; this edge-sdk reads version 1, update it"
        )
    return Scheme(
        record.values,
        record.weights_only,
        record.float_layers,
        record.observer,
        record.noise_levels,
    )


@dataclass(frozen=True)
class _Version:
    version: int


@dataclass(frozen=True)
class _Record:
    """A scheme of version 1; without defaults, so that no key is missed."""

    values: dict[str, Affine]
    weights_only: bool
    float_layers: tuple[str, ...]
    observer: str
    noise_levels: tuple[float, float] | None = None
