"""Base of the sections of a recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """Base of all parts of a recipe: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
