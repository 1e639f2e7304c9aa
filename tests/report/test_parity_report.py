"""The page of a parity chain: whole, escaped, with a map of errors and nothing from elsewhere."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import torch

from edge_sdk.deploy.parity import Parity, check_parity
from edge_sdk.extras import is_installed
from edge_sdk.html.pictures import heat
from edge_sdk.models import EnhanceNet, EnhanceNetConfig, save_checkpoint
from edge_sdk.quantization import quantize
from edge_sdk.report.parity import parity_report
from edge_sdk.zoo.loading import load_any
from tests.builders.smooth_pictures import smooth_pictures

pytestmark = pytest.mark.slow
COREAI = ("coreai.aimodel",) if is_installed("coreai") else ()
SNAPDRAGON = ("snapdragon.tflite",) if is_installed("qualcomm") else ()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Parity:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("parity")
    network = EnhanceNet(EnhanceNetConfig(widths=(4, 4), skips=(), branches=None)).eval()
    pictures = smooth_pictures(6, seed=1)
    scheme = quantize(network, pictures[0], pictures).scheme
    path = folder / "net.safetensors"
    save_checkpoint(network, path, scheme)
    return check_parity(load_any(str(path)), [], "int8", folder)


def tree(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.partition("\n")[2])


def test_the_chain_runs_in_every_format_that_is_here(found: Parity) -> None:
    assert [row.step for row in found.rows] == [
        "torch",
        "fused",
        "quantized",
        *COREAI,
        "coreml.mlpackage",
        "executorch.pte",
        *SNAPDRAGON,
        "tflite.tflite",
    ]
    assert found.passed
    assert [layer.name for layer in found.layers][:2] == ["x", "features.0"]
    assert any("executorch-vulkan" in note for note in found.notes)
    assert len(found.maps) == 3 + len(COREAI) + len(SNAPDRAGON)


def test_the_page_is_whole_and_loads_nothing(found: Parity) -> None:
    text = parity_report(found)
    root = tree(text)
    own = re.sub(r"base64,[^\"]*", "", text)
    assert not re.search(r"https?://|//[a-z]|@import|url\(", own)
    sources = [image.attrib["src"] for image in root.iter("img")]
    assert len(sources) == 4 + len(COREAI) + len(SNAPDRAGON)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "features.0" in text
    for row in found.rows:
        assert row.step in text


def test_names_are_escaped_and_failures_shown(found: Parity) -> None:
    missed = replace(found.rows[-1], psnr_db=12.0)
    absent = replace(
        found.rows[-2], psnr_db=math.nan, missing="tflite is not installed <b>", runner=None
    )
    text = parity_report(replace(found, model="<script>x", rows=(*found.rows[:3], missed, absent)))
    tree(text)
    assert "<script>" not in text
    assert "A step misses its gate" in text
    assert "not installed &lt;b&gt;" in text


def test_heat_is_black_at_zero_and_white_at_the_largest() -> None:
    error = torch.tensor([[[0.0, 0.5, 1.0]]])
    shown = heat(error, 1.0)
    assert torch.equal(shown[:, 0, 0], torch.zeros(3))
    assert torch.equal(shown[:, 0, 2], torch.ones(3))
    assert float(shown[0, 0, 1]) == 1.0
