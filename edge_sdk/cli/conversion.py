"""Commands for phones: ``convert`` and ``verify``."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.console import err, format_db, out, print_json, print_table
from edge_sdk.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor

    from edge_sdk.emulate.verify import Artifact, ParityRow
    from edge_sdk.models import EnhanceNet
    from edge_sdk.targets import LoweringReport

LARGEST_SIDE_PX = 8192


def convert(
    model: Annotated[
        str | None, typer.Argument(help="Shipped model, or a .safetensors file.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="executorch, coreml or tflite.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write [MODEL + suffix].")
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, or fp16 where the target has it.")] = "fp32",
    size: Annotated[str, typer.Option(help="Input HEIGHTxWIDTH, fixed in the file.")] = "128x128",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Turn a model into a file that a phone's runtime loads.

    A model with branches is fused first. Compare the file with the model by `edge-sdk verify`.

    Example: edge-sdk convert sr_x2_y --target tflite -o sr_x2_y.tflite
    """
    from edge_sdk.targets import converter_names, find_converter
    from edge_sdk.zoo import resolve_model
    from edge_sdk.zoo.networks import example_input, fused_network

    if model is None:
        raise InputError("no model given; name one: edge-sdk convert MODEL --target TARGET")
    if target is None:
        raise InputError(
            f"no target given; add --target with one of: {', '.join(converter_names())}"
        )
    converter = find_converter(target)
    height, width = parse_size(size)
    network = resolve_model(model)
    path = output or Path(Path(model).stem + converter.suffix)
    fused = fused_network(network)
    report = converter.convert(fused, example_input(fused, height, width), path, precision)
    if as_json:
        print_json({"output": path, **vars(report)})
        return
    _print_lowering(path, report)


def verify(
    model: Annotated[
        str | None, typer.Argument(help="Shipped model, or a .safetensors file.")
    ] = None,
    artifacts: Annotated[
        list[Path] | None,
        typer.Argument(help="Converted files; without any, every installed target is converted."),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="What the files were converted in: chooses the gate.")
    ] = "fp32",
    as_json: Annotated[bool, typer.Option("--json", help="Print the chain as JSON.")] = False,
) -> None:
    """Run converted files in their desktop runtimes and compare them with the PyTorch model.

    Prints PSNR in dB for each step (fused, then each file) and what agreement proves. Exits with
    status 1 if a step misses its gate.

    Example: edge-sdk verify sr_x2_y sr_x2_y.tflite
    """
    from edge_sdk.emulate.verify import Artifact, parity_chain
    from edge_sdk.zoo import resolve_model
    from edge_sdk.zoo.networks import fused_network

    if model is None:
        raise InputError("no model given; name one: edge-sdk verify MODEL FILE …")
    network = resolve_model(model)
    fused = fused_network(network)
    with tempfile.TemporaryDirectory() as folder:
        given = [Artifact(path, precision) for path in artifacts or []]
        chosen = given or _convert_all(fused, precision, Path(folder))
        shape = _common_shape(chosen)
        rows = parity_chain(network, fused, chosen, _probes(fused, shape))
    passed = all(row.passed for row in rows)
    if as_json:
        print_json({"passed": passed, "input_shape": shape, "rows": rows})
    else:
        _print_chain(rows, shape)
    if not passed:
        raise typer.Exit(1)


def parse_size(text: str) -> tuple[int, int]:
    """Read ``HEIGHTxWIDTH``.

    Raises:
        InputError: if it is something else, or not 1 to 8192 px on each side.
    """
    match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text.strip().lower())
    if not match:
        raise InputError(f"size '{text}' is not HEIGHTxWIDTH; write it like 128x128")
    height, width = int(match[1]), int(match[2])
    if not (1 <= height <= LARGEST_SIDE_PX and 1 <= width <= LARGEST_SIDE_PX):
        raise InputError(f"size '{text}' must be 1 to {LARGEST_SIDE_PX} px on each side")
    return height, width


