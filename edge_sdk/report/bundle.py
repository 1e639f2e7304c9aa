"""The report of a bundle: what it holds, and what binds it together."""

from __future__ import annotations

from edge_sdk.bundle.reading import Bundle
from edge_sdk.html.markup import element
from edge_sdk.html.page import Section, notes, page, paragraph, table
from edge_sdk.report.kinds import REPORTS, Report


def bundle_report(bundle: Bundle) -> str:
    """A bundle as one HTML page.

    Args:
        bundle: as :func:`edge_sdk.bundle.open_bundle` gives it.

    Returns:
        The page as text; it loads nothing from elsewhere.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.bundle import PackOptions, Wanted, open_bundle, pack
        >>> from edge_sdk.report import bundle_report, write_page
        >>> from edge_sdk.zoo import load_any
        >>> options = PackOptions((Wanted("tflite", "fp32"),), "web")
        >>> packed = pack(load_any("sr_x2_y").resized(48, 48), "sr.zip", options)
        >>> write_page(bundle_report(open_bundle("sr.zip")), Path("sr.html"))
    """
    manifest = bundle.manifest
    signed = (
        "It is signed; whose key it was is told by checking it."
        if bundle.signature is not None
        else "It is not signed: digests say that it is whole, not whose it is."
    )
    lead = (
        f"{manifest.name}, {manifest.task or 'no task'}, for {manifest.platform}: "
        f"{manifest.size / 1024:.0f} KiB in {len(manifest.files)} files, {manifest.license}.",
        signed,
        element("span", "Manifest ", element("code", bundle.sha256), class_="soft small"),
    )
    return page(
        f"Bundle {manifest.name}", lead, [_graphs(bundle), _vectors(bundle), _files(bundle)]
    )


def _graphs(bundle: Bundle) -> Section:
    rows = [
        (
            variant.name,
            graph.stage,
            element("code", graph.file),
            f"{'×'.join(map(str, graph.input.shape))} {graph.input.layout} {graph.input.dtype}",
            f"{'×'.join(map(str, graph.output.shape))} {graph.output.layout} {graph.output.dtype}",
        )
        for variant in bundle.manifest.variants
        for graph in variant.graphs
    ]
    content = [table(("variant", "stage", "file", "input", "output"), rows)]
    needs = [
        f"{variant.name} needs {name} {least} or newer."
        for variant in bundle.manifest.variants
        for name, least in variant.minimum.items()
    ]
    if needs:
        content.append(notes(needs, warn=False))
    return Section("Graphs", tuple(content))


def _vectors(bundle: Bundle) -> Section:
    gates = {
        graph.golden: graph.gate_db
        for variant in bundle.manifest.variants
        for graph in variant.graphs
    }
    rows = [
        (
            key,
            "×".join(map(str, vector.input)),
            "×".join(map(str, vector.output)),
            str(len(vector.values)),
            f"≥ {gates.get(key, 0)} dB",
        )
        for key, vector in sorted(bundle.golden.items())
    ]
    said = paragraph(
        "A device draws the input by integers, runs the graph and compares its output at these "
        "places: signal over noise must reach the gate."
    )
    return Section(
        "Golden vectors", (said, table(("vector", "input", "output", "places", "gate"), rows))
    )


def _files(bundle: Bundle) -> Section:
    rows = [
        (element("code", entry.name), f"{entry.size / 1024:.1f} KiB", element("code", entry.sha256))
        for entry in bundle.manifest.files
    ]
    return Section("Files", (table(("file", "size", "SHA-256"), rows),))


REPORTS.register("bundle", Report(Bundle, bundle_report))
