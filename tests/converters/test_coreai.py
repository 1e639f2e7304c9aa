"""Core AI files: three precisions, what is written out for them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from edge_sdk import convert, quantize
from edge_sdk.artifacts import Code, read_codes
from edge_sdk.artifacts.aimodel import FILES, METADATA
from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ConversionError, InputError, OutputError
from edge_sdk.exported import operator_name
from edge_sdk.targets import find_converter
from edge_sdk_converters import CoreAIConverter
from tests.builders.conversion_nets import EnhanceLike, UNet, picture, seeded
from tests.builders.layers import GROUPS
from tests.builders.layers.fan import Layer
from tests.builders.layers.outcomes import outcomes
from tests.needs import needs

pytestmark = needs("coreai")


class SumsInFloat64(fx.Interpreter):
    """A graph in int8 codes whose convolutions add up exactly."""

    def call_function(self, target, args, kwargs):
        if not operator_name(target).startswith("conv"):
            return super().call_function(target, args, kwargs)
        exact = [each.double() if isinstance(each, Tensor) else each for each in args]
        return super().call_function(target, tuple(exact), kwargs).float()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_small_net_keeps_its_float_numbers(precision: str, tmp_path: Path) -> None:
    model, x, path = seeded(UNet), picture(1, 3, 16, 16), tmp_path / "net.aimodel"
    report = CoreAIConverter().convert(model, x, path, precision)
    assert sorted(entry.name for entry in path.iterdir()) == sorted(FILES)
    assert (report.target, report.precision, report.partitions) == ("coreai", precision, None)
    assert [spec.dtype for spec in (*report.inputs, *report.outputs)] == ["float32", "float32"]
    assert report.operators["conv2d"] >= 11
    assert report.size_bytes == sum(entry.stat().st_size for entry in path.iterdir())
    assert any("beta" in remark for remark in report.remarks)
    assert any("not an iPhone" in remark for remark in report.remarks)
    assert verify(model, x, path).psnr_db >= GATES_DB[precision]
    assert open_artifact(path).precision == precision


def quantize_nodes(model: fx.GraphModule) -> tuple[Code, ...]:
    return tuple(
        Code(float(np.float32(node.args[1])), node.args[2])
        for node in model.graph.nodes
        if operator_name(node.target) == "quantize_per_tensor"
    )


def test_int8_gives_the_codes_that_exact_sums_give(tmp_path: Path) -> None:
    model, x, path = seeded(EnhanceLike), picture(1, 1, 24, 16), tmp_path / "net.aimodel"
    made = quantize(model, x, [x, picture(1, 1, 24, 16, seed=1)])
    report = CoreAIConverter().convert(made.model, x, path, "int8")
    names = [operator_name(node.target) for node in made.model.graph.nodes]
    assert report.operators["quantize"] == names.count("quantize_per_tensor")
    stored, own = read_codes(path), quantize_nodes(made.model)
    assert stored is not None
    assert stored.activations == own
    runner = open_artifact(path)
    assert runner.precision == "int8"
    for seed in range(3):
        probe = picture(1, 1, 24, 16, seed=seed)
        with torch.no_grad():
            expected = SumsInFloat64(made.model).run(probe).numpy()
        np.testing.assert_array_equal(runner.run({"input": probe.numpy()})["output"], expected)


def test_one_model_is_one_metadata(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.aimodel"
        CoreAIConverter().convert(seeded(EnhanceLike), picture(1, 1, 8, 8), path, "fp32")
        texts.append(json.loads((path / METADATA).read_text()))
    assert "creationDate" not in texts[0]
    assert set(texts[0]) == set(texts[1])


class Two(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x + y, x * 2


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_several_inputs_and_outputs_keep_their_order(precision: str, tmp_path: Path) -> None:
    x, y = picture(1, 2, 4, 4), picture(1, 2, 4, 4, seed=1)
    path = tmp_path / "two.aimodel"
    CoreAIConverter().convert(Two(), (x, y), path, precision)
    runner = open_artifact(path)
    assert list(runner.input_shapes) == ["input_0", "input_1"]
    found = runner.run({"input_0": x.numpy(), "input_1": y.numpy()})
    np.testing.assert_allclose(found["output_0"], (x + y).numpy(), atol=2e-3)
    np.testing.assert_allclose(found["output_1"], (x * 2).numpy(), atol=2e-3)


class Called(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (nn.AvgPool2d(3, 1, 1, count_include_pad=False), "avg_pool2d"),
        (nn.BatchNorm2d(4, affine=False), "_native_batch_norm_legit_no_training"),
        (nn.ELU(0.5), "elu"),
        (Called(lambda x: torch.remainder(x - 0.5, 0.3)), "remainder"),
        (Called(lambda x: x.var((2, 3), keepdim=True)), "var"),
        (Called(lambda x: torch.var_mean(x, 1)[0]), "var"),
    ],
)
def test_what_the_converter_lacks_is_written_out(layer: nn.Module, name: str, tmp_path) -> None:
    x, path = picture(1, 4, 9, 7), tmp_path / "layer.aimodel"
    report = CoreAIConverter().convert(layer.eval(), x, path, "fp32")
    assert any(name in sentence for sentence in report.rewrites)
    assert verify(layer, x, path).psnr_db >= GATES_DB["fp32"]


class Sampled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        grid = torch.zeros(1, 4, 4, 2)
        return nn.functional.grid_sample(x, grid, align_corners=False)


def test_an_operator_without_translation_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), Sampled())
    with pytest.raises(
        ConversionError, match=r"^1 \(Sampled\): Core AI.* grid_sampler_2d;"
    ) as caught:
        CoreAIConverter().convert(model, picture(1, 1, 8, 8), tmp_path / "net.aimodel", "fp32")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_bad_requests_are_refused(tmp_path: Path) -> None:
    model, x, converter = nn.Conv2d(1, 1, 3).eval(), picture(1, 1, 8, 8), CoreAIConverter()
    for path, precision, error in (
        ("net.aimodel", "w8", InputError),
        ("net.mlpackage", "fp32", InputError),
        ("net.aimodel", "int8", InputError),
        ("missing/net.aimodel", "fp32", OutputError),
    ):
        with pytest.raises(error) as caught:
            converter.convert(model, x, tmp_path / path, precision)
        assert "\n" not in str(caught.value)
    (tmp_path / "mine.aimodel").mkdir()
    (tmp_path / "mine.aimodel" / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"has no metadata\.json, so it is no \.aimodel"):
        converter.convert(model, x, tmp_path / "mine.aimodel", "fp32")
    assert (tmp_path / "mine.aimodel" / "diary.txt").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "least"), [("fp32", 130), ("fp16", 65), ("int8", 60)])
def test_a_shipped_model_passes_its_own_check(precision: str, least: float, tmp_path: Path) -> None:
    made = convert("sr_x2_y", "coreai", tmp_path / "sr.aimodel", precision, size=(48, 48))
    assert made.check.psnr_db is not None
    assert made.check.psnr_db >= least
    again = convert("sr_x2_y", "coreai", made.path, precision, size=(24, 24))
    assert open_artifact(again.path).input_shapes == {"input": (1, 1, 24, 24)}
    assert [entry.name for entry in tmp_path.iterdir()] == ["sr.aimodel"]


LAYERS = [group for group in GROUPS if group.__name__ != "written"]


@pytest.mark.slow
@pytest.mark.parametrize("group", LAYERS, ids=lambda group: group.__name__)
def test_no_layer_is_written_wrong(group: Callable[[], dict[str, Layer]], tmp_path: Path) -> None:
    torch.manual_seed(0)
    found = outcomes(group(), "coreai", tmp_path)
    assert {name: each.why for name, each in found.items() if each.kind != "right"} == {}


def test_the_target_is_found_by_its_name() -> None:
    assert isinstance(find_converter("coreai"), CoreAIConverter)
