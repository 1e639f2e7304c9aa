"""Many small layers in one model, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from tests.builders.conversion_nets import picture

Layer = nn.Module | Callable[[Tensor], Tensor]


def constant(*shape: int) -> Tensor:
    """A constant of numbers from ½ to 1½."""
    return picture(*shape, seed=3) + 0.5


class Fan(nn.Module):
    """Applies every layer to the same N×4×12×10 input, shifted to both signs."""

    def __init__(self, layers: dict[str, Layer]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(
            {
                key: layer if isinstance(layer, nn.Module) else Call(layer)
                for key, layer in layers.items()
            }
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        signed = x * 2 - 1
        return tuple(layer(signed) for layer in self.layers.values())


class Call(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)
