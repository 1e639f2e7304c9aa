"""What does not depend on the input, computed once: masks, grids, normalized kernels.

A graph holds what its model wrote: a mask that is made of slices of zeros at every call, a grid of
coordinates, the kernel of a spectral norm. Files hold the results instead.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.fx.node import map_arg

from edge_sdk.exported import module_path, operator_name
from edge_sdk_converters.rewrites.graph_edit import copied, finish, stored

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

_MOVED = frozenset(
    {"view", "reshape", "permute", "transpose", "t", "unsqueeze", "squeeze", "detach"}
)
"""Operators that targets compute ahead of time by themselves where their argument is stored."""
_OF_A_SHAPE = frozenset(
    {"new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like"}
)
"""Operators that read of their argument the shape and the type alone."""
LARGEST_BYTES = 2**24
"""Most bytes of a result that is larger than all that it is made of: a mask repeated for a photo
is left to the file's reader, and what it is repeated from is stored."""


def fold_constants(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Store the results of what does not depend on the input in place of the operators.

    Codes of int8 weights stay as they are: their operators say how the weights are stored.
    """
    if not any(_worth(node) for node in _last_constants(program, _constants(program))):
        return program, ()
    program = copied(program)
    values = _constants(program)
    graph = program.graph_module.graph
    sentences = []
    for number, node in enumerate(_last_constants(program, values)):
        replacement = stored(program, f"folded_{number}", values[node])
        sentences.append(
            f"{module_path(node)}: {operator_name(node.target)}, which does not depend on the "
            "input, is stored as its result"
        )
        node.replace_all_uses_with(replacement)
    graph.eliminate_dead_code()
    _drop_unused(program)
    return finish(program), tuple(dict.fromkeys(sentences))


def _worth(node: Node) -> bool:
    """Whether more than moves of a stored tensor would be computed at every call."""
    return operator_name(node.target) not in _MOVED or any(
        source.op == "call_function" and _worth(source) for source in node.all_input_nodes
    )


def _constants(program: ExportedProgram) -> dict[Node, Any]:
    """Value of every node that does not depend on the input."""
    held = _held(program)
    values: dict[Node, Any] = {}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for node in program.graph.nodes:
            if node.op == "placeholder" and node.name in held:
                values[node] = held[node.name]
            elif _is_foldable(node) and all(
                source in values or operator_name(node.target) in _OF_A_SHAPE
                for source in node.all_input_nodes
            ):
                args, kwargs = map_arg(
                    (node.args, node.kwargs),
                    lambda source: values[source] if source in values else _anything_like(source),
                )
                values[node] = node.target(*args, **kwargs)
    return values


def _anything_like(source: Node) -> Tensor:
    """A tensor of the shape and type of one that depends on the input."""
    return torch.zeros(source.meta["val"].shape, dtype=source.meta["val"].dtype)


def _held(program: ExportedProgram) -> dict[str, Tensor]:
    signature = program.graph_signature
    places = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    held = {**program.constants, **program.state_dict}
    return {
        name: held[key] for name, key in places.items() if isinstance(held.get(key), torch.Tensor)
    }


def _is_foldable(node: Node) -> bool:
    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return False
    if node.target.namespace != "aten" or operator_name(node.target).startswith("_assert"):
        return False
    if torch.Tag.nondeterministic_seeded in node.target.tags:
        return False
    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor):
        return isinstance(value, list | tuple)
    sources = [source.meta["val"] for source in node.all_input_nodes]
    largest = max(
        (_bytes(source) for source in sources if isinstance(source, torch.Tensor)), default=0
    )
    return _bytes(value) <= max(LARGEST_BYTES, largest)


def _bytes(value: Tensor) -> int:
    return value.numel() * value.element_size()


def _last_constants(program: ExportedProgram, values: dict[Node, Any]) -> list[Node]:
    """Computed constants that something reads which depends on the input, or nobody can store."""
    return [
        node
        for node in program.graph.nodes
        if node.op == "call_function"
        and isinstance(values.get(node), torch.Tensor)
        and any(user not in values for user in node.users)
    ]


def _drop_unused(program: ExportedProgram) -> None:
    """Forget stored tensors that nothing reads any more."""
    graph, signature = program.graph_module.graph, program.graph_signature
    inputs = set(signature.user_inputs)
    unused = [
        node
        for node in graph.nodes
        if node.op == "placeholder" and not node.users and node.name not in inputs
    ]
    for node in unused:
        graph.erase_node(node)
    names = {node.name for node in unused}
    specs = [spec for spec in signature.input_specs if getattr(spec.arg, "name", None) not in names]
    signature.input_specs[:] = specs
