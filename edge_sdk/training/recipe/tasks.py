"""What a network can be trained for: the table of tasks, and what a task says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

from pydantic import ValidationError
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.errors import InputError
from edge_sdk.models.network import Network
from edge_sdk.models.spec import ModelSpec
from edge_sdk.progress import Progress
from edge_sdk.registry import Registry
from edge_sdk.training.recipe.section import Section
from edge_sdk.training.recipe.sections import EXCLUSIVE, DataConfig

Batch = tuple[Tensor, Tensor]
"""Inputs float32 [N, C, H, W] and targets; of pictures both in [0, 1], but for noise that reaches
beyond. Targets of burst zoom are NaN where they do not count."""


class Evaluation(Protocol):
    """What a task finds out about trained weights besides their score: a dataclass of figures."""

    @property
    def summary(self) -> str:
        """What it comes to, in a line."""
        ...


class TrainingTask(ABC):
    """What a network is trained for: its samples, its loss, its score and what it must beat.

    A class of its own file, registered in :data:`TASKS`; one for pictures is a
    :class:`~edge_sdk.training.tasks.pictures.PictureTask`. It imports nothing of Lightning: the
    steps are taken by the class that ``module`` names.

    Args:
        spec: of the network.
        data: of the recipe.
        seed: of the recipe.

    Attributes:
        needs: sections of ``data`` one of which a recipe must have.
        missing: what to say and to do where it has none.
        takes: sections that a recipe may have besides.
        options_type: keys of ``data.options``.
        baseline_label: what :meth:`baseline` is, in a word.
        baseline_name: the same in words that follow "no better than".
        score_name: what :meth:`score` is called in ``metrics.csv`` and beside the progress bar.
        score_title: the same above its curve.
        squares: whether the loss has a squared form, which ``l2_steps`` asks for.
        module: ``package.module:Class`` of the LightningModule, made of a recipe.

    Example:
        >>> from edge_sdk.training import TASKS, TrainingTask
        >>> task = TASKS.find("denoising")
        >>> issubclass(task, TrainingTask), task.baseline_name
        (True, 'the noisy pictures')
    """

    needs: ClassVar[tuple[str, ...]] = ()
    missing: ClassVar[str] = ""
    takes: ClassVar[tuple[str, ...]] = ()
    options_type: ClassVar[type[Section]] = Section
    baseline_label: ClassVar[str] = "input"
    baseline_name: ClassVar[str] = "the input"
    score_name: ClassVar[str] = "psnr"
    score_title: ClassVar[str] = "validation PSNR, dB"
    squares: ClassVar[bool] = True
    module: ClassVar[str] = "edge_sdk.training.run.module:TrainingModule"

    def __init__(self, spec: ModelSpec, data: DataConfig, seed: int) -> None:
        self.spec = spec
        self.data = data
        self.seed = seed
        self.options: Any = self.options_type.model_validate(data.options)

    def check(self) -> None:  # noqa: B027 - most have nothing to look at
        """Look at what can be known to be wrong before anything is read.

        Raises:
            InputError: if the data does not fit the network.
        """

    @abstractmethod
    def training_set(
        self, length: int, rank: int = 0, on_progress: Progress | None = None
    ) -> Dataset[Batch]:
        """Samples of all steps; the same index gives the same sample.

        Args:
            length: number of samples.
            rank: number of this process among those that train together.
            on_progress: told of files that are computed first.

        Raises:
            InputError: if there is nothing to train on.
            PictureError: if a picture cannot be read or is too small.
        """

    @abstractmethod
    def validation_set(self) -> Dataset[Batch]:
        """Samples to measure on, the same in every validation.

        Raises:
            InputError: if there are none.
            PictureError: if a picture cannot be read.
        """

    @abstractmethod
    def loss(self, output: Tensor, wanted: Tensor, target: Tensor, *, squared: bool) -> Tensor:
        """What a step makes smaller.

        Args:
            output: float32, what the network returns.
            wanted: what it should return: the target, or what a teacher returns.
            target: as loaded.
            squared: whether the recipe has come to its ``l2_steps``.

        Returns:
            Float32 [], 0 where nothing is to be learned.
        """

    @abstractmethod
    def score(self, output: Tensor, target: Tensor) -> float:
        """How good the output for one validation sample is, in dB; greater is better."""

    @abstractmethod
    def baseline(self, source: Tensor) -> Tensor:
        """What an output must be better than, made of the input alone; as the output."""

    def taught(self, output: Tensor) -> Tensor:
        """What is to be learned of an output of a teacher: by default the output itself."""
        return output

    def evaluation(self, network: Network, samples: Iterable[Batch]) -> Evaluation | None:
        """What else there is to know of the best weights: nothing for most tasks.

        Args:
            network: with these weights, in evaluation mode.
            samples: of :meth:`validation_set`, each a batch of one.
        """
        return None


TASKS: Registry[type[TrainingTask]] = Registry(
    "task", "edge_sdk.training.tasks", "edge_sdk.tasks", lambda task: task
)


def task_for(spec: ModelSpec, data: DataConfig, seed: int) -> TrainingTask:
    """The task that a network is trained for.

    Raises:
        InputError: if nothing trains such a network.
    """
    kind = TASKS.get(spec.task)
    if kind is None:
        raise InputError(
            f"a recipe for {spec.task} cannot be trained yet; set task: {', '.join(TASKS.names())}"
        )
    return kind(spec, data, seed)


def check_data(spec: ModelSpec, data: DataConfig, seed: int) -> None:
    """Make sure that data is what the task of a network is trained by.

    Raises:
        InputError: if a section is missing, is for another task, or does not go with another.
    """
    kind = TASKS.get(spec.task)
    given = [name for name in EXCLUSIVE if getattr(data, name) is not None]
    for name in given:
        other, why = EXCLUSIVE[name]
        if other in given:
            first, second = sorted((name, other))
            raise InputError(
                f"data.{first} and data.{second} exclude each other, since {why}; leave one out"
            )
    heeded = () if kind is None else (*kind.needs, *kind.takes)
    for name in given:
        if name not in heeded:
            raise InputError(
                f"data.{name}: is for task: {' or '.join(_tasks_with(name))}, and this recipe's is "
                f"{spec.task}; leave it out"
            )
    if kind is None:
        return
    if kind.needs and not any(name in given for name in kind.needs):
        raise InputError(f"data.{kind.needs[0]} is missing: {kind.missing}")
    _check_options(kind, data)
    kind(spec, data, seed).check()


def _tasks_with(section: str) -> list[str]:
    return [name for name, kind in TASKS.entries().items() if section in (*kind.needs, *kind.takes)]


def _check_options(kind: type[TrainingTask], data: DataConfig) -> None:
    try:
        kind.options_type.model_validate(data.options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in ("data.options", *first["loc"]))
        known = ", ".join(kind.options_type.model_fields) or "none"
        raise InputError(f"{key}: {first['msg']}; options of the task: {known}") from error
