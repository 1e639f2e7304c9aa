"""What a run reads: patches to train on, in an order that a resumed run takes up, and pictures."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import DataLoader, Sampler

from edge_sdk.progress import Progress
from edge_sdk.training.inputs.taught import TaughtFirst, teacher_of
from edge_sdk.training.processes import Processes
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.tasks import Batch


def patch_loader(
    config: TrainConfig,
    done: int,
    group: Processes | None = None,
    on_progress: Progress | None = None,
) -> DataLoader[Batch]:
    """Batches of patches for all steps of a recipe, without those of the first ``done`` steps.

    Of several processes each gets its own patches: in every step they see together what one
    process with a batch as many times as large would see.
    """
    group = group or Processes()
    batch, steps = config.data.batch, config.optimizer.steps
    samples = config.task.training_set(steps * batch * group.count, group.rank, on_progress)
    if config.teacher is not None:
        taught = config.teacher.steps * batch * group.count
        teach = teacher_of(config.teacher, config.spec)
        samples = TaughtFirst(samples, teach, taught)
    return DataLoader(samples, batch, sampler=_Order(done, steps, batch, group))


def picture_loader(config: TrainConfig) -> DataLoader[Batch]:
    """The validation pictures, one by one, the same every time."""
    return DataLoader(config.task.validation_set(), batch_size=1)


class _Order(Sampler[int]):
    # Lightning counts on from the batch that a checkpoint was taken at, but restarts the loader.

    def __init__(self, done: int, steps: int, batch: int, group: Processes) -> None:
        self._left = range(done, steps)
        self._steps = steps
        self._batch = batch
        self._group = group

    def __iter__(self) -> Iterator[int]:
        for step in self._left:
            first = (step * self._group.count + self._group.rank) * self._batch
            yield from range(first, first + self._batch)

    def __len__(self) -> int:
        # Of the whole run, since Lightning counts on.
        return self._steps * self._batch
