"""Commands for phones: ``convert`` and ``verify``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.console import err, format_db, out, print_json, print_table
from edge_sdk.cli.naming import INPUT_HELP, MODEL_HELP, default_stem, load_named, parse_size
from edge_sdk.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edge_sdk.emulate.verify import Artifact, ParityRow
    from edge_sdk.targets import LoweringReport
    from edge_sdk.zoo.loading import LoadedModel

DEFAULT_SIZE = (128, 128)
VERIFY_SIZE = (64, 64)


def convert(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="executorch, coreml or tflite.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write (default: MODEL + suffix).")
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, or fp16 where the target has it.")] = "fp32",
    size: Annotated[
        str | None,
        typer.Option(
            help="Input HEIGHTxWIDTH, fixed in the file (default: 128x128, or the own example)."
        ),
    ] = None,
    input_shape: Annotated[str | None, typer.Option("--input", help=INPUT_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Turn a model into a file that a phone's runtime loads.

    A model with branches is fused first. Compare the file with the model by `edge-sdk verify`.

    Example: edge-sdk convert sr_x2_y --target tflite -o sr_x2_y.tflite
    """
    from edge_sdk.reparam import fuse
    from edge_sdk.targets import converter_names, find_converter

    if model is None:
        raise InputError("no model given; name one: edge-sdk convert MODEL --target TARGET")
    if target is None:
        raise InputError(
            f"no target given; add --target with one of: {', '.join(converter_names())}"
        )
    converter = find_converter(target)
    if size is not None and input_shape is not None:
        raise InputError("--size and --input both give the input's size; give one of them")
    sides = None if size is None else parse_size(size)
    loaded = load_named(model, input_shape)
    path = output or Path(default_stem(model) + converter.suffix)
    fused, _ = fuse(loaded.network, loaded.example)
    if sides is None and loaded.spec is not None and input_shape is None:
        sides = DEFAULT_SIZE
    example = (loaded if sides is None else loaded.resized(*sides)).single_example
    report = converter.convert(fused, example, path, precision)
    if as_json:
        print_json({"output": path, **vars(report)})
        return
    _print_lowering(path, report)


def verify(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    artifacts: Annotated[
        list[Path] | None,
        typer.Argument(help="Converted files; without any, every installed target is converted."),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="What the files were converted in: chooses the gate.")
    ] = "fp32",
    input_shape: Annotated[str | None, typer.Option("--input", help=INPUT_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the chain as JSON.")] = False,
) -> None:
    """Run converted files in their desktop runtimes and compare them with the PyTorch model.

    Prints PSNR in dB for each step (fused, then each file) and what agreement proves. Exits with
    status 1 if a step misses its gate.

    Example: edge-sdk verify sr_x2_y sr_x2_y.tflite
    """
    from edge_sdk.emulate.verify import Artifact, parity_chain
    from edge_sdk.reparam import fuse

    if model is None:
        raise InputError("no model given; name one: edge-sdk verify MODEL FILE …")
    loaded = load_named(model, input_shape)
    fused, _ = fuse(loaded.network, loaded.example)
    with tempfile.TemporaryDirectory() as folder:
        given = [Artifact(path, precision) for path in artifacts or []]
        chosen = given or _convert_all(loaded, fused, precision, Path(folder))
        shape = _common_shape(chosen)
        rows = parity_chain(loaded.network, fused, chosen, _probes(loaded, shape))
    passed = all(row.passed for row in rows)
    if as_json:
        print_json({"passed": passed, "input_shape": shape, "rows": rows})
    else:
        _print_chain(rows, shape)
    if not passed:
        raise typer.Exit(1)


def _convert_all(
    loaded: LoadedModel, fused: nn.Module, precision: str, folder: Path
) -> list[Artifact]:
    from edge_sdk.emulate.verify import Artifact
    from edge_sdk.extras import install_command, is_installed
    from edge_sdk.targets import converter_names, find_converter

    sized = loaded if loaded.spec is None else loaded.resized(*VERIFY_SIZE)
    made = []
    for name in converter_names():
        converter = find_converter(name)
        if not is_installed(converter.extra):
            err.print(
                f"note: {name} is left out; install it with: {install_command(converter.extra)}"
            )
            continue
        if precision not in converter.precisions:
            err.print(f"note: {name} is left out; it has no {precision}")
            continue
        path = folder / f"model{converter.suffix}"
        converter.convert(fused, sized.single_example, path, precision)
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


def _probes(loaded: LoadedModel, shape: tuple[int, ...]) -> list[Tensor]:
    import torch

    own = tuple(loaded.single_example.shape)
    if len(shape) != 4 or len(own) != 4 or shape[1] != own[1]:
        raise InputError(
            f"the files take {shape}, the model {own}; name the model they were made from"
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
