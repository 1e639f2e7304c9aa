"""Where nodes of a graph come from, shared instead of copied while passes run over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shared_provenance() -> Iterator[None]:
    """Let passes of torch.fx share the records of where nodes come from.

    Each pass gives each new node a record of the one it replaces, with a deep copy of all records
    before: of a graph of a thousand nodes a quarter of the time goes into that. The records are
    written once and read by nobody here.
    """
    from torch.fx.traceback import NodeSource

    def itself(source: NodeSource, memo: object) -> NodeSource:
        return source

    before = NodeSource.__dict__.get("__deepcopy__")
    NodeSource.__deepcopy__ = itself  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if before is None:
            del NodeSource.__deepcopy__  # type: ignore[attr-defined]
        else:
            NodeSource.__deepcopy__ = before  # type: ignore[attr-defined]
