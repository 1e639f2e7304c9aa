"""Section ``data.degradation`` of a recipe: inputs are made worse on the fly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from edge_sdk.errors import InputError
from edge_sdk.training.recipe.section import Section

if TYPE_CHECKING:
    from edge_sdk.data.degradation.recipe import DegradationRecipe


class DegradationConfig(Section):
    """Inputs are degraded, patch by patch; ``degradation: document`` is short for its recipe."""

    recipe: str | dict[str, Any] = Field(
        "document",
        description="name of a preset (document, second-order), a YAML or JSON file as "
        "edge-sdk degrade takes it, or its content",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        return {"recipe": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        try:
            self.read()
        except InputError as error:
            raise InputError(f"data.degradation: {error}") from error
        return self

    def read(self) -> DegradationRecipe:
        """The recipe itself.

        Raises:
            InputError: if there is no such file or preset, or it is wrong.
        """
        from edge_sdk.data.degradation.file import read_recipe, recipe_of

        return read_recipe(self.recipe) if isinstance(self.recipe, str) else recipe_of(self.recipe)
