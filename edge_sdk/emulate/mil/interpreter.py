"""Evaluate a program operation by operation.

What is modeled: every operation computes in fp32 and its output is then rounded to the dtype that
the program declares for it, so an fp16 program accumulates in single precision and stores in half
precision, operation by operation, overflow to infinity included. That is a fair picture of a
kernel with a wide accumulator. An accelerator that accumulates in half precision is less exact than
this; one that keeps a chain of operations in its registers without storing is more exact. Apple
documents neither, so agreement proves the graph, the weights, the layout and the dtypes of a
package, not the last bits that a device computes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from edge_sdk.artifacts.coreml import one_line
from edge_sdk.emulate.mil.arguments import Argument, Arguments, Value
from edge_sdk.emulate.mil.program import Operation, Program, as_stored
from edge_sdk.emulate.mil.registry import handlers
from edge_sdk.errors import ArtifactError, UnknownOperationError


def check_operations(program: Program) -> None:
    """Check that every operation of ``program`` has a handler.

    Raises:
        ArtifactError: naming the file and the operations that have none.
    """
    unknown = sorted({operation.kind for operation in program.operations} - set(handlers()))
    if unknown:
        raise UnknownOperationError(
            f"{program.source}: uses {', '.join(unknown)}, unknown to the MIL interpreter; "
            "run it on a Mac, or rewrite the model without it"
        )


@torch.inference_mode()
def run_program(program: Program, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Run ``program`` once.

    Args:
        program: a program from :func:`~edge_sdk.emulate.mil.program.load_program`.
        inputs: tensors by input name, in the shapes and dtypes of ``program.inputs``.

    Returns:
        Tensors by output name, in the dtypes of ``program.outputs``.

    Raises:
        ArtifactError: if an operation is unknown, or contradicts its own declaration.
    """
    check_operations(program)
    values: dict[str, Value] = {**program.constants, **inputs}
    # Only what a later operation or the app still reads is kept: a large picture through a deep
    # net would otherwise hold every feature map at once.
    last_use = _last_uses(program)
    for index, operation in enumerate(program.operations):
        arguments = Arguments(
            {parameter: _bound(names, values) for parameter, names in operation.inputs.items()}
        )
        values.update(_evaluated(operation, arguments, program))
        for name in last_use.get(index, ()):
            values.pop(name, None)
    return {signature.name: _tensor(values, signature.name) for signature in program.outputs}


def _evaluated(operation: Operation, arguments: Arguments, program: Program) -> dict[str, Tensor]:
    where = f"{program.source}: operation '{operation.name}' ({operation.kind})"
    try:
        result = handlers()[operation.kind](arguments)
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise ArtifactError(
            f"{where} cannot be evaluated ({one_line(error)}); convert the model again"
        ) from error
    results = result if isinstance(result, list) else [result]
    if len(results) != len(operation.outputs):
        raise ArtifactError(
            f"{where} gives {len(results)} outputs, but declares {len(operation.outputs)}; "
            "convert the model again"
        )
    stored = {}
    for value, signature in zip(results, operation.outputs, strict=True):
        if not signature.is_shape(tuple(value.shape)):
            raise ArtifactError(
                f"{where} gives shape {tuple(value.shape)}, but declares {signature.shape}; "
                "convert the model again"
            )
        stored[signature.name] = as_stored(value, signature.dtype)
    return stored


def _bound(names: str | tuple[str, ...], values: Mapping[str, Value]) -> Argument:
    return values[names] if isinstance(names, str) else [values[name] for name in names]


def _tensor(values: Mapping[str, Value], name: str) -> Tensor:
    value = values[name]
    assert isinstance(value, Tensor)
    return value


def _last_uses(program: Program) -> dict[int, list[str]]:
    last: dict[str, int] = {}
    for index, operation in enumerate(program.operations):
        for names in operation.inputs.values():
            for name in (names,) if isinstance(names, str) else names:
                last[name] = index
    for signature in program.outputs:
        last.pop(signature.name, None)
    uses: dict[int, list[str]] = {}
    for name, index in last.items():
        if name not in program.constants:
            uses.setdefault(index, []).append(name)
    return uses
