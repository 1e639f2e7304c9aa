"""Int8 in every format: the scheme's own scales, integer graphs, agreement with the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_sdk.emulate.parity.chain import parity_chain
from edge_sdk.emulate.parity.rows import Artifact, Step
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import InputError
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.quantization import Affine, Quantized, apply_scheme, quantize, quantize_weights
from edge_sdk.targets import LoweringReport, find_converter
from tests.builders.foreign_networks import MobileNetV2Like
from tests.builders.int8_codes import activation_codes, layer_scales
from tests.builders.smooth_pictures import smooth_pictures
from tests.builders.xnnpack_sums import XnnpackSums, result

pytestmark = pytest.mark.slow

EXAMPLE = torch.zeros(1, 1, 24, 24)
SUFFIXES = {"executorch": ".pte", "tflite": ".tflite", "coreml": ".mlpackage"}
PICTURES = smooth_pictures(8, seed=1)
OTHERS = smooth_pictures(4, seed=2)


def network(activation: str = "prelu") -> EnhanceNet:
    torch.manual_seed(0)
    config = EnhanceNetConfig(
        widths=(8, 8, 8),
        skips=((0, 2),),
        branches=None,
        activation=activation,  # type: ignore[arg-type]
    )
    return EnhanceNet(config).eval()


@pytest.fixture(
    scope="module",
    params=["prelu", "leaky_relu", pytest.param("relu", marks=pytest.mark.nightly)],
)
def quantized(request: pytest.FixtureRequest) -> tuple[EnhanceNet, Quantized]:
    model = network(request.param)
    return model, quantize(model, EXAMPLE, PICTURES)


@pytest.fixture(scope="module")
def files(
    quantized: tuple[EnhanceNet, Quantized], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, LoweringReport]]:
    folder = tmp_path_factory.mktemp("int8")
    made = {}
    for target, suffix in SUFFIXES.items():
        path = folder / f"net{suffix}"
        report = find_converter(target).convert(quantized[1].model, EXAMPLE, path, "int8")
        made[target] = (path, report)
    return made


def scheme_codes(quantized: Quantized) -> set[tuple[float, int]]:
    return {
        (float(np.float32(codes.scale)), codes.zero_point)
        for codes in quantized.scheme.values.values()
    }


def weight_scales(quantized: Quantized) -> set[float]:
    return {
        float(scale)
        for name, buffer in quantized.model.named_buffers()
        if name.endswith("_scales")
        for scale in buffer
    }


def close(found: set[float], wanted: set[float], error: float) -> bool:
    """Whether each of ``wanted`` is among ``found``, but for a relative error."""
    return all(any(abs(one - other) <= error * one for other in found) for one in wanted)


def test_every_format_holds_the_schemes_own_codes(
    quantized: tuple[EnhanceNet, Quantized], files: dict[str, tuple[Path, LoweringReport]]
) -> None:
    wanted, weights = scheme_codes(quantized[1]), weight_scales(quantized[1])
    for target in ("tflite", "coreml"):
        path = files[target][0]
        activations, held = activation_codes(path), layer_scales(path)
        assert {point for _, point in activations} == {point for _, point in wanted}, target
        found, given = {scale for scale, _ in activations}, {scale for scale, _ in wanted}
        # Half precision holds all scales exactly but the 1/255 of pictures, and tiny weights'.
        error = 3e-7 if target == "tflite" else 2e-5
        assert close(found, given, error), target
        assert close(given, found, error), target
        assert close(held, weights, 3e-7 if target == "tflite" else 5e-4), target
    assert activation_codes(files["executorch"][0]) == wanted


def test_graphs_are_integer_and_whole(files: dict[str, tuple[Path, LoweringReport]]) -> None:
    tflite, executorch = files["tflite"][1], files["executorch"][1]
    assert (tflite.float_operators, tflite.transposes, tflite.fallback) == (0, 0, None)
    assert {tensor.dtype for tensor in (*tflite.inputs, *tflite.outputs)} == {"int8"}
    assert executorch.partitions == 1
    assert executorch.undelegated == ()


def test_files_agree_with_float_and_with_the_truth(
    quantized: tuple[EnhanceNet, Quantized], files: dict[str, tuple[Path, LoweringReport]]
) -> None:
    model, made = quantized
    steps = [Step("quantized", "int8", made.model)]
    artifacts = [Artifact(path) for path, _ in files.values()]
    rows = {row.step: row for row in parity_chain(model, steps, artifacts, OTHERS)}
    float_db = rows["quantized"].psnr_db
    for target, (path, _) in files.items():
        row = rows[path.name]
        assert row.precision == "int8", target
        assert row.psnr_db > float_db - 1.0, target
        assert row.truth_db is not None
        # XNNPACK rounds as PyTorch does but for sums between two codes (the test below holds it to
        # every single code): 80 dB is one code of 1 500. TFLite and half precision round more of
        # them otherwise.
        assert row.truth_db >= (80 if target == "executorch" else 46), target


def test_xnnpack_differs_from_the_truth_in_sums_between_two_codes_alone(
    quantized: tuple[EnhanceNet, Quantized], files: dict[str, tuple[Path, LoweringReport]]
) -> None:
    runner = open_artifact(files["executorch"][0])
    graph = XnnpackSums(quantized[1].model)
    for picture in OTHERS:
        (found,) = runner.run({"input": picture.numpy()}).values()
        with torch.no_grad():
            expected = result(graph.run(picture)).numpy()
        # The output's codes are 8-bit values; a step between two of them is 1/255.
        assert np.abs(found - expected).max() < 1e-6
    # Factors of 21 bits, times a code of at most 8 bits.
    assert graph.from_middle <= 2.0**-11


@pytest.mark.parametrize("target", SUFFIXES)
def test_a_shifted_zero_point_is_caught(target: str, tmp_path: Path) -> None:
    model = network()
    made = quantize(model, EXAMPLE, PICTURES)
    codes = made.scheme.values["reconstruct"]
    point = codes.zero_point - 60 if codes.zero_point > 0 else codes.zero_point + 60
    wrong = Affine(codes.scale, point)
    scheme = replace(made.scheme, values={**made.scheme.values, "reconstruct": wrong})
    path = tmp_path / f"wrong{SUFFIXES[target]}"
    corrupted = apply_scheme(model, EXAMPLE, scheme)
    find_converter(target).convert(corrupted.model, EXAMPLE, path, "int8")
    step = Step("quantized", "int8", made.model)
    row = parity_chain(model, [step], [Artifact(path)], OTHERS)[-1]
    right = parity_chain(model, [step], [], OTHERS)[-1]
    assert right.passed
    assert not row.passed


@pytest.mark.parametrize("target", SUFFIXES)
def test_models_are_taken_for_what_they_are(target: str, tmp_path: Path) -> None:
    model, converter = network(), find_converter(target)
    path = tmp_path / f"net{SUFFIXES[target]}"
    with pytest.raises(InputError, match="quantize it first"):
        converter.convert(model, EXAMPLE, path, "int8")
    coded = quantize(model, EXAMPLE, PICTURES).model
    with pytest.raises(InputError, match="wrong name for it"):
        converter.convert(coded, EXAMPLE, path, "fp32")
    assert not path.exists()


def test_ends_may_stay_in_float(tmp_path: Path) -> None:
    made = quantize(network(), EXAMPLE, PICTURES)
    path = tmp_path / "net.tflite"
    report = find_converter("tflite").convert(made.model, EXAMPLE, path, "int8-float-io")
    assert {tensor.dtype for tensor in (*report.inputs, *report.outputs)} == {"float32"}
    assert report.float_operators == 0
    row = parity_chain(
        network(), [Step("quantized", "int8", made.model)], [Artifact(path)], OTHERS
    )[-1]
    assert row.truth_db is not None
    assert row.truth_db > 46


@pytest.mark.parametrize("precision", ["w8", "palette"])
def test_core_ml_stores_weights_in_few_bits(precision: str, tmp_path: Path) -> None:
    model = network()
    given = quantize_weights(model, EXAMPLE).model if precision == "w8" else model
    path = tmp_path / "net.mlpackage"
    report = find_converter("coreml").convert(given, EXAMPLE, path, precision)
    row = parity_chain(model, [], [Artifact(path)], OTHERS)[-1]
    assert (row.precision, row.passed) == (precision, True)
    stored = "constexpr_affine_dequantize" if precision == "w8" else "constexpr_lut_to_dense"
    assert report.operators[stored] == 4


class Strange(nn.Module):
    """Depthwise, grouped and transposed convolutions, a concatenation, a sigmoid and a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(3, 6, 3, padding=1, groups=3)
        self.grouped = nn.Conv2d(6, 8, 3, padding=1, groups=2, bias=False)
        self.down = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        first = nn.functional.relu6(self.depthwise(x))
        second = self.up(self.down(torch.relu(self.grouped(first))))
        return self.head(torch.sigmoid(torch.cat([first, second], 1)).mean((2, 3)))


