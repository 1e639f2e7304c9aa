"""Typed access to the arguments of one MIL operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Value = Tensor | str
"""A run-time value: a number is a tensor (a scalar has rank 0), a constant text a string."""

Argument = Value | Sequence[Value] | None


class Arguments:
    """Arguments of one operation by parameter name; half-precision tensors come out in fp32.

    A parameter that the program leaves out reads as the ``default`` of the getter.
    """

    def __init__(self, values: Mapping[str, Argument]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Return whether the program gives ``name`` a value."""
        return self._values.get(name) is not None

    def tensor(self, name: str) -> Tensor:
        """Return a tensor of any shape; fp16 widened to fp32, other types as they are.

        Raises:
            KeyError: if the program leaves ``name`` out.
            TypeError: if it is no tensor.
        """
        return _widened(self._values[name], name)

    def optional_tensor(self, name: str) -> Tensor | None:
        """Return :meth:`tensor`, or ``None`` where the program leaves ``name`` out."""
        return self.tensor(name) if self.has(name) else None

    def tensors(self, name: str) -> list[Tensor]:
        """Return a variadic parameter, such as the ``values`` of a concatenation."""
        values = self._values[name]
        if values is None or isinstance(values, str | Tensor):
            raise TypeError(f"parameter '{name}' is not a list")
        return [_widened(value, name) for value in values]

    def ints(self, name: str, default: Sequence[int] | None = None) -> list[int]:
        """Return a vector of integers."""
        if default is not None and not self.has(name):
            return list(default)
        return [int(element) for element in self.tensor(name).reshape(-1).tolist()]

    def flags(self, name: str, default: Sequence[bool]) -> list[bool]:
        """Return a vector of booleans."""
        if not self.has(name):
            return list(default)
        return [bool(element) for element in self.tensor(name).reshape(-1).tolist()]

    def integer(self, name: str, default: int | None = None) -> int:
        """Return one integer."""
        return int(self.number(name, default))

    def flag(self, name: str, default: bool = False) -> bool:
        """Return one boolean."""
        return bool(self.number(name, default))

    def number(self, name: str, default: float | None = None) -> float:
        """Return one number."""
        if default is not None and not self.has(name):
            return default
        return float(self.tensor(name).item())

    def text(self, name: str, default: str | None = None) -> str:
        """Return one text, such as a padding mode."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise TypeError(f"parameter '{name}' is not a text")
        return value


def _widened(value: Argument, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"parameter '{name}' is not a tensor")
    return value.float() if value.dtype == torch.float16 else value
