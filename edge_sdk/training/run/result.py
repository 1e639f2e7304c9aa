"""What a run produced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_sdk.training.recipe.convergence import StopReason
from edge_sdk.training.recipe.tasks import Evaluation
from edge_sdk.training.run.initial import InitialWeights


@dataclass(frozen=True)
class TrainResult:
    """What a run produced.

    Attributes:
        path: model file with the averaged weights of the best validation.
        psnr_db: validation PSNR of those weights, or the task's own score in dB; with kernels
            rounded to int8 where the recipe has ``fake_quantized_steps``.
        baseline_db: score of what the task must beat, as PSNR of bicubic interpolation, or of the
            noisy pictures for denoising, on the same pictures; a model below it is of no use yet.
        steps: optimization steps taken in all.
        initial: what was taken over from the recipe's ``init``; ``None`` without one, and in a
            resumed run.
        stopped: why the run ended.
        evaluation: what else the task found out of those weights, as recalls of classes.
        left_out: of every picture that could not be read, where the task goes on without, the
            reason in a line.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk import TrainResult
        >>> result = TrainResult(Path("model.safetensors"), 34.2, baseline_db=32.1, steps=500)
        >>> round(result.psnr_db - result.baseline_db, 2)
        2.1
    """

    path: Path
    psnr_db: float
    baseline_db: float
    steps: int
    initial: InitialWeights | None = None
    stopped: StopReason = StopReason.STEPS
    evaluation: Evaluation | None = None
    left_out: tuple[str, ...] = ()
