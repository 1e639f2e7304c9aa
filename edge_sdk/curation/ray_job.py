"""Measuring pictures as one job of Ray Data: many machines, and none that must last."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.curation.criteria.criterion import Criterion, Measured
from edge_sdk.curation.measuring import measure_file
from edge_sdk.curation.ray_cluster import connected, ray_module
from edge_sdk.errors import InputError, first_line
from edge_sdk.quiet import at_level, suppressed_messages
from edge_sdk.worker_processes import keep_to_one_thread

MOST_AT_ONCE = 32
"""Pictures of one task of Ray; all of these are measured again where a process is ended."""
_BLOCK_BYTES = 1024**2
"""Far more than the figures of one task."""
_MOST_RETRIES = 3
"""Of one task; Ray's default has no end where a picture ends every process that reads it."""
_TASKS = 200
"""Tasks into which a collection is cut, so long as each has no more pictures than that."""

Batch = Mapping[str, NDArray[Any]]


def measure_with_ray(
    paths: Sequence[Path], criteria: Sequence[Criterion], address: str, workers: int
) -> Generator[Measured, None, None]:
    """Measure pictures on a cluster of Ray, as :func:`measure_files` does in processes.

    Every node must see the files under the same absolute paths, and have the same versions of
    edge-sdk, Python and Ray. What a process or node had in work when it ended is done again by
    another, three times at most.

    Args:
        paths: the files.
        criteria: what measures them; classes that the nodes can import.
        address: ``HOST:PORT`` of a cluster, or ``local`` to start one.
        workers: processes of a local one.

    Yields:
        One for each file, each as soon as it is there, in any order.

    Raises:
        InputError: if there is no cluster at the address, or a task was ended each time.
        MissingExtraError: if the extra ``ray`` is not installed.
    """
    if not paths:
        return
    data, exceptions = ray_module("ray.data"), ray_module("ray.exceptions")
    items = [
        {"place": place, "path": os.fsencode(path.absolute())} for place, path in enumerate(paths)
    ]
    tasks = -(-len(paths) // min(MOST_AT_ONCE, -(-len(paths) // _TASKS)))
    with connected(address, workers), at_level("ray.data", logging.CRITICAL):
        rows = _job(data, items, tasks, tuple(criteria))
        left = set(range(len(paths)))
        try:
            for row in rows.iter_rows():
                place = int(row["place"])
                # Once each, though a task that is done again may answer twice.
                if place in left:
                    left.remove(place)
                    yield _measured(paths[place], row["measured"])
        except exceptions.RayError as error:
            raise InputError(
                f"Ray gave up on pictures that ended {1 + _MOST_RETRIES} processes, or on its "
                f"cluster ({first_line(error)}); go on with --resume"
            ) from error
        if left:
            raise InputError(
                f"Ray lost {len(left)} of {len(paths)} pictures, such as {paths[min(left)]}; go on "
                "with --resume"
            )


def _job(
    data: Any, items: list[dict[str, Any]], tasks: int, criteria: tuple[Criterion, ...]
) -> Any:
    """The dataset of what is measured; nothing runs until its rows are asked for."""
    with suppressed_messages():
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        # By its default Ray keeps room for so much from each task that few would run at once.
        context.target_max_block_size = _BLOCK_BYTES
        return data.from_items(items, override_num_blocks=tasks).map_batches(
            _measure_batch,
            batch_size=None,
            batch_format="numpy",
            fn_kwargs={"criteria": criteria},
            ray_remote_args_fn=lambda: {"max_retries": _MOST_RETRIES},
        )


def _measured(path: Path, line: str) -> Measured:
    width, height, numbers, failure = json.loads(line)
    return Measured(path, width, height, numbers, failure)


def _measure_batch(batch: Batch, criteria: tuple[Criterion, ...]) -> Batch:
    """What a process of Ray does: columns ``place`` and ``path`` to ``place`` and ``measured``."""
    keep_to_one_thread()
    found = [measure_file(Path(os.fsdecode(path)), criteria) for path in batch["path"]]
    lines = [json.dumps((one.width, one.height, one.numbers, one.failure)) for one in found]
    return {"place": batch["place"], "measured": np.array(lines, object)}
