"""Qualcomm's compiler for the HTP, as LiteRT's plugin drives it, where pip put both.

Nothing of them is copied: the plugin's own tool runs in a process of its own and is told where its
libraries lie.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from edge_sdk.artifacts.dispatch import is_compiled
from edge_sdk.devices.snapdragon import Snapdragon
from edge_sdk.errors import ConversionError
from edge_sdk.extras import require
from edge_sdk_converters.snapdragon.stub import empty_library

EXTRA = "qualcomm"
LEVELS = (2, 3)
"""Levels of its optimizer: what it makes at 1 holds its emulator up for minutes."""
LONGEST_S = 600.0
"""Longest time that compiling a file may take."""


def compile_for(chip: Snapdragon, model: Path, optimization: int) -> bytes:
    """Compile a ``.tflite`` file for a chip.

    Args:
        chip: the Snapdragon whose HTP it is to run on.
        model: the file, in int8 or float32.
        optimization: level of the compiler's optimizer, one of ``LEVELS``.

    Returns:
        A ``.tflite`` file in which operators DISPATCH_OP stand for what the HTP takes.

    Raises:
        MissingExtraError: if Qualcomm's libraries are not installed.
        ConversionError: if the compiler fails, or takes nothing.
    """
    qnn, litert = require(EXTRA), require(EXTRA, "ai_edge_litert")
    site, libraries = Path(str(litert.__file__)).parent, Path(qnn.LIB_DIR_FULL_PATH)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "libQnnLpai.so").write_bytes(empty_library("libQnnLpai.so"))
        # The plugin asks for it by the name that it has in Qualcomm's own SDK.
        (folder / "libQnnHtpPrepare.so").symlink_to(libraries / "libHtpPrepare.so")
        written = folder / "compiled.tflite"
        paths = (libraries, folder, Path(f"{libraries}.libs"), site)
        command = [
            str(site / "tools" / "apply_plugin_main"),
            "--cmd=apply",
            f"--model={model}",
            f"--o={written}",
            "--soc_manufacturer=Qualcomm",
            f"--soc_model={chip.name}",
            f"--libs={site / 'vendors' / 'qualcomm' / 'compiler'}",
            f"--qualcomm_optimization_level=O{optimization}",
        ]
        log = _run(command, {"LD_LIBRARY_PATH": ":".join(map(str, paths))})
        content = written.read_bytes() if written.exists() else b""
    if not is_compiled(content):
        raise ConversionError(
            f"Qualcomm's compiler for {chip.name} failed ({_cause(log)}); convert the model by "
            "--target tflite, and leave that chip to its GPU or CPU"
        )
    return content


def _run(command: list[str], variables: dict[str, str]) -> str:
    """Run the tool; what it printed. Whether it worked is told by the file: some ends are noisy."""
    try:
        result = subprocess.run(  # noqa: S603 - the tool of an installed package
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConversionError(
            f"Qualcomm's compiler took more than {LONGEST_S:.0f} s; convert for a smaller --size"
        ) from error
    except OSError as error:
        raise ConversionError(
            f"LiteRT's tool {command[0]} cannot be run ({error.strerror}); install ai-edge-litert "
            "2.3.0 again"
        ) from error
    if result.returncode < 0:
        return f"its process ended by signal {-result.returncode}"
    return (result.stdout + result.stderr).decode("utf-8", "replace")


def _cause(log: str) -> str:
    """What tells most of a log: operators without a counterpart, else the first error."""
    lacking = dict.fromkeys(re.findall(r"LiteRT Op #\d+ '(\w+)' .*is not supported", log))
    if lacking:
        return f"the HTP has no {', '.join(lacking)}"
    # An error may begin with the place in the vendor's source, and go on in the next line.
    lines = [line.strip() for line in re.sub(r"\]\s*\n", "] ", log).splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"ERROR|[Ff]ailed|cannot|signal", line)]
    return (errors or lines or ["it says nothing"])[0][:200]
