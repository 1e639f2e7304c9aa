"""Walks the exported graph and builds the channels-last TensorFlow graph."""

from __future__ import annotations

import operator
import pkgutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.export import ExportedProgram
from torch.fx import Graph, Node
from torch.fx.node import map_arg

from edge_sdk.errors import ConversionError, first_line
from edge_sdk.exported import operator_name
from edge_sdk_converters.checks.unsupported import UnsupportedOperatorError
from edge_sdk_converters.tflite import operators
from edge_sdk_converters.tflite.channel_plan import plan_channels
from edge_sdk_converters.tflite.integer_check import scope
from edge_sdk_converters.tflite.quantization import weight_scales
from edge_sdk_converters.tflite.registry import HANDLERS, Call, Value, reordered

# Importing these modules fills the table of handlers.
for _module in pkgutil.iter_modules(operators.__path__, f"{operators.__name__}."):
    import_module(_module.name)


class Lowering:
    """A program ready to be built; everything that does not depend on the input is computed.

    Attributes:
        notes: rewrites applied by the last :meth:`build`, one sentence each.

    Raises:
        ConversionError: if an operator has no handler; the message names it and its module.
    """

    def __init__(self, exported: ExportedProgram) -> None:
        self.notes: list[str] = []
        exported = _with_composites_decomposed(exported)
        self._graph: Graph = exported.graph
        signature = exported.graph_signature
        self._input_name = signature.user_inputs[0]
        self._output_names = signature.user_outputs
        self._constants = _fold_constants(exported)
        self._check_operators()
        self._plan = plan_channels(self._graph, self._constants)
        self._scales = weight_scales(self._graph, self._constants)

    @property
    def graph(self) -> Graph:
        """The exported graph, composite operators decomposed."""
        return self._graph

    def build(self, tensor: Any, *, scoped: bool = False) -> tuple[Value, ...]:
        """Emit TensorFlow operators for ``tensor`` (N×H×W×C) and return the outputs, in order.

        Args:
            tensor: the input.
            scoped: name operators after the node that they come from (:func:`integer_check.scope`).
        """
        import tensorflow as tf

        self.notes.clear()
        values: dict[Node, Any] = {}
        for index, node in enumerate(self._graph.nodes):
            if node in self._constants:
                values[node] = _as_array(self._constants[node])
            elif node.op == "placeholder" and node.name == self._input_name:
                values[node] = Value(tensor, tuple(node.meta["val"].shape))
            elif node.op == "call_function" and not _is_assertion(node):
                with tf.name_scope(scope(index)) if scoped else nullcontext():
                    values[node] = self._call(node, lambda source: values[source])
        by_name = {node.name: value for node, value in values.items()}
        outputs = [by_name[name] for name in self._output_names]
        for name, value in zip(self._output_names, outputs, strict=True):
            if not isinstance(value, Value):
                raise ConversionError(
                    f"output '{name}' does not depend on the input; remove it from the model"
                )
            if value.places is not None:
                node = next(node for node in self._graph.nodes if node.name == name)
                call = Call(node, {}, None, self.notes)
                raise call.refuse("as an output, which would need a TRANSPOSE")
        return tuple(reordered(value, None) for value in outputs)

    def _call(self, node: Node, look_up: Callable[[Node], Any]) -> Any:
        arguments = map_arg(_bind(node), look_up)
        if node.target is operator.getitem:
            return arguments["a"][arguments["b"]]
        name = operator_name(node.target)
        entry = HANDLERS[name]
        call = Call(node, arguments, self._plan.get(node), self.notes, self._scales.get(node))
        if not entry.any_places and any(_is_pending(value) for value in arguments.values()):
            raise call.refuse("of a tensor whose axes were permuted, which would need a TRANSPOSE")
        if not entry.any_order:
            arguments = {key: _in_torch_order(value) for key, value in arguments.items()}
            call = replace(call, arguments=arguments)
        try:
            return entry.handle(call)
        except (TypeError, ValueError) as error:
            raise call.refuse(f"in this form ({first_line(error)})") from error

    def _check_operators(self) -> None:
        missing = [
            node
            for node in self._graph.nodes
            if node.op == "call_function"
            and node not in self._constants
            and node.target is not operator.getitem
            and not _is_assertion(node)
            and operator_name(node.target) not in HANDLERS
        ]
        if missing:
            first = operator_name(missing[0].target)
            others = sorted({operator_name(node.target) for node in missing} - {first})
            more = f" (nor for {', '.join(others)})" if others else ""
            raise UnsupportedOperatorError(
                missing[0], f"edge-sdk's tflite lowering has none for operator {first}{more}"
            )


COMPOSITES = ("glu", "mish")
"""Operators that torch's own decompositions turn into ones with handlers."""


def _with_composites_decomposed(exported: ExportedProgram) -> ExportedProgram:
    found = {
        node.target
        for node in exported.graph.nodes
        if node.op == "call_function" and operator_name(node.target) in COMPOSITES
    }
    if not found:
        return exported
    taken: ExportedProgram = exported.run_decompositions(get_decompositions(list(found)))
    return taken


def _bind(node: Node) -> dict[str, Any]:
    """Arguments of ``node`` by name, with the operator's defaults."""
    if node.target is operator.getitem:
        return {"a": node.args[0], "b": node.args[1]}
    bound: dict[str, Any] = {}
    for index, argument in enumerate(node.target._schema.arguments):  # type: ignore[union-attr]
        if index < len(node.args) and not argument.kwarg_only:
            bound[argument.name] = node.args[index]
        else:
            default = argument.default_value if argument.has_default_value() else None
            bound[argument.name] = node.kwargs.get(argument.name, default)
    return bound


def _fold_constants(exported: ExportedProgram) -> dict[Node, Any]:
    """Compute with torch every node that does not depend on the input."""
    signature = exported.graph_signature
    stored: dict[str, Any] = {}
    for names in (signature.inputs_to_parameters, signature.inputs_to_buffers):
        stored.update({name: exported.state_dict.get(key) for name, key in names.items()})
    for name, key in {
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }.items():
        if stored.get(name) is None:
            stored[name] = exported.constants[key]
    folded: dict[Node, Any] = {}
    with torch.no_grad():
        for node in exported.graph.nodes:
            if node.op == "placeholder" and node.name in stored:
                folded[node] = stored[node.name]
            elif (
                node.op == "call_function"
                and not _is_random(node)
                and all(source in folded for source in node.all_input_nodes)
            ):
                args, kwargs = map_arg((node.args, node.kwargs), lambda source: folded[source])
                folded[node] = node.target(*args, **kwargs)
    return folded


def _as_array(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def _is_pending(argument: Any) -> bool:
    if isinstance(argument, list | tuple):
        return any(_is_pending(item) for item in argument)
    return isinstance(argument, Value) and argument.places is not None


def _in_torch_order(argument: Any) -> Any:
    if isinstance(argument, Value):
        return reordered(argument, None)
    if isinstance(argument, list | tuple):
        return type(argument)(_in_torch_order(item) for item in argument)
    return argument


def _is_random(node: Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _is_assertion(node: Node) -> bool:
    return operator_name(node.target).startswith("_assert")
