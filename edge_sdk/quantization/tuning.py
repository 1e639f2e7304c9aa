"""Quantization-aware fine-tuning: the float weights learn to survive their int8 codes.

The float model is the teacher: no labels are needed. Activations keep the codes of the scheme;
weights are rounded to theirs on every step; gradients pass the rounding as they are (straight
through: Bengio et al., 2013) and vanish where an activation is clipped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from edge_sdk.errors import InputError
from edge_sdk.exported import Example, as_inputs
from edge_sdk.int8 import fake_quantize
from edge_sdk.progress import Progress, silent
from edge_sdk.quantization.calibrate import check_finite
from edge_sdk.quantization.fake_codes import with_parameters_of, with_rounded_values
from edge_sdk.quantization.scheme import Scheme
from edge_sdk.quantization.value_graph import ValueGraph, first_output, output_axis, value_graph


@dataclass(frozen=True)
class TuningConfig:
    """How to fine-tune.

    Attributes:
        steps: optimization steps.
        batch: pictures per step.
        learning_rate: of Adam at the first step; a cosine leads it to zero.
        seed: seed of the draws.

    Raises:
        InputError: if a number is below its least.

    Example:
        >>> from edge_sdk.quantization import TuningConfig
        >>> TuningConfig(steps=2000, seed=1).learning_rate
        0.0003
    """

    steps: int = 1000
    batch: int = 4
    learning_rate: float = 3e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or not self.learning_rate > 0:
            raise InputError(
                f"{self.steps} steps of {self.batch} pictures at rate {self.learning_rate}: give "
                "a step and a picture or more, and a rate above 0"
            )


def tune(
    model: nn.Module,
    example: Example,
    scheme: Scheme,
    pictures: Sequence[Example],
    config: TuningConfig | None = None,
    on_progress: Progress | None = None,
) -> nn.Module:
    """Fine-tune a model's float weights so that its int8 form returns what the model returns.

    Minimizes the mean squared difference between the int8 model's output and the float model's,
    clipped to the range of the output codes. (Following the truth instead was tried for
    super-resolution: the weights drift, and both figures fall.)

    Args:
        model: float32 model in evaluation mode, fused before; it is left untouched.
        example: float32 [N, C, H, W], or one tensor for each input; the shapes become static.
        scheme: codes of the values, which stay as they are.
        pictures: inputs, as the example.
        config: how to fine-tune.
        on_progress: called after each step.

    Returns:
        A copy of the model with tuned parameters; quantize it with the same scheme.

    Raises:
        InputError: if there are no pictures, one holds what is no finite number, or the scheme
            quantizes no activations.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import TuningConfig, apply_scheme, quantize, tune
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3)).eval()
        >>> pictures = [torch.rand(1, 3, 12, 12) for _ in range(4)]
        >>> scheme = quantize(model, pictures[0], pictures, picture_output=False).scheme
        >>> tuned = tune(model, pictures[0], scheme, pictures, TuningConfig(steps=2))
        >>> apply_scheme(tuned, pictures[0], scheme).model(pictures[0]).shape
        torch.Size([1, 3, 8, 8])
    """
    config, report = config or TuningConfig(), on_progress or silent
    if scheme.weights_only or not pictures:
        raise InputError("fine-tuning needs pictures and a scheme with activations; give both")
    check_finite(pictures)
    graph = value_graph(model, example)
    low, high = _output_range(graph, scheme)
    inputs = [as_inputs(picture) for picture in pictures]
    with torch.no_grad():
        targets = torch.stack(
            [first_output(graph.module(*each)).clamp(low, high) for each in inputs]
        )
    student = _trainable(graph, scheme)
    parameters = list(student.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / config.steps))
    )
    generator = torch.Generator().manual_seed(config.seed)
    with torch.enable_grad():
        for step in range(config.steps):
            chosen = torch.randint(len(inputs), (config.batch,), generator=generator).tolist()
            losses = [
                (first_output(student(*inputs[i])) - targets[i]).square().mean() for i in chosen
            ]
            loss = torch.stack(losses).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            report("fine-tuning", step + 1, config.steps)
    return with_parameters_of(student, model)


def _trainable(graph: ValueGraph, scheme: Scheme) -> fx.GraphModule:
    coding = with_rounded_values(graph, scheme)
    module = coding.module
    for node in coding.weights:
        source = node.args[1]
        assert isinstance(source, fx.Node)
        with module.graph.inserting_before(node):
            fake = module.graph.call_function(_fake_weight, (source, output_axis(node)))
        node.update_arg(1, fake)
    module.recompile()
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    return module


def _fake_weight(weight: Tensor, axis: int | None) -> Tensor:
    if axis is None:
        return fake_quantize(weight[None])[0]
    first = weight.transpose(0, axis)
    return fake_quantize(first).transpose(0, axis)


def _output_range(graph: ValueGraph, scheme: Scheme) -> tuple[float, float]:
    for value in graph.values:
        if any(user.op == "output" for user in value.node.users):
            if value.name in scheme.float_layers:
                break
            codes = scheme.values[value.share]
            return codes.low, codes.high
    return -math.inf, math.inf
