"""The one list of MIL operations that edge-sdk means to put into a Core ML package.

It is shorter than what the interpreter can run, which reads packages made elsewhere too. A
converted model that holds another operation says so in its report.
"""

DECLARED_OPERATIONS = frozenset(
    {
        "add",
        "avg_pool",
        "cast",
        "clip",
        "concat",
        "conv",
        "conv_transpose",
        "elu",
        "exp",
        "expand_dims",
        "gelu",
        "instance_norm",
        "leaky_relu",
        "linear",
        "max_pool",
        "maximum",
        "minimum",
        "mul",
        "pad",
        "pixel_shuffle",
        "pixel_unshuffle",
        "prelu",
        "real_div",
        "reduce_max",
        "reduce_mean",
        "reduce_sum",
        "relu",
        "relu6",
        "reshape",
        "sigmoid",
        "sigmoid_hard",
        "silu",
        "slice_by_index",
        "softmax",
        "split",
        "sqrt",
        "squeeze",
        "sub",
        "tanh",
        "thresholded_relu",
        "transpose",
        "upsample_bilinear",
        "upsample_nearest_neighbor",
    }
)
"""MIL operations of the networks that edge-sdk ships, designs and tests."""
