"""Command ``verify``: converted files against the PyTorch model, in dB."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.commands.convert import CALIBRATION_HELP, SOC_HELP
from edge_sdk.cli.commands.verify_bundle import verify_bundle_file
from edge_sdk.cli.shared.bundle_option import KEY_HELP, is_bundle
from edge_sdk.cli.shared.console import err, format_db, out, print_json, print_table
from edge_sdk.cli.shared.model_argument import (
    KEEP_HELP,
    MODEL_HELP,
    Inputs,
    Mean,
    ModelArguments,
    Std,
    Weights,
    load_named,
    note_merging,
    parse_inputs,
)
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.deploy.parity import Parity
    from edge_sdk.emulate.parity.rows import ParityRow
    from edge_sdk.emulate.parity.task_gates import TaskGate

WORST = 8
"""Modules that are shown of each file."""
PICTURES_HELP = (
    "Folder of pictures, or .npy, .npz or .safetensors of inputs, to compare on "
    "\\[photographs of scikit-image]."
)
CPU_HELP = (
    "Run LiteRT and ExecuTorch files on an emulated core too, and compare: arm64 (set up by python "
    "-m edge_sdk.emulate.arm64.setting_up)."
)


def verify(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    artifacts: Annotated[
        list[Path] | None,
        typer.Argument(help="Converted files; without any, every installed target is converted."),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", "-p", help="Precision to convert in, or that files must have."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="The one target to convert to \\[all installed]."),
    ] = None,
    soc: Annotated[str | None, typer.Option(help=SOC_HELP)] = None,
    cpu: Annotated[str | None, typer.Option(help=CPU_HELP)] = None,
    pictures: Annotated[Path | None, typer.Option(help=PICTURES_HELP)] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", "-c", help=CALIBRATION_HELP)
    ] = None,
    scheme: Annotated[
        Path | None,
        typer.Option(help="Int8 ranges that the files were made with, the .json of quantize."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the chain as one HTML page with an error map.")
    ] = None,
    inputs: Inputs = None,
    arguments: ModelArguments = None,
    weights: Weights = None,
    mean: Mean = None,
    std: Std = None,
    gate: Annotated[
        str | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="What every step must reach in place of its dB against float32: cosine=0.999, "
            "top1=0.99, or package.module:callable=NUMBER. Files in codes must agree with torch's "
            "all the same.",
        ),
    ] = None,
    keep_branches: Annotated[bool, typer.Option("--keep-branches", help=KEEP_HELP)] = False,
    layers: Annotated[
        bool,
        typer.Option(
            "--layers", help="Show the modules that each file's runtime is furthest off in."
        ),
    ] = False,
    key: Annotated[Path | None, typer.Option(help=KEY_HELP)] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Class of phones, or .yaml of one, that must have room for a bundle."),
    ] = None,
    device: Annotated[
        Path | None,
        typer.Option(help="What the self-test of a phone wrote of a bundle, device.json."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the chain as JSON.")] = False,
) -> None:
    """Run converted files in their desktop runtimes and compare them with the PyTorch model.

    Prints PSNR in dB for each step (torch, fused, quantized, then each file) and what agreement
    proves. What a file computes in is read from the file. Exits with status 1 if a step misses its
    gate (100 dB for fp32, 60 for fp16, 50 for w8 and int8, 40 for palette; the worst picture may
    lie 3 dB lower), or if an int8 or w8 file disagrees with torch's codes or stores others.

    Of a bundle every graph runs on its golden vector instead, in the runtimes that are here.

    Example: edge-sdk verify sr_x2_y sr_x2_y.tflite --report parity.html
    """
    from edge_sdk.deploy.verification import verify as run
    from edge_sdk.emulate.parity.task_gates import task_gate
    from edge_sdk.report import write_report

    if model is None:
        raise InputError("no model given; name one: edge-sdk verify MODEL FILE …")
    if is_bundle(model):
        given = {
            "precision": precision,
            "target": target,
            "soc": soc,
            "cpu": cpu,
            "pictures": pictures,
            "calibration": calibration,
            "scheme": scheme,
            "report": report,
            "input": inputs or None,
            "arg": arguments or None,
            "weights": weights,
            "mean": mean,
            "std": std,
            "gate": gate,
            "layers": layers or None,
            "keep-branches": keep_branches or None,
        }
        for name, value in given.items():
            if value is not None:
                raise InputError(f"--{name} is for a model and its files; leave it out of a bundle")
        verify_bundle_file(Path(model), artifacts, key, profile, device, as_json)
        return
    for name, value in (("key", key), ("profile", profile), ("device", device)):
        if value is not None:
            raise InputError(f"--{name} is for a bundle; name one instead of {model}")
    found = run(
        load_named(model, inputs, arguments, weights, mean, std),
        artifacts or (),
        precision,
        example=parse_inputs(inputs),
        pictures=pictures,
        calibration=calibration,
        scheme=scheme,
        keep_branches=keep_branches,
        gate=None if gate is None else task_gate(gate),
        layers=layers,
        target=target,
        soc=soc,
        cpu=cpu,
    )
    note_merging(model, keep_branches)
    if report is not None:
        write_report("parity", found, report)
    if as_json:
        print_json(
            {
                "passed": found.passed,
                "input_shape": found.shape,
                "further_shapes": found.further_shapes,
                "measured_on": found.source,
                "gate": None
                if found.gate is None
                else {"name": found.gate.name, "least": found.gate.least},
                "rows": found.rows,
                "layers": found.layers,
                "modules": found.modules,
                "cpus": found.cpus,
                "notes": found.notes,
                "macs": [found.certificate.macs_before, found.certificate.macs_after],
                "bytes_moved": [found.certificate.bytes_before, found.certificate.bytes_after],
            }
        )
    else:
        _print_chain(found)
        _print_modules(found)
        _print_cpus(found)
        if report is not None:
            out.print(f"wrote {report}")
    if not found.passed:
        if not as_json:
            _propose(found)
        raise typer.Exit(1)


def _print_chain(found: Parity) -> None:
    from edge_sdk.emulate.parity.gates import OWN_FUNCTION_DB
    from edge_sdk.figures import counted, in_bytes

    for note in found.notes:
        err.print(f"note: {note}")
    for row in found.rows:
        faults = row.faults if row.missing is None else (row.missing,)
        for fault in faults:
            err.print(f"{row.step}: {fault}")
    coded = any(row.truth_db is not None for row in found.rows)
    formed = any(row.own_db is not None for row in found.rows)
    own = ("own",) if formed else ()
    truth = ("codes",) if coded else ()
    task = () if found.gate is None else (found.gate.name,)
    columns = ("step", "in", "PSNR (dB)", "worst", *own, *truth, *task, "gate", "size", "")
    shapes = " and ".join("×".join(map(str, each)) for each in (found.shape, *found.further_shapes))
    title = f"Parity with the float32 model, input {shapes}"
    rows = [_row(row, formed, coded, found.gate) for row in found.rows]
    print_table(title, columns, rows, whole=(0, len(columns) - 1))
    if formed:
        out.print(
            "own: against the float form of the int8 weights, a function of its own (ReLUs "
            "for leaky ones), which the gate of int8 is about; against the float32 model it must "
            f"keep {OWN_FUNCTION_DB:.0f} dB",
            style="dim",
        )
    if coded:
        out.print("codes: against PyTorch with the same int8 codes", style="dim")
    proof = found.certificate
    out.print(
        f"{found.rows[1].step}: {counted(proof.macs_before)} → {counted(proof.macs_after)} MACs, "
        f"{in_bytes(proof.bytes_before)} → {in_bytes(proof.bytes_after)} moved in float32 "
        "(for the certificate's example)"
    )
    out.print(f"measured on {found.source}")
    for row in found.rows:
        if row.runner:
            left = row.delegation
            delegated = ""
            if left is not None:
                others = ", ".join(left.undelegated) or "nothing"
                delegated = f"; {left.delegate}: {left.partitions} partition(s), {others} left"
            out.print(
                f"{row.step}: {row.runner.runtime}; agreement proves {row.runner.proves}"
                f"{delegated}",
                style="dim",
            )


def _print_modules(found: Parity) -> None:
    for each in found.modules:
        title = f"{each.target} {each.precision}: the modules that it is furthest off in"
        if each.why:
            err.print(f"note: {each.target} {each.precision}: {each.why}")
            continue
        rows = [
            (one.module, format_db(one.psnr_db), f"{one.max_abs_error:.1e}")
            for one in each.worst(WORST)
        ]
        print_table(title, ("module", "PSNR (dB)", "largest error"), rows, whole=(0,))


def _print_cpus(found: Parity) -> None:
    if not found.cpus:
        return
    rows = []
    for each in found.cpus:
        if each.missing:
            err.print(f"{each.step}: {each.missing}")
        least = "every one" if math.isinf(each.gate_db) else f"≥ {each.gate_db:.0f} dB"
        figures = ("—", "—") if each.missing else (f"{each.equal:.2%}", format_db(each.psnr_db))
        verdict = "passed" if each.passed else "NOT RUN" if each.missing else "MISSED"
        rows.append((each.step, *figures, least, verdict))
    columns = ("file", "numbers equal", "PSNR (dB)", "gate", "")
    cpu = found.cpus[0].cpu
    print_table(f"On an emulated {cpu} core, against this processor", columns, rows, whole=(0, 4))
    for runner in dict.fromkeys(each.runner for each in found.cpus if each.runner):
        out.print(f"{runner.runtime}; agreement proves {runner.proves}", style="dim")


def _row(row: ParityRow, formed: bool, coded: bool, gate: TaskGate | None) -> tuple[str, ...]:
    verdict = "passed" if row.passed else "MISSED" if row.missing is None else "NOT RUN"
    own, truth = (
        "—" if value is None else format_db(value) for value in (row.own_db, row.truth_db)
    )
    return (
        row.step,
        row.precision,
        format_db(row.psnr_db),
        format_db(row.worst_db),
        *((own,) if formed else ()),
        *((truth,) if coded else ()),
        *(() if gate is None else ("—" if row.score is None else f"{row.score:.4f}",)),
        f"≥ {row.gate_db:.0f}" if gate is None else f"≥ {gate.least:g}",
        "—" if row.size_bytes is None else f"{row.size_bytes / 1024:.0f} KiB",
        verdict,
    )


def _propose(found: Parity) -> None:
    missed = [row for row in found.rows if not row.passed and row.precision.startswith("int8")]
    if missed and found.layers:
        worst = sorted(found.layers, key=lambda layer: layer.sqnr_db)[:3]
        names = ", ".join(f"{layer.name} ({layer.sqnr_db:.0f} dB)" for layer in worst)
        err.print(
            f"int8 keeps least of {names}; fine-tune or leave layers in float: edge-sdk quantize "
            f"{found.model} --calibration DIR --tune 2000 --budget-db {missed[0].gate_db:.0f}"
        )
