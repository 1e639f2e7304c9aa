"""Command ``fuse``: merge a model wholly or in part, prove it, write it and report it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.commands.lint import PICTURES_HELP
from edge_sdk.cli.shared.console import err, out, print_json, print_table
from edge_sdk.cli.shared.model_argument import (
    MODEL_HELP,
    Inputs,
    ModelArguments,
    Weights,
    load_named,
)
from edge_sdk.errors import FusionError, InputError, OutputError
from edge_sdk.outputs import after_writing

if TYPE_CHECKING:
    from torch import nn

    from edge_sdk.deploy.lint import Lint
    from edge_sdk.reparam import Certificate, FusionPlan
    from edge_sdk.zoo.loading import LoadedModel

SELECT_HELP = "Merge some branches of each block only, by a rule; see above."
GROUP_HELP = "Which of them merge with which; see above (default: together)."
SUFFIXES = (".safetensors", ".pt2")


@dataclass(frozen=True)
class WrittenModel:
    """The file of a fused model.

    Attributes:
        path: where it is.
        kind: what it is, for people.
    """

    path: Path
    kind: str


def fuse(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .safetensors for a model that has such a form, .pt2 for any "
            "(default: fused.safetensors or fused.pt2).",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Page to write, .html: what merged, savings, proof, ranges.")
    ] = None,
    select: Annotated[str | None, typer.Option(help=SELECT_HELP)] = None,
    group: Annotated[str | None, typer.Option(help=GROUP_HELP)] = None,
    seed: Annotated[int, typer.Option(help="Seed of random choices and of the probes.")] = 0,
    bit_weight: Annotated[
        float | None,
        typer.Option(help="For cost: doublings of MACs that a bit of int8 is worth (default: 1)."),
    ] = None,
    fold_skips: Annotated[
        bool,
        typer.Option("--fold-skips", help="Also fold a skip from input to output, for [0, 1]."),
    ] = False,
    pictures: Annotated[Path | None, typer.Option(help=PICTURES_HELP)] = None,
    inputs: Inputs = None,
    arguments: ModelArguments = None,
    weights: Weights = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the certificate as JSON.")] = False,
) -> None:
    """Merge every linear part of a model into one convolution and prove that nothing changed.

    Original and fused model are compared on impulses, borders, constants and noise in float64 and
    float32; a model that differs is not written. Before that, layers whose ranges int8 would
    suffer from are named, with the branch that inflates them.

    \b
    Rules of --select, for every block:
      all              every branch
      random:M         M branches, drawn anew in each block
      kernel:K         branches with a K×K kernel (kernel:1x3: 1 high, 3 wide)
      count:J          branches of J kernels in sequence
      RULE+RULE        branches that pass all of these rules; binds closer than
      RULE,RULE        branches that any of these rules picks
    Rules that say how many branches merge in each block, which are then drawn:
      uniform:M        M everywhere
      proportional:F   F times the block's position, 1 for the first module
      inverse:F        F divided by the position
      per-size:K       as many as have a K×K kernel
      per-count:J      as many as have J kernels
    And one that looks at the weights:
      cost             the best trade of MACs for precision in int8
    Groupings of --group:
      together, every:J, equal-sizes (of kernels), by-type (convs and identities)

    Every chosen branch becomes one convolution, and those of a group one together; a branch alone
    too. The first and the last convolution of a network are no modules: whatever the rule, they
    become plain.

    Example: edge-sdk fuse sr_x2_y -o sr_x2_y.safetensors --report report.html

    Example: edge-sdk fuse mine.safetensors --select kernel:3 -o partly.safetensors
    """  # noqa: D301
    if model is None:
        raise InputError("no model given; name one: edge-sdk fuse MODEL -o FILE")
    plan = _plan(select, group, seed, bit_weight, fold_skips)
    _check_outputs(output, report)
    loaded = load_named(model, inputs, arguments, weights)
    _check_kind(loaded.network, output)
    lint, source = _lint(loaded, pictures)
    fused, certificate = _fuse(loaded, plan, seed, fold_skips)
    written = _write(fused, loaded, output)
    if report is not None:
        with after_writing(written.path):
            _write_report(report, loaded, certificate, written, select, lint, source)
    if as_json:
        print_json(
            {
                "output": written.path,
                "kind": written.kind,
                "report": report,
                "warnings": lint.ranges.warnings if lint else [],
                "ranges_measured_on": source,
                "certificate": certificate,
            }
        )
        return
    _print_lint(lint, source)
    _print_certificate(certificate, loaded)
    out.print(f"wrote {written.path}: {written.kind}")
    if report is not None:
        out.print(f"wrote {report}: the report")


def _plan(
    select: str | None, group: str | None, seed: int, bit_weight: float | None, fold_skips: bool
) -> FusionPlan | None:
    from edge_sdk.reparam.plans.text import parse_plan

    if not 0 <= seed < 2**63:
        raise InputError(f"seed must be 0 or more, not {seed}")
    if select is not None:
        if fold_skips:
            raise InputError("--fold-skips needs the whole model merged; leave it or --select out")
        return parse_plan(select, group or "together", seed, bit_weight)
    for name, value in (("--group", group), ("--bit-weight", bit_weight)):
        if value is not None:
            raise InputError(f"{name} says how chosen branches merge; choose some by --select")
    return None


def _check_outputs(output: Path | None, report: Path | None) -> None:
    from edge_sdk.outputs import check_writable

    if output is not None and output.suffix not in SUFFIXES:
        raise OutputError(f"{output}: models are written as .safetensors or .pt2; end the name so")
    if report is not None and report.suffix not in (".html", ".htm"):
        raise OutputError(f"{report}: reports are written as .html; end the name so")
    for path in (output or Path("fused.safetensors"), report):
        if path is not None:
            check_writable(path)


def _check_kind(network: nn.Module, output: Path | None) -> None:
    from edge_sdk.models import Network

    if output is not None and output.suffix == ".safetensors":
        if isinstance(network, Network):
            return
        raise OutputError(
            f"{output}: this model becomes a {type(network).__name__} or a graph, which "
            f".safetensors files cannot describe; write {output.stem}.pt2"
        )


def _lint(loaded: LoadedModel, pictures: Path | None) -> tuple[Lint | None, str]:
    from edge_sdk.deploy.lint import lint_loaded

    try:
        lint = lint_loaded(loaded, pictures)
    except (InputError, FusionError) as error:
        # Fusing does not need the ranges; pictures that were requested must be measured.
        if pictures is not None:
            raise
        return None, str(error)
    return lint, lint.source


def _fuse(
    loaded: LoadedModel, plan: FusionPlan | None, seed: int, fold_skips: bool
) -> tuple[nn.Module, Certificate]:
    from edge_sdk.reparam import fuse as fuse_model
    from edge_sdk.reparam import fuse_partially

    if plan is not None:
        return fuse_partially(loaded.network, plan, loaded.single_example, seed)
    return fuse_model(loaded.network, loaded.example, seed, fold_skips=fold_skips)


def _write(fused: nn.Module, loaded: LoadedModel, output: Path | None) -> WrittenModel:
    from edge_sdk.models import Network, save_checkpoint
    from edge_sdk.models.exported_program import save_program

    described = isinstance(fused, Network)
    path = output or Path("fused.safetensors" if described else "fused.pt2")
    if path.suffix == ".safetensors":
        if not isinstance(fused, Network):
            raise OutputError(
                f"{path}: the fused model is no {type(loaded.network).__name__} any more, which "
                f".safetensors files describe; write {path.stem}.pt2"
            )
        save_checkpoint(fused, path)
        partly = ", partly merged" if fused.has_branches else ""
        return WrittenModel(path, f"{type(fused).__name__}{partly}, with its description")
    program = save_program(fused, loaded.example, path)
    sizes = " and ".join(
        "×".join(
            str(side) if side is not None else "NCHW"[place] for place, side in enumerate(shape)
        )
        for shape in program.inputs
    )
    return WrittenModel(path, f"program of torch.export for inputs {sizes}")


def _write_report(
    path: Path,
    loaded: LoadedModel,
    certificate: Certificate,
    written: WrittenModel,
    select: str | None,
    lint: Lint | None,
    source: str,
) -> None:
    from edge_sdk.report import FusionSummary, write_report

    summary = FusionSummary(
        model=loaded.name,
        network=loaded.network,
        shapes=tuple(tuple(value.shape) for value in loaded.example),
        certificate=certificate,
        written=f"{written.path.name}, {written.kind}",
        rule=select,
        ranges=lint.ranges if lint else None,
        ranges_source=source,
    )
    write_report("fusion", summary, path)


def _print_lint(lint: Lint | None, source: str) -> None:
    if lint is None:
        err.print(f"note: ranges are not measured: {source}")
        return
    for warning in lint.ranges.warnings:
        err.print(f"warning: {warning}")
    err.print(f"note: ranges were measured on {source}")


def _print_certificate(certificate: Certificate, loaded: LoadedModel) -> None:
    from edge_sdk.figures import in_bytes

    rows = [
        (
            region.name or "(model)",
            ", ".join(member.rpartition(".")[2] for member in region.members) or "all branches",
            str(region.branches),
            f"{region.kernel[0]}×{region.kernel[1]}",
        )
        for region in certificate.regions
    ]
    print_table("Merged", ("region", "made of", "branches", "kernel"), rows)
    for refusal in certificate.refusals:
        out.print(f"left unmerged: {refusal.name}: {refusal.reason}")
    sizes = " and ".join("×".join(map(str, value.shape)) for value in loaded.example)
    out.print(
        f"parameters {certificate.parameters_before:,} → {certificate.parameters_after:,} · "
        f"MACs {certificate.macs_before:,} → {certificate.macs_after:,} · bytes moved "
        f"{in_bytes(certificate.bytes_before)} → {in_bytes(certificate.bytes_after)} "
        f"({sizes} input)"
    )
    out.print(
        f"largest error {certificate.error_float64:.1e} (float64), {certificate.error_float32:.1e} "
        f"(float32) of the RMS output, over {len(certificate.probes)} probes"
    )
    if certificate.probes_left_out:
        names = ", ".join(certificate.probes_left_out)
        out.print(f"not compared, since the model itself is not finite there: {names}")
    if certificate.input_range is not None:
        out.print("equal for inputs from {:g} to {:g} only".format(*certificate.input_range))
