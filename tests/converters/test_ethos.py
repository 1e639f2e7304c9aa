"""Target ethos-u85: our codes, all on the NPU, checked by Arm's reference model of TOSA."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.deploy.preparation import prepare
from edge_sdk.errors import InputError, MissingExtraError
from edge_sdk.extras import is_installed
from edge_sdk.zoo.loading import load_any
from edge_sdk_converters.executorch.ethos import EthosU85Converter


@pytest.mark.skipif(is_installed("ethos"), reason="Arm's packages are installed")
def test_what_is_missing_is_named(tmp_path: Path) -> None:
    model, example = nn.ReLU(), torch.rand(1, 1, 8, 8)
    with pytest.raises(MissingExtraError, match="make env-arm") as caught:
        EthosU85Converter().convert(model, example, tmp_path / "x.pte", "int8")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.ethos
@pytest.mark.slow
@pytest.mark.parametrize("name", ["sr_x2_y", "sr_x4_y"])
def test_a_shipped_network_is_all_on_the_npu_by_our_codes(name: str, tmp_path: Path) -> None:
    loaded = load_any(name).resized(48, 48)
    example = loaded.single_example
    prepared = prepare(loaded, example, "int8")
    report = EthosU85Converter().convert(prepared.model, example, tmp_path / "sr.pte", "int8")
    assert report.partitions == 1
    # Floats become codes before the NPU, and codes floats behind it.
    assert report.undelegated == ("quantize_per_tensor", "dequantize_per_tensor")
    told = " ".join(report.remarks)
    share = re.search(r"([\d.]+)% of the outputs' codes", told)
    assert share is not None
    assert float(share[1]) >= (99.9 if name == "sr_x2_y" else 99)
    assert "million cycles" in told
    assert "size guide" in told


@pytest.mark.ethos
@pytest.mark.slow
def test_floats_and_ranges_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        EthosU85Converter().convert(nn.ReLU(), torch.rand(1, 1, 8, 8), tmp_path / "x.pte", "fp32")
