"""Any model as a ``.pt2`` file of torch.export."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edge_sdk.errors import ModelError
from edge_sdk.outputs import replacing


@dataclass(frozen=True)
class ProgramFile:
    """A program that was written.

    Attributes:
        path: the file.
        inputs: shape of each input; ``None`` for a side that may have any length.
    """

    path: Path
    inputs: tuple[tuple[int | None, ...], ...]


def save_program(model: nn.Module, example: tuple[Tensor, ...], path: Path) -> ProgramFile:
    """Write a model with torch.export to ``path``; the file appears whole or not.

    Height and width of inputs N×C×H×W stay free if the model takes twice the example's, too; all
    else is fixed to the example. Read it with ``torch.export.load(path).module()``, and only from
    whom you trust.

    Args:
        model: in evaluation mode; it is left untouched.
        example: one tensor per argument.
        path: ``.pt2`` file.

    Raises:
        ModelError: if torch.export cannot trace the model, with its reason.
        OutputError: if ``path`` cannot be written.
    """
    free = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO} if _scales(model, example) else None
    shapes: Any = tuple(free if value.ndim == 4 else None for value in example)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(model, example, dynamic_shapes=shapes)
        except Exception as error:
            line = " ".join(str(error).strip().split("\n", 1)[0].split()) or type(error).__name__
            raise ModelError(
                f"{type(model).__name__} cannot be written as .pt2, since torch.export cannot "
                f"trace it ({line}); use the fused model from Python"
            ) from error
        with replacing(path) as temporary:
            torch.export.save(program, temporary)
    return ProgramFile(path, _input_shapes(program))


def _scales(model: nn.Module, example: tuple[Tensor, ...]) -> bool:
    """Whether the model takes pictures of twice the height and width."""
    larger = tuple(
        value.repeat_interleave(2, 2).repeat_interleave(2, 3) if value.ndim == 4 else value
        for value in example
    )
    try:
        with torch.no_grad():
            model(*larger)
    except Exception:
        return False
    return True


def _input_shapes(program: torch.export.ExportedProgram) -> tuple[tuple[int | None, ...], ...]:
    names = set(program.graph_signature.user_inputs)
    nodes = (node for node in program.graph.nodes if node.op == "placeholder")
    return tuple(
        tuple(side if isinstance(side, int) else None for side in node.meta["val"].shape)
        for node in nodes
        if node.name in names
    )
