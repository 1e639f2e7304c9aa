"""Command ``inspect``: what a bundle holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_sdk.cli.shared.console import note, out, print_json, print_table
from edge_sdk.errors import InputError
from edge_sdk.outputs import is_same_file


def inspect(
    bundle: Annotated[Path, typer.Argument(help="Folder or .zip that `edge-sdk pack` wrote.")],
    key: Annotated[
        Path | None, typer.Option(help="Public key (PEM) that must have signed it.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write it as one HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Show what a bundle holds, after its sizes, digests and names are checked.

    Nothing of it is run; `edge-sdk verify` does that.

    Example: edge-sdk inspect zoom.zip --report zoom.html
    """
    from edge_sdk.bundle import open_bundle
    from edge_sdk.report import write_report

    if report is not None and is_same_file(report, bundle):
        raise InputError(f"{report}: is the bundle itself; give --report another name")
    opened = open_bundle(bundle, key)
    manifest = opened.manifest
    if report is not None:
        write_report("bundle", opened, report)
    digest = opened.sha256
    if as_json:
        signed = opened.signature is not None
        print_json({"manifest": manifest, "sha256": digest, "signed": signed, "key": key})
        return
    graphs = [
        (
            variant.name,
            graph.stage,
            "×".join(map(str, graph.input.shape)),
            "×".join(map(str, graph.output.shape)),
            graph.input.dtype,
            f"≥ {graph.gate_db}",
        )
        for variant in manifest.variants
        for graph in variant.graphs
    ]
    columns = ("variant", "stage", "input", "output", "type", "gate (dB)")
    print_table("Graphs", columns, graphs)
    sizes = [
        (entry.name, f"{entry.size / 1024:.1f}", entry.sha256[:12]) for entry in manifest.files
    ]
    print_table("Files", ("file", "KiB", "SHA-256"), sizes)
    needs = [
        f"{variant.name} needs {name} {least} at least"
        for variant in manifest.variants
        for name, least in variant.minimum.items()
    ]
    out.print(
        f"{manifest.name} ({manifest.task or 'no task'}) for {manifest.platform}, "
        f"{manifest.size / 1024:.0f} KiB, {manifest.license}"
    )
    for need in needs:
        out.print(need)
    out.print(f"manifest {digest}")
    if key is not None:
        out.print(f"signed by {key}")
    elif opened.signature is not None:
        note("it is signed, by whom is not known; give the public key that you trust by --key")
    else:
        note("it is not signed: digests say that it is whole, not whose it is")
    if report is not None:
        out.print(f"wrote {report}")
