"""The processes that torchrun started, of which a run uses all as one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from edge_sdk.errors import InputError


@dataclass(frozen=True)
class Processes:
    """Processes that train together, each on its own patches of every step.

    Attributes:
        count: of all machines.
        rank: of this one, 0 for the one that writes files.
        here: processes on this machine.
    """

    count: int = 1
    rank: int = 0
    here: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    @property
    def machines(self) -> int:
        """Number of machines."""
        return self.count // self.here


def processes() -> Processes:
    """What torchrun says in the environment; one process without it.

    Raises:
        InputError: if the machines run unequal numbers of processes.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Processes()
    names = ("WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE")
    count, rank, here = (int(os.environ[name]) for name in names)
    if count % here:
        raise InputError(
            f"torchrun: {here} of {count} processes are on this machine; give every machine the "
            "same number"
        )
    return Processes(count, rank, here)
