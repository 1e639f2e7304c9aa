"""Composite operators of torch, looked up once for each decomposition instead of fifty times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def composites_looked_up_once() -> Iterator[None]:
    """Let torch.export make its list of composite operators in one walk over what is registered.

    Before each decomposition it asks every namespace of operators for those of its own, and for
    each of them first walks over all that are registered in all namespaces: of a conversion that
    decomposes half a dozen times, a twentieth of the time. One walk before finds the same.
    """
    from torch._export import utils
    from torch.export import decomp_utils, exported_program

    collect, look_up = utils._collect_all_valid_cia_ops, utils._materialize_cpp_cia_ops

    def collected() -> Any:
        look_up()
        utils._materialize_cpp_cia_ops = lambda: None
        try:
            return collect()
        finally:
            utils._materialize_cpp_cia_ops = look_up

    callers: tuple[Any, ...] = (decomp_utils, exported_program)
    for module in callers:
        module._collect_all_valid_cia_ops = collected
    try:
        yield
    finally:
        for module in callers:
            module._collect_all_valid_cia_ops = collect
