"""Tiles and frames side by side: one thread computes one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch

MAX_THREADS = 4
"""Tiles in flight: each holds about 30 MB while it is encoded."""
MAX_PIXELS = 4_000_000
"""Size of a frame up to which several are scored or aligned at a time."""

Entry = TypeVar("Entry")
Result = TypeVar("Result")


class Spread(Protocol):
    """Applies a function to entries, as ``map`` does, perhaps to several at a time."""

    def __call__(
        self, work: Callable[[Entry], Result], entries: Sequence[Entry]
    ) -> Iterator[Result]:
        """Results in the order of the entries."""
        ...


@contextmanager
def spreading() -> Iterator[Spread]:
    """As many threads as PyTorch may use, at most ``MAX_THREADS``, with one operator each.

    An operator on a tile is too short to be split; whole tiles are not. What is computed does not
    depend on the number of threads. Meanwhile operators of the calling thread run on one thread;
    afterwards PyTorch has as many as before.
    """
    before = torch.get_num_threads()
    count = min(before, MAX_THREADS)
    if count == 1:
        yield one_by_one
        return
    pool = ThreadPoolExecutor(count, "tile", initializer=torch.set_num_threads, initargs=(1,))

    def side_by_side(work: Callable[[Entry], Result], entries: Sequence[Entry]) -> Iterator[Result]:
        return pool.map(_without_gradients(work), entries)

    torch.set_num_threads(1)
    try:
        yield side_by_side
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


@contextmanager
def spreading_frames(pixels: int) -> Iterator[Spread]:
    """As :func:`spreading`, but for frames of more than ``MAX_PIXELS``: one after the other.

    Several of those would fill the memory, and operators on them are long enough to be split.
    """
    if pixels > MAX_PIXELS:
        yield one_by_one
        return
    with spreading() as spread:
        yield spread


def one_by_one(work: Callable[[Entry], Result], entries: Sequence[Entry]) -> Iterator[Result]:
    """As ``map``: one after the other, each on demand."""
    return map(work, entries)


def _without_gradients(work: Callable[[Entry], Result]) -> Callable[[Entry], Result]:
    # Whether gradients are kept is a setting of each thread.
    def quiet(entry: Entry) -> Result:
        with torch.set_grad_enabled(False):
            return work(entry)

    return quiet
