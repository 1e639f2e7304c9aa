"""What is done to a picture's values before a model gets them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.errors import InputError


@dataclass(frozen=True)
class Normalization:
    """(x − mean) / std of values in [0, 1], by channel.

    Attributes:
        mean: one number, or one for each channel.
        std: likewise, above 0.

    Raises:
        InputError: if there are no numbers, they do not fit each other, or a std is not above 0.

    Example:
        >>> import torch
        >>> from edge_sdk.models import Normalization
        >>> Normalization((0.5,), (0.25,)).applied(torch.ones(1, 3, 1, 1)).flatten()
        tensor([2., 2., 2.])
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            raise InputError(
                f"{len(self.mean)} means and {len(self.std)} standard deviations; give one of each,"
                " or one of each for every channel"
            )
        finite = all(map(torch.isfinite, torch.tensor((*self.mean, *self.std))))
        if not finite or min(self.std) <= 0:
            raise InputError("means and standard deviations are numbers, the latter above 0")

    def applied(self, pictures: Tensor) -> Tensor:
        """Normalized pictures.

        Args:
            pictures: float32 [N, C, …] in [0, 1].

        Raises:
            InputError: if they have another number of channels.
        """
        count = len(self.mean)
        if count > 1 and (pictures.ndim < 2 or pictures.shape[1] != count):
            shape = "×".join(map(str, pictures.shape))
            raise InputError(
                f"{count} means are for {count} channels, not for {shape}; give one, or one for "
                "each channel"
            )
        sides = (1, count, *[1] * (pictures.ndim - 2)) if count > 1 else ()
        mean, std = (torch.tensor(each).reshape(sides) for each in (self.mean, self.std))
        return (pictures - mean) / std
