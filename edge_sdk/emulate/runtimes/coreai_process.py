"""Apple's runtime, for a process of its own: see ``serving``. Imports nothing of the SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

Arrays = dict[str, Any]


@contextmanager
def opened(path: str) -> Iterator[tuple[dict[str, Any], Callable[[Arrays], Arrays]]]:
    """The model at ``path``: what it takes and gives, and what runs it."""
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        told, run = loop.run(_load(path, stack))
        try:
            yield told, lambda given: loop.run(run(given))
        finally:
            loop.run(stack.aclose())


async def _load(path: str, stack: AsyncExitStack) -> tuple[dict[str, Any], Any]:
    import numpy as np
    from coreai.authoring import AIModelAsset
    from coreai.runtime import NDArray

    asset = AIModelAsset.load(path)
    model = await stack.enter_async_context(asset.executable())
    (name,) = model.function_names
    function = model.load_function(name)

    async def run(given: Arrays) -> Arrays:
        results = await function({key: NDArray(each) for key, each in given.items()})
        return {key: np.array(each.numpy()) for key, each in results.items()}

    return _description(asset, function), run


def _description(asset: Any, function: Any) -> dict[str, Any]:
    def ends(names: Any, descriptor: Any) -> list[dict[str, Any]]:
        found = [(name, descriptor(name)) for name in names]
        return [{"name": n, "shape": list(d.shape), "dtype": str(d.dtype)} for n, d in found]

    ports = function.desc
    summary = asset.summary()
    return {
        "inputs": ends(ports.input_names, ports.input_descriptor),
        "outputs": ends(ports.output_names, ports.output_descriptor),
        "operations": dict(summary.operation_distribution),
        "stored": [name for name, _ in summary.storage_types],
        "computed": list(summary.compute_types),
    }
