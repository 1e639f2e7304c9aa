"""Section ``teacher`` of a recipe: a network whose results are learned before the pictures."""

from __future__ import annotations

from pydantic import Field

from edge_sdk.errors import InputError
from edge_sdk.models.spec import PictureSpec, Task
from edge_sdk.training.recipe.section import Section
from edge_sdk.training.recipe.sections import DataConfig, PhasesConfig


class TeacherConfig(Section):
    """A network that makes the targets of the first steps; the pictures are those of the rest."""

    model: str = Field(
        min_length=1,
        description="the teacher, a shipped name or a .safetensors file, of any network for the "
        "same task, scale and color",
    )
    steps: int = Field(ge=1, description="first steps, which learn from it")
    ensemble: bool = Field(
        True,
        description="its result is the mean over the eight orientations of a picture "
        "(self-ensemble)",
    )

    def check(self, spec: object, data: DataConfig, phases: PhasesConfig, steps: int) -> None:
        """Make sure that a recipe can have a teacher, and has steps enough.

        Args:
            spec: of the network that learns.
            data: of the recipe.
            phases: of the recipe.
            steps: of the recipe.

        Raises:
            InputError: if it cannot.
        """
        if not isinstance(spec, PictureSpec) or spec.task is not Task.SUPER_RESOLUTION:
            raise InputError("teacher: is for task: super-resolution alone; leave it out")
        if data.camera is not None:
            raise InputError(
                "teacher: sees every picture once, and data.camera takes each patch anew; leave "
                "one out"
            )
        if phases.distill:
            raise InputError(
                "teacher: and phases.distill are two teachers; leave one out (distill follows the "
                "model of init in all steps)"
            )
        if self.steps > steps:
            raise InputError(
                f"teacher: steps {self.steps:,} are more than the {steps:,} of the run; take fewer"
            )