@pytest.mark.parametrize("target", SUFFIXES)
def test_a_foreign_model_runs_in_integers(target: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Strange().eval()
    pictures = smooth_pictures(6, seed=4, size=16, channels=3)
    made = quantize(model, pictures[0], pictures, picture_output=False)
    path = tmp_path / f"net{SUFFIXES[target]}"
    report = find_converter(target).convert(made.model, pictures[0], path, "int8")
    if target == "tflite":
        assert (report.float_operators, report.transposes) == (0, 0)
    step = Step("quantized", "int8", made.model)
    row = parity_chain(model, [step], [Artifact(path)], pictures, pictures=False)[-1]
    assert row.psnr_db > 35
    assert row.truth_db is not None
    assert row.truth_db > 40


def gratings(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures of stripes in ten directions under noise, and the number of the direction."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=generator)
    angle = labels.double() * torch.pi / 10
    phase = torch.rand(count, generator=generator).double() * 6.28
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    wave = (
        x[None] * angle.cos()[:, None, None] + y[None] * angle.sin()[:, None, None]
    ) * 0.9 + phase[:, None, None]
    tint = 0.6 + 0.4 * torch.rand(count, 3, 1, 1, generator=generator)
    noise = 0.08 * torch.randn(count, 3, 32, 32, generator=generator)
    stripes = (0.5 + 0.4 * wave.sin()[:, None]).float() * tint + noise
    return (stripes.clamp(0, 1) * 255).round() / 255, labels


def test_a_classifier_keeps_its_decisions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MobileNetV2Like()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for step in range(150):
        pictures, labels = gratings(32, seed=step)
        loss = nn.functional.nll_loss(model(pictures).clamp_min(1e-9).log(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    tests, labels = gratings(300, seed=1_000)
    with torch.no_grad():
        decided = model(tests).argmax(1)
    assert float((decided == labels).double().mean()) > 0.9
    from edge_sdk.reparam import fuse

    example = tests[:1]
    fused, _ = fuse(model, example)
    made = quantize(
        fused, example, [each[None] for each in gratings(64, 2_000)[0]], "mse", picture_output=False
    )
    for target, suffix in SUFFIXES.items():
        path = tmp_path / f"net{suffix}"
        find_converter(target).convert(made.model, example, path, "int8")
        runner = open_artifact(path)
        name = next(iter(runner.input_shapes))
        found = [
            int(next(iter(runner.run({name: each[None].numpy()}).values())).argmax())
            for each in tests
        ]
        agreement = float((torch.tensor(found) == decided).double().mean())
        assert agreement >= 0.99, f"{target}: {agreement:.1%}"