def _convert_all(network: EnhanceNet, precision: str, folder: Path) -> list[Artifact]:
    from edge_sdk.emulate.verify import Artifact
    from edge_sdk.extras import install_command, is_installed
    from edge_sdk.targets import converter_names, find_converter, runs_here
    from edge_sdk.zoo.networks import example_input

    made = []
    for name in converter_names():
        converter = find_converter(name)
        if not is_installed(converter.extra):
            err.print(
                f"note: {name} is left out; install it with: {install_command(converter.extra)}"
            )
            continue
        if not runs_here(converter):
            err.print(f"note: {name} is left out; nothing on this machine runs its files")
            continue
        if precision not in converter.precisions:
            err.print(f"note: {name} is left out; it has no {precision}")
            continue
        path = folder / f"model{converter.suffix}"
        converter.convert(network, example_input(network, 64, 64), path, precision)
        made.append(Artifact(path, precision))
    if not made:
        raise MissingExtraError(
            f"no target is installed; install one with: {install_command('executorch')}"
        )
    return made


def _common_shape(artifacts: list[Artifact]) -> tuple[int, ...]:
    from edge_sdk.emulate.open import open_artifact

    shapes: dict[Path, tuple[int, ...]] = {}
    for artifact in artifacts:
        inputs = open_artifact(artifact.path).input_shapes
        shapes[artifact.path] = next(iter(inputs.values()))
    first = next(iter(shapes))
    for path, shape in shapes.items():
        if shape != shapes[first]:
            raise InputError(
                f"{path} takes {shape} and {first} takes {shapes[first]}; verify them one by one"
            )
    return shapes[first]


def _probes(network: EnhanceNet, shape: tuple[int, ...]) -> list[Tensor]:
    import torch

    if len(shape) != 4 or shape[1] != network.spec.colour.channels:
        raise InputError(
            f"the files take {shape}, the model {network.spec.colour.channels} channel(s); "
            "name the model they were made from"
        )
    height, width = shape[-2:]
    ramp = torch.linspace(0, 1, width).expand(height, width) * torch.linspace(0, 1, height)[:, None]
    edges = ((torch.arange(height)[:, None] // 5 + torch.arange(width) // 7) % 2).float()
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    return [noise, ramp.expand(shape).contiguous(), edges.expand(shape).contiguous()]


def _print_lowering(path: Path, report: LoweringReport) -> None:
    rows = sorted(report.operators.items(), key=lambda entry: -entry[1])
    print_table("Operators", ("operator", "count"), [(name, str(count)) for name, count in rows])
    if report.partitions is not None:
        left = ", ".join(report.undelegated) or "none"
        out.print(f"delegated partitions: {report.partitions} · left to the CPU: {left}")
    for note in report.rewrites:
        out.print(f"rewritten exactly: {note}")
    for tensor in (*report.inputs, *report.outputs):
        shape = "×".join(str(side) for side in tensor.shape)
        out.print(f"{tensor.name}: {shape} {tensor.layout} {tensor.dtype}")
    out.print(f"wrote {path} ({report.size_bytes / 1024:.0f} KiB, {report.precision})")


def _print_chain(rows: tuple[ParityRow, ...], shape: tuple[int, ...]) -> None:
    cells = []
    for row in rows:
        verdict = "passed" if row.passed else (row.missing or "MISSED")
        runtime = row.runner.runtime if row.runner else "PyTorch"
        cells.append(
            (
                row.stage,
                runtime,
                format_db(row.psnr_db),
                f"{row.max_abs_error:.1e}",
                f"≥ {row.gate_db:.0f}",
                verdict,
            )
        )
    columns = ("step", "runtime", "PSNR (dB)", "max error", "gate (dB)", "")
    print_table(f"Parity with the float32 model, input {'×'.join(map(str, shape))}", columns, cells)
    for row in rows:
        if row.runner:
            out.print(f"{row.runner.name}: agreement proves {row.runner.proves}", style="dim")
