"""Quantized files made by the vendors' own tools, for the runners to read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def int8_tflite(path: Path, *, int8_ends: bool) -> None:
    """One conv with ReLU, 8×12×3 → 8×12×4, post-training int8 by TensorFlow's converter."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    kernel = tf.constant(generator.normal(0, 0.3, (3, 3, 3, 4)), tf.float32)

    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 8, 12, 3), tf.float32, name="input")])
        def serve(self, input: Any) -> dict[str, Any]:
            return {"output": tf.nn.relu(tf.nn.conv2d(input, kernel, 1, "SAME"))}

    net = Net()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [net.serve.get_concrete_function()], net
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [generator.random((1, 8, 12, 3), dtype=np.float32)] for _ in range(8)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if int8_ends:
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path.write_bytes(converter.convert())


def int8_pte(path: Path, model: nn.Module, example: Tensor) -> None:
    """PT2E post-training int8 for XNNPACK with float ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.export(_quantized(model, example), (example,))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        path.write_bytes(lowered.to_executorch().buffer)


def int8_ended_pte(path: Path, model: nn.Module, example: Tensor) -> None:
    """PT2E int8 on portable kernels whose ends are int8, by ExecuTorch's own passes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import executorch.kernels.quantized
        from executorch.exir import to_edge
        from executorch.exir.passes.quantize_io_pass import QuantizeInputs, QuantizeOutputs

        assert executorch.kernels.quantized
        edge = to_edge(torch.export.export(_quantized(model, example), (example,)))
        edge = edge.transform([QuantizeInputs(edge, [0]), QuantizeOutputs(edge, [0])])
        path.write_bytes(edge.to_executorch().buffer)


def _quantized(model: nn.Module, example: Tensor) -> nn.Module:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    config = get_symmetric_quantization_config(is_per_channel=True)
    quantizer = XNNPACKQuantizer().set_global(config)
    prepared = prepare_pt2e(torch.export.export(model.eval(), (example,)).module(), quantizer)
    prepared(example)
    converted: nn.Module = convert_pt2e(prepared)
    return converted
