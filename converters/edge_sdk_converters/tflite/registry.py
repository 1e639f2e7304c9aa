"""The table of operator handlers and the values that pass between them.

A feature map of torch shape (N, C, H, W) is held as (N, H, W, C). Tensors of any other rank keep
torch's order of axes. The last axis may be held in another order than torch's; :class:`Value` says
in which, so that a permutation can be left to whoever can absorb it for free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.fx import Node

from edge_sdk.exported import module_path, operator_name
from edge_sdk_converters.checks.unsupported import UnsupportedOperatorError

Floats = NDArray[np.float32]
Order = tuple[int, ...]

NHWC_AXIS = (0, 3, 1, 2)
"""Where each torch axis of a feature map lies in the channels-last tensor."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph being built.

    Attributes:
        tensor: TensorFlow tensor; channels last if ``shape`` has rank 4.
        shape: shape in PyTorch.
        order: torch's channel ``k`` is ``tensor[..., order[k]]``; ``None`` means the same order.
        places: where each element, in torch's shape, lies in the flat memory of ``tensor``, if a
            permutation of axes is pending; ``None`` if the tensor is laid out as above.
    """

    tensor: Any
    shape: tuple[int, ...]
    order: Order | None = None
    places: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Call:
    """One node of the exported graph with its arguments bound by name.

    Attributes:
        node: the node.
        arguments: schema defaults included; features are :class:`Value`, weights are arrays.
        emit_order: order in which a convolution should hold its output channels, if one is asked
            for, in the sense of :attr:`Value.order`.
        notes: sentences about rewrites; handlers append.
        weight_scales: float32 [out], if the layer's weight is held in int8.
        plain: all features are laid out in torch's own order of axes, and so is the result.
    """

    node: Node
    arguments: dict[str, Any]
    emit_order: Order | None
    notes: list[str]
    weight_scales: Floats | None = None
    plain: bool = False

    def axis(self, dim: int, rank: int) -> int:
        """Axis of a tensor that holds torch's ``dim`` of a feature of ``rank``."""
        return NHWC_AXIS[dim % rank] if rank == 4 and not self.plain else dim % rank

    def constant(self, array: NDArray[np.generic], rank: int, order: Order | None = None) -> Floats:
        """A constant for arithmetic with features of ``rank``, held in ``order``."""
        if self.plain:
            return np.asarray(array, np.float32)
        return constant_like(array, rank, order)

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result in PyTorch."""
        return tuple(int(size) for size in self.node.meta["val"].shape)

    @property
    def where(self) -> str:
        """Path and kind of the original module."""
        return module_path(self.node)

    def note(self, sentence: str) -> None:
        """Record an exact rewrite in the report."""
        self.notes.append(f"{self.where}: {sentence}")

    def refuse(self, reason: str) -> UnsupportedOperatorError:
        """Build the error for a form of the operator that this lowering does not have."""
        operator = operator_name(self.node.target)
        return UnsupportedOperatorError(
            self.node, f"edge-sdk's tflite lowering has no {operator} {reason}"
        )


Handler = Callable[[Call], "Value | tuple[Value, ...]"]


@dataclass(frozen=True)
class Entry:
    """A handler and the layouts it copes with.

    Attributes:
        handle: the handler.
        any_order: channels in another order.
        any_places: axes not yet settled.
        any_axes: torch's own order of axes (:attr:`Call.plain`), where channels last does not do.
        plain_only: that alone.
    """

    handle: Handler
    any_order: bool
    any_places: bool = False
    any_axes: bool = False
    plain_only: bool = False


HANDLERS: dict[str, Entry] = {}
"""Handlers by operator name without overload, such as ``conv2d``."""


def handles(
    *operators: str,
    any_order: bool = False,
    any_places: bool = False,
    any_axes: bool = False,
    plain_only: bool = False,
) -> Callable[[Handler], Handler]:
    """Register the decorated function for ``operators``.

    Args:
        operators: ATen names without overload.
        any_order: the handler reads :attr:`Value.order` itself; otherwise every feature it gets is
            put into torch's order first.
        any_places: the handler reads :attr:`Value.places` itself; others never see such a value.
        any_axes: the handler asks :meth:`Call.axis` and :meth:`Call.constant`, so that it works in
            torch's own order of axes too.
        plain_only: it works in that alone.
    """

    def register(handle: Handler) -> Handler:
        for name in operators:
            HANDLERS[name] = Entry(
                handle, any_order, any_places, any_axes or plain_only, plain_only
            )
        return handle

    return register


def inverse(order: Sequence[int]) -> Order:
    """Return the permutation ``q`` with ``q[order[k]] == k``."""
    return tuple(int(index) for index in np.argsort(np.asarray(order)))


def reordered(value: Value, order: Order | None) -> Value:
    """Bring the last axis of ``value`` into ``order`` exactly.

    A feature map goes through a 1×1 convolution by a permutation matrix, which every delegate
    takes (products with 0 and 1 and sums with 0 round nothing); a vector through one gather.
    """
    import tensorflow as tf

    if value.order == order:
        return value
    channels = value.tensor.shape[-1]
    held = np.asarray(value.order if value.order is not None else range(channels))
    target_order = np.asarray(order if order is not None else range(channels))
    source = np.empty(channels, np.int32)
    source[target_order] = held
    if len(value.shape) == 4:
        matrix = np.zeros((1, 1, channels, channels), np.float32)
        matrix[0, 0, source, np.arange(channels)] = 1.0
        tensor = tf.nn.conv2d(value.tensor, matrix, 1, "VALID")
    else:
        tensor = tf.gather(value.tensor, source, axis=-1)
    return Value(tensor, value.shape, order)


def constant_like(array: NDArray[np.generic], rank: int, order: Order | None = None) -> Floats:
    """Lay a torch constant out for arithmetic with a value of ``rank`` held in ``order``."""
    floats = np.asarray(array, np.float32)
    if rank != 4:
        return floats
    floats = floats.reshape((1,) * (4 - floats.ndim) + floats.shape).transpose(0, 2, 3, 1)
    if order is not None and floats.shape[-1] > 1:
        floats = floats[..., inverse(order)]
    return np.ascontiguousarray(floats)
