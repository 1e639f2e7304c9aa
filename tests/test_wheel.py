"""What is installed is the whole package, and it runs where no checkout is seen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from edge_sdk.imaging import Picture, read_picture, write_picture

ROOT = Path(__file__).parent.parent
PACKAGES = {"edge_sdk": ROOT, "edge_sdk_converters": ROOT / "converters"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BUILD = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Output of a command that sees neither the checkout nor what points to it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    made = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, f"{command}\n{made.stdout}\n{made.stderr}"
    return made.stdout


def package_files() -> set[str]:
    """Every file of the packages in the checkout, as the wheel should hold it."""
    return {
        str(path.relative_to(root))
        for name, root in PACKAGES.items()
        for path in (root / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, made of a copy and unpacked."""
    folder = tmp_path_factory.mktemp("source")
    copy = folder / "copy"
    leave_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("edge_sdk", "converters"):
        shutil.copytree(ROOT / name, copy / name, ignore=leave_out)
    for name in ("pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]):
        shutil.copy(ROOT / name, copy)
    run([sys.executable, "-c", BUILD.format("sdist"), folder], copy)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of programs of an environment that holds the wheel and sees our dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-c", BUILD.format("wheel"), folder], source)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    run([sys.executable, "-m", "venv", "--without-pip", environment], folder)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], folder)
    site = environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    # A folder that a .pth names is searched, but .pth files in it, ours among them, are not read.
    (site / "site-packages" / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_python_versions_claimed_are_those_tested() -> None:
    prefix = "Programming Language :: Python :: 3."
    claimed = [int(c.removeprefix(prefix)) for c in PROJECT["classifiers"] if c.startswith(prefix)]
    assert claimed == [sys.version_info.minor]
    assert PROJECT["requires-python"] == f">=3.{claimed[0]},<3.{claimed[0] + 1}"


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages(installed: Path) -> None:
    (site,) = installed.parent.glob("lib/python*/site-packages")
    held = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    expected = package_files()
    assert any(name.endswith("py.typed") for name in expected)
    assert any(name.endswith(".pyi") for name in expected)
    assert any(name.endswith(".safetensors") for name in expected)
    assert sorted(expected - held) == []


@pytest.mark.slow
def test_the_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    where = "import edge_sdk, edge_sdk_converters; print(edge_sdk.__file__, edge_sdk.__version__)"
    file, version = run([installed / "python", "-c", where], tmp_path).split()
    assert installed.parent in Path(file).parents
    assert version == PROJECT["version"]


@pytest.mark.slow
def test_commands_run_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = installed / "edge-sdk"
    assert "zoom" in run([program, "--help"], tmp_path)
    listed = json.loads(run([program, "models", "--json"], tmp_path))
    assert "burst_zoom_x2" in {model["name"] for model in listed}
    scene = torch.rand(3, 12, 16, generator=torch.Generator().manual_seed(0))
    large = torch.nn.functional.interpolate(scene[None], size=(112, 144), mode="bicubic")[0]
    write_picture(Picture(large.clamp(0, 1)), tmp_path / "scene.png")
    run([program, "simulate", "scene.png", "-o", "burst", "--frames", "2"], tmp_path)
    frames = sorted((tmp_path / "burst" / "frames").iterdir())
    run([program, "zoom", *frames, "-o", "zoomed.png", "--report", "zoom.html"], tmp_path)
    zoomed, frame = read_picture(tmp_path / "zoomed.png"), read_picture(frames[0])
    assert (zoomed.width, zoomed.height) == (2 * frame.width, 2 * frame.height)
    assert (tmp_path / "zoom.html").stat().st_size > 10_000
