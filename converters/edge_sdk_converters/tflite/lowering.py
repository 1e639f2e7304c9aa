"""Walks the exported graph and builds the channels-last TensorFlow graph."""

from __future__ import annotations

import operator
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Graph, Node
from torch.fx.node import map_arg

from edge_sdk.errors import ConversionError, first_line
from edge_sdk.exported import argument_of, operator_name
from edge_sdk_converters.checks.unsupported import UnsupportedOperatorError
from edge_sdk_converters.tflite import operators
from edge_sdk_converters.tflite.channel_plan import plan_channels
from edge_sdk_converters.tflite.integer_check import scope
from edge_sdk_converters.tflite.layout import channels_last, moves, plain, wrapped
from edge_sdk_converters.tflite.quantization import weight_scales
from edge_sdk_converters.tflite.registry import HANDLERS, Call, Handler, Value, reordered

# Importing these modules fills the table of handlers.
for _module in pkgutil.iter_modules(operators.__path__, f"{operators.__name__}."):
    import_module(_module.name)


def _bounded_by_numbers(node: Node) -> bool:
    return not any(isinstance(bound, Node) for bound in (*node.args[1:], *node.kwargs.values()))


_FORMS: dict[Any, Callable[[Node], bool]] = {
    torch.ops.aten.clamp.Tensor: _bounded_by_numbers,
    torch.ops.aten.div.Scalar_mode: lambda node: node.kwargs.get("rounding_mode") is None,
    torch.ops.aten.div.Tensor_mode: lambda node: node.kwargs.get("rounding_mode") is None,
    torch.ops.aten.max_pool2d.default: lambda node: all(
        each == 1
        for each in argument_of(node, 4, "dilation", (1,))  # type: ignore[attr-defined]
    ),
}
"""What else an operator must be to have a handler."""


def takes(node: Node) -> bool:
    """Whether a handler has the operator of a node, in the form that it has there."""
    name = operator_name(node.target)
    if node.target in _FORMS and not _FORMS[node.target](node):
        return False
    rank = node.meta["val"].dim() if isinstance(node.meta.get("val"), torch.Tensor) else 0
    return name in HANDLERS and not (name in ("group_norm", "instance_norm") and rank != 4)


class Lowering:
    """A program ready to be built; everything that does not depend on the input is computed.

    Attributes:
        notes: rewrites applied by the last :meth:`build`, one sentence each.

    Raises:
        ConversionError: if an operator has no handler; the message names it and its module.
    """

    def __init__(self, exported: ExportedProgram) -> None:
        self.notes: list[str] = []
        self._graph: Graph = exported.graph
        signature = exported.graph_signature
        self._input_names = tuple(map(str, signature.user_inputs))
        self._output_names = signature.user_outputs
        self._constants = _fold_constants(exported)
        self._check_operators()
        self._plan = plan_channels(self._graph, self._constants)
        self._scales = weight_scales(self._graph, self._constants)

    @property
    def graph(self) -> Graph:
        """The exported graph, composite operators decomposed."""
        return self._graph

    def build(self, *tensors: Any, scoped: bool = False) -> tuple[Value, ...]:
        """Emit TensorFlow operators for the inputs and return the outputs, in order.

        Args:
            tensors: the inputs, those of four axes as N×H×W×C.
            scoped: name operators after the node that they come from (:func:`integer_check.scope`).
        """
        import tensorflow as tf

        self.notes.clear()
        values: dict[Node, Any] = {}
        given = dict(zip(self._input_names, tensors, strict=True))
        for index, node in enumerate(self._graph.nodes):
            if node in self._constants:
                values[node] = _as_array(self._constants[node])
            elif node.op == "placeholder" and node.name in given:
                values[node] = Value(given[node.name], tuple(node.meta["val"].shape))
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
            if value.places is not None and moves(value, to_plain=False):
                self.notes.append(f"a TRANSPOSE before {name}, which is returned")
        return tuple(reordered(channels_last(value), None) for value in outputs)

    def _call(self, node: Node, look_up: Callable[[Node], Any]) -> Any:
        arguments = map_arg(_bind(node), look_up)
        if node.target is operator.getitem:
            return arguments["a"][arguments["b"]]
        name = operator_name(node.target)
        entry = HANDLERS[name]
        call = Call(node, arguments, self._plan.get(node), self.notes, self._scales.get(node))
        features = [value for value in _values(arguments) if isinstance(value, Value)]
        pending = [value for value in features if value.places is not None]
        # What has more than four axes lies in torch's order, and so does what is left of it.
        deep = any(len(value.shape) > 4 for value in features)
        if entry.plain_only or (
            entry.any_axes and (deep or (pending and not any(map(_is_feature_map, features))))
        ):
            return _in_torch_axes(call, entry.handle)
        given = call
        if pending and not entry.any_places:
            call = replace(call, arguments=_each(arguments, _channels_last(call)))
        if not entry.any_order:
            call = replace(call, arguments=_each(call.arguments, _torch_order))
        try:
            return _handled(call, entry.handle)
        except UnsupportedOperatorError:
            if not entry.any_axes:
                raise
            return _in_torch_axes(given, entry.handle)

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


def _handled(call: Call, handle: Handler) -> Any:
    try:
        return handle(call)
    except (TypeError, ValueError) as error:
        raise call.refuse(f"in this form ({first_line(error)})") from error


def _in_torch_axes(call: Call, handle: Handler) -> Any:
    """Call a handler on features in torch's own order of axes, which its result has then too."""

    def laid_out(value: Value) -> Value:
        if moves(value, to_plain=True):
            call.note(f"a TRANSPOSE before {operator_name(call.node.target)}")
        return plain(value)

    plain_call = replace(call, arguments=_each(call.arguments, laid_out), plain=True)
    result = _handled(plain_call, handle)
    if isinstance(result, Value):
        return wrapped(result.tensor, result.shape)
    return tuple(wrapped(part.tensor, part.shape) for part in result)


def _channels_last(call: Call) -> Callable[[Value], Value]:
    def laid_out(value: Value) -> Value:
        if value.places is not None and moves(value, to_plain=False):
            call.note(f"a TRANSPOSE before {operator_name(call.node.target)}")
        return channels_last(value)

    return laid_out


def _is_feature_map(value: Value) -> bool:
    return value.places is None and len(value.shape) == 4 and value.shape[1] > 1


def _values(arguments: dict[str, Any]) -> Iterator[Any]:
    for argument in arguments.values():
        yield from argument if isinstance(argument, list | tuple) else (argument,)


def _each(arguments: dict[str, Any], change: Callable[[Value], Value]) -> dict[str, Any]:
    """Arguments with every feature changed, those in lists too."""

    def changed(argument: Any) -> Any:
        if isinstance(argument, list | tuple):
            return type(argument)(changed(item) for item in argument)
        return change(argument) if isinstance(argument, Value) else argument

    return {name: changed(argument) for name, argument in arguments.items()}


def _torch_order(value: Value) -> Value:
    return reordered(value, None)


def _is_random(node: Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _is_assertion(node: Node) -> bool:
    return operator_name(node.target).startswith("_assert")
