"""The report of a fusion: what became one, what it saves, and the proof."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from torch import nn

from edge_sdk.figures import counted, in_bytes, power, ratio
from edge_sdk.html.charts import before_after, margin
from edge_sdk.html.markup import element, join
from edge_sdk.html.page import Section as Section
from edge_sdk.html.page import cards, measure, notes, paragraph, table
from edge_sdk.html.page import page as page
from edge_sdk.html.page import write_page as write_page
from edge_sdk.quantization import RangeReport
from edge_sdk.reparam import Certificate
from edge_sdk.reparam.proof.certificate import FLOAT32_TOLERANCE, FLOAT64_TOLERANCE
from edge_sdk.report.fusion.diagram import Picture, drawing, picture_of
from edge_sdk.report.fusion.ranges import range_section
from edge_sdk.report.fusion.strips import operator_strips
from edge_sdk.report.kinds import REPORTS, Report


@dataclass(frozen=True)
class FusionSummary:
    """What the report of a fusion shows.

    Attributes:
        model: name of the model.
        network: the model before fusing.
        shapes: shapes of the example inputs.
        certificate: outcome of the fusion.
        written: name and kind of the file that was written.
        rule: partial fusion: the rule as it was typed; ``None`` if everything was fused.
        ranges: range lint; ``None`` if there is none.
        ranges_source: what the lint was measured on, or why there is none.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import fuse
        >>> from edge_sdk.report import FusionSummary
        >>> model, shape = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), (1, 3, 16, 16)
        >>> fused, certificate = fuse(model, torch.rand(shape))
        >>> written = "stem.pt2"
        >>> summary = FusionSummary("stem", model, (shape,), certificate, written, None, None, "")
        >>> summary.model
        'stem'
    """

    model: str
    network: nn.Module
    shapes: tuple[tuple[int, ...], ...]
    certificate: Certificate
    written: str
    rule: str | None
    ranges: RangeReport | None
    ranges_source: str


def fusion_report(summary: FusionSummary) -> str:
    """The report as one HTML page.

    Args:
        summary: what was merged and written.

    Returns:
        The page as text; it loads nothing from elsewhere.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import fuse
        >>> from edge_sdk.report import FusionSummary, fusion_report, write_page
        >>> model, shape = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), (1, 3, 16, 16)
        >>> fused, certificate = fuse(model, torch.rand(shape))
        >>> written = "stem.pt2"
        >>> summary = FusionSummary("stem", model, (shape,), certificate, written, None, None, "")
        >>> write_page(fusion_report(summary), Path("fusion.html"))
    """
    certificate = summary.certificate
    saved = ratio(certificate.macs_before, certificate.macs_after)
    what = "Some branches of this network" if summary.rule else "The linear parts of this network"
    lead = (
        f"{what} were merged into single convolutions that compute the same: {saved} arithmetic, "
        f"{ratio(certificate.bytes_before, certificate.bytes_after)} memory traffic, and an error "
        f"of {power(certificate.error_float64)} of the output in float64.",
        _facts(summary),
    )
    sections = [
        Section("What it saves", _savings(certificate)),
        Section("One forward pass", operator_strips(certificate)),
        Section("Proof", _proof(certificate)),
        Section("What became one", _regions(summary)),
        Section("What was left unmerged", _refusals(summary)),
        range_section(summary.ranges, summary.ranges_source),
    ]
    return page(f"{summary.model}, fused", lead, sections)


def _facts(summary: FusionSummary) -> Markup:
    sizes = " and ".join("×".join(str(side) for side in shape) for shape in summary.shapes)
    rule = f" Rule: {summary.rule}." if summary.rule else ""
    return element("span", f"Input {sizes}.{rule} Written: {summary.written}.", class_="soft small")


def _savings(certificate: Certificate) -> tuple[Markup, ...]:
    measures = (
        ("Multiply–accumulates", certificate.macs_before, certificate.macs_after, counted),
        ("Parameters", certificate.parameters_before, certificate.parameters_after, counted),
        ("Bytes moved", certificate.bytes_before, certificate.bytes_after, in_bytes),
    )
    return (
        cards(
            [
                measure(
                    name,
                    ratio(before, after),
                    before_after(before, after, (form(before), form(after))),
                )
                for name, before, after, form in measures
            ]
        ),
        paragraph(
            "Multiply–accumulates are those of convolutions. Bytes moved: every operator reads "
            "its inputs and weights once and writes its output once, in float32; caches are left "
            "out of account.",
            soft=True,
        ),
    )


def _proof(certificate: Certificate) -> tuple[Markup, ...]:
    errors = (
        ("Largest error, float64", certificate.error_float64, FLOAT64_TOLERANCE),
        ("Largest error, float32", certificate.error_float32, FLOAT32_TOLERANCE),
    )
    names = ", ".join(certificate.probes_left_out)
    left_out = (
        f" Not on these, for which the original itself is not finite: {names}." if names else ""
    )
    limits = (
        ""
        if certificate.input_range is None
        else " The two are equal for inputs from {:g} to {:g} only.".format(
            *certificate.input_range
        )
    )
    return (
        cards(
            [
                measure(
                    name,
                    power(error),
                    margin(error, limit),
                    f"of the RMS output; {power(limit)} allowed",
                )
                for name, error, limit in errors
            ]
        ),
        paragraph(
            f"Both networks ran on these probes: {', '.join(certificate.probes)}.{left_out}"
            f"{limits} They are made to show wrong kernels, biases and borders; they prove nothing "
            "of other inputs, nor of what a converter or a phone does later.",
            soft=True,
        ),
    )


def _regions(summary: FusionSummary) -> tuple[Markup, ...]:
    regions = summary.certificate.regions
    if not regions:
        return (paragraph("Nothing: no two linear steps of this network are one kernel."),)
    alike: dict[Picture, list[str]] = {}
    for region in regions:
        alike.setdefault(picture_of(region, summary.network), []).append(region.name or "(model)")
    drawings = [
        join((drawing(picture), paragraph(element("code", _names(names)), soft=True)))
        for picture, names in alike.items()
    ]
    rows = [
        (
            element("code", region.name or "(model)"),
            element("code", ", ".join(region.members)) if region.members else "all branches",
            str(region.branches),
            "{}×{}".format(*region.kernel),
        )
        for region in regions
    ]
    columns = ("region", "made of", "branches or convolutions", "kernel")
    return (cards(drawings, "diagrams"), table(columns, rows))


def _names(names: list[str]) -> str:
    if len(names) <= 2:
        return ", ".join(names)
    return f"{names[0]} … {names[-1]} ({len(names)} alike)"


def _refusals(summary: FusionSummary) -> tuple[Markup, ...]:
    certificate = summary.certificate
    if not certificate.refusals and summary.rule is not None:
        return (paragraph("Branches that the rule did not choose; it left no block out."),)
    if not certificate.refusals:
        return (paragraph("Nothing that could have been merged."),)
    lines = [
        join((element("code", refusal.name), ": ", refusal.reason))
        for refusal in certificate.refusals
    ]
    return (notes(lines, warn=False),)


REPORTS.register("fusion", Report(FusionSummary, fusion_report))
