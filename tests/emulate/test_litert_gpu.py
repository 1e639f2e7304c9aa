"""The GPU runner runs on the GPU or says that it does not."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_sdk.emulate.parity.agreement import psnr_db
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ArtifactError, MissingExtraError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import DepthwiseClassifier, EnhanceLike, UNet, picture, seeded
from tests.builders.quantized_files import int8_tflite
from tests.needs import needs

pytestmark = [needs("tflite"), pytest.mark.slow]


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    find_converter("tflite").convert(seeded(EnhanceLike), picture(1, 1, 16, 16), path, "fp32")
    return path


@pytest.mark.swiftshader
@pytest.mark.parametrize("build", [EnhanceLike, DepthwiseClassifier, UNet])
def test_shaders_agree_with_the_cpu(build: type, tmp_path: Path) -> None:
    channels = 1 if build is EnhanceLike else 3
    x = picture(1, channels, 32, 32)
    path = tmp_path / "net.tflite"
    find_converter("tflite").convert(seeded(build), x, path, "fp32")
    runner = open_artifact(path, "litert-gpu")
    assert "WebGPU" in runner.info.runtime
    results = [r.run({"input": x.numpy()})["output"] for r in (open_artifact(path), runner)]
    assert results[0].shape == results[1].shape
    # Shaders sum in another order than XNNPACK, so equality would mean that the CPU ran.
    assert 100 <= psnr_db(*results) < math.inf


@pytest.mark.swiftshader
def test_a_model_on_the_cpu_is_not_taken_for_one_on_the_gpu(artifact: Path) -> None:
    from ai_edge_litert import compiled_model

    from edge_sdk.emulate.runtimes.litert_gpu import check_on_gpu

    model = compiled_model.CompiledModel.from_file(str(artifact))
    assert model.is_fully_accelerated()
    with pytest.raises(ArtifactError, match="on the CPU"):
        check_on_gpu(artifact, model)


def test_without_a_driver_the_error_says_what_to_install(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VK_ICD_FILENAMES", str(tmp_path / "none.json"))
    with pytest.raises(MissingExtraError, match="apt-get install chromium") as caught:
        open_artifact(artifact, "litert-gpu")
    assert "\n" not in str(caught.value)


@pytest.mark.swiftshader
def test_a_driver_that_is_none_does_not_fall_back_to_the_cpu(
    artifact: Path, tmp_path: Path
) -> None:
    driver = tmp_path / "broken.json"
    driver.write_text('{"file_format_version": "1.0.0", "ICD": {"library_path": "/none.so"}}')
    # LiteRT keeps the first driver of a process, so that this needs a process of its own.
    program = (
        "import sys; from pathlib import Path\n"
        "from edge_sdk.emulate.runtimes.opening import open_artifact\n"
        "from edge_sdk.errors import ArtifactError\n"
        "try: open_artifact(Path(sys.argv[1]), 'litert-gpu')\n"
        "except ArtifactError as error: sys.exit('GPU accelerator' not in str(error))\n"
        "sys.exit('it ran')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(artifact)],
        env={**os.environ, "VK_ICD_FILENAMES": str(driver)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.swiftshader
def test_int8_ends_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "int8.tflite"
    int8_tflite(path, int8_ends=True)
    with pytest.raises(ArtifactError, match=r"int8\.tflite"):
        open_artifact(path, "litert-gpu")
