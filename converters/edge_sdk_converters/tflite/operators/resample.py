"""Pixel shuffle, its inverse, and resizing."""

from __future__ import annotations

import numpy as np

from edge_sdk.exported import operator_name
from edge_sdk_converters.checks.resize_factors import nearest_sources
from edge_sdk_converters.tflite.registry import Call, Order, Value, handles, reordered


def depth_order(channels: int, factor: int) -> Order | None:
    """Where TensorFlow keeps the channels that ``pixel_shuffle`` reads.

    torch's channel c·r² + i·r + j is channel (i·r + j)·C + c of DEPTH_TO_SPACE and of
    SPACE_TO_DEPTH; for C = 1 the two coincide.

    Args:
        channels: channels C of the larger picture.
        factor: r.
    """
    if channels == 1 or factor == 1:
        return None
    return tuple(
        phase * channels + channel for channel in range(channels) for phase in range(factor**2)
    )


@handles("pixel_shuffle", any_order=True)
def pixel_shuffle(call: Call) -> Value:
    """One DEPTH_TO_SPACE; the channel order is the producer's business where it can see to it."""
    import tensorflow as tf

    x: Value = call["self"]
    factor = call["upscale_factor"]
    target_order = depth_order(call.shape[1], factor)
    if target_order is None:
        call.note("PixelShuffle is one DEPTH_TO_SPACE; one channel needs no permutation")
    elif x.order == target_order:
        call.note(
            "PixelShuffle is one DEPTH_TO_SPACE; the convolution before it emits its output "
            "channels permuted"
        )
    else:
        call.note(
            "PixelShuffle is a 1×1 convolution by a permutation matrix and one DEPTH_TO_SPACE"
        )
    tensor = reordered(x, target_order).tensor
    return Value(tf.nn.depth_to_space(tensor, factor), call.shape)


@handles("pixel_unshuffle", any_order=True)
def pixel_unshuffle(call: Call) -> Value:
    """One SPACE_TO_DEPTH; what follows reads its channels permuted."""
    import tensorflow as tf

    x = reordered(call["self"], None)
    factor = call["downscale_factor"]
    tensor = tf.nn.space_to_depth(x.tensor, factor)
    call.note("PixelUnshuffle is one SPACE_TO_DEPTH")
    return Value(tensor, call.shape, depth_order(x.shape[1], factor))


@handles("upsample_nearest2d", "_upsample_nearest_exact2d", any_order=True)
def upsample_nearest2d(call: Call) -> Value:
    """Nearest neighbor, source row ⌊y·H_in/H_out⌋, or ⌊(y + ½)·H_in/H_out⌋ if exact."""
    import tensorflow as tf

    x: Value = call["input"]
    exact = operator_name(call.node.target) == "_upsample_nearest_exact2d"
    if not _is_whole(call, x):
        return _nearest_by_gather(call, x)
    tensor = tf.raw_ops.ResizeNearestNeighbor(
        images=x.tensor, size=list(call.shape[2:4]), half_pixel_centers=exact
    )
    return Value(tensor, call.shape, x.order)


def _nearest_by_gather(call: Call, x: Value) -> Value:
    """Sample by the given factors, which no resize operator takes: one GATHER per axis."""
    import tensorflow as tf

    tensor = x.tensor
    for axis in range(2):
        source = np.asarray(nearest_sources(call.node, axis), np.int32)
        tensor = tf.gather(tensor, source, axis=1 + axis)
    return Value(tensor, call.shape, x.order)


@handles("upsample_bilinear2d", any_order=True)
def upsample_bilinear2d(call: Call) -> Value:
    """Bilinear, with half-pixel centers or with corners aligned."""
    import tensorflow as tf

    x: Value = call["input"]
    corners = bool(call["align_corners"])
    if not corners and not _is_whole(call, x):
        raise call.refuse(f"by {call['scale_factors']}, which gives no whole size; pass size=")
    tensor = tf.raw_ops.ResizeBilinear(
        images=x.tensor,
        size=list(call.shape[2:4]),
        align_corners=corners,
        half_pixel_centers=not corners,
    )
    return Value(tensor, call.shape, x.order)


def _is_whole(call: Call, x: Value) -> bool:
    """Return whether the factors give whole sizes: torch samples by them, TFLite by the sizes."""
    scales = call.arguments.get("scale_factors")
    return scales is None or all(
        size * scale == output
        for size, output, scale in zip(x.shape[2:4], call.shape[2:4], scales, strict=True)
    )
