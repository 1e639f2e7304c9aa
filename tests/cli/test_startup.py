"""What a command loads before it works: nothing that it can do without."""

from __future__ import annotations

import inspect
import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from edge_sdk.cli import commands
from edge_sdk.cli.app import COMMANDS
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = pytest.mark.slow

CALLS = """
import json, sys
from edge_sdk.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["edge-sdk", *arguments]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise
print(json.dumps(sorted(sys.modules)))
"""
COMPILERS = {"torch._dynamo", "torch._inductor", "torch.onnx", "sympy", "mpmath", "networkx"}
"""What torch loads when it compiles, or wraps a mode's ``__torch_dispatch__``: two seconds."""
OTHERS = {
    "ai_edge_litert",
    "coremltools",
    "cv2",
    "executorch",
    "jinja2",
    "lightning",
    "matplotlib",
    "pandas",
    "rawpy",
    "scipy",
    "skimage",
    "tensorflow",
    "torchao",
    "yaml",
}


def loaded_by(*calls: tuple[object, ...], folder: Path) -> set[str]:
    """Modules that are loaded after calls of the command line in a process of their own."""
    arguments = json.dumps([[str(argument) for argument in call] for call in calls])
    result = subprocess.run(
        [sys.executable, "-c", CALLS, arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_help_of_every_command_comes_without_torch(tmp_path: Path) -> None:
    helps = [(name, "--help") for name in COMMANDS]
    loaded = loaded_by(("--help",), ("--version",), (), *helps, folder=tmp_path)
    assert {f"edge_sdk.cli.commands.{name}" for name in COMMANDS} <= loaded
    assert not loaded & ({"torch", "numpy", "PIL"} | OTHERS)


def test_the_help_of_the_program_imports_no_command(tmp_path: Path) -> None:
    loaded = loaded_by(("--help",), ("--version",), folder=tmp_path)
    assert not [name for name in loaded if name.startswith("edge_sdk.cli.commands")]
    assert not loaded & {"torch", "numpy", "pydantic"}


@pytest.mark.parametrize("model", [(), ("--model", "sr_x2_y"), ("--model", "none")])
def test_a_zoom_loads_no_compiler_and_no_other_runtime(
    burst_folder: Path, tmp_path: Path, model: tuple[str, ...]
) -> None:
    frames = [burst_folder / "0.png", burst_folder / "1.png"]
    crop = ("--crop", "8,8,40,36", "-o", "zoomed.png")
    loaded = loaded_by(("zoom", *frames, *crop, *model), folder=tmp_path)
    assert (tmp_path / "zoomed.png").is_file()
    assert not loaded & (COMPILERS | OTHERS)


@needs("coreml")
def test_core_ml_files_load_nothing_that_coremltools_only_looks_for(tmp_path: Path) -> None:
    call = ("convert", "sr_x2_y", "--target", "coreml", "--input", "1x1x32x32")
    loaded = loaded_by((*call, "-o", "sr.mlpackage"), folder=tmp_path)
    assert (tmp_path / "sr.mlpackage").is_dir()
    assert "coremltools" in loaded
    assert not loaded & {"tensorflow", "sklearn"}


def test_merging_a_file_loads_no_compiler(tmp_path: Path) -> None:
    loaded = loaded_by(("models",), ("fuse", "sr_x2_y", "-o", "f.safetensors"), folder=tmp_path)
    assert (tmp_path / "f.safetensors").is_file()
    assert not loaded & {"torch._dynamo", "torch._inductor", "mpmath"}


def test_the_help_lists_every_command_by_the_first_line_of_its_own() -> None:
    names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    modules = {name: import_module(f"{commands.__name__}.{name}") for name in names}
    functions = {name: getattr(module, name, None) for name, module in modules.items()}
    found = {name: function for name, function in functions.items() if function is not None}
    assert set(COMMANDS) == set(found)
    for name, function in found.items():
        assert COMMANDS[name].summary == str(inspect.getdoc(function)).splitlines()[0]


def test_a_command_that_is_misspelled_is_answered_with_the_right_one(run: Run) -> None:
    assert "Did you mean 'zoom'?" in run("zoon").error_line
    assert "No such command 'pictures'" in run("pictures").error_line


def test_the_help_has_every_command_in_its_panel(run: Run) -> None:
    lines = run("--help").out.splitlines()
    panel, found = "", {}
    for line in lines:
        if line.startswith("╭─ "):
            panel = line.split()[1]
        elif line.startswith("│ ") and not line.startswith("│ -"):
            name, _, summary = line.strip("│ ").partition(" ")
            found[name] = (panel, summary.strip())
    assert found == {name: (each.panel, each.summary) for name, each in COMMANDS.items()}
