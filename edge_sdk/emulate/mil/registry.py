"""The table of operation handlers, filled by decorator in the modules of ``operators``."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import MappingProxyType

from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments

Result = Tensor | list[Tensor]
Handler = Callable[[Arguments], Result]

_HANDLERS: dict[str, Handler] = {}


def op(*kinds: str) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of the MIL operations ``kinds``.

    A handler takes :class:`Arguments` and returns the operation's output, or the list of its
    outputs; the interpreter rounds each to the dtype that the program declares.
    """

    def register(handler: Handler) -> Handler:
        for kind in kinds:
            if kind in _HANDLERS:
                raise ValueError(f"operation '{kind}' already has a handler")
            _HANDLERS[kind] = handler
        return handler

    return register


@cache
def handlers() -> MappingProxyType[str, Handler]:
    """All handlers by MIL operation name."""
    operators = import_module("edge_sdk.emulate.mil.operators")
    for module in pkgutil.iter_modules(operators.__path__, f"{operators.__name__}."):
        import_module(module.name)
    return MappingProxyType(_HANDLERS)
