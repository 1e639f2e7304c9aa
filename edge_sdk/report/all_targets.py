"""The report of a model in all targets: what each file keeps, weighs and takes."""

from __future__ import annotations

import math

from markupsafe import Markup

from edge_sdk.deploy.all_targets import AllTargets, TargetFile
from edge_sdk.figures import in_bytes
from edge_sdk.html.markup import element
from edge_sdk.html.page import Section, page, paragraph, table
from edge_sdk.report.kinds import REPORTS, Report
from edge_sdk.report.parity import agreement_bar


def all_targets_report(found: AllTargets) -> str:
    """A model's files as one HTML page.

    Args:
        found: what ``edge-sdk convert --all`` made.

    Returns:
        The page as text; it loads nothing from elsewhere.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.deploy import AllTargets, TargetFile
        >>> from edge_sdk.report import all_targets_report, write_page
        >>> refused = TargetFile("coreml", "w8", None, "no counterpart of sort")
        >>> found = AllTargets("mine", Path("files"), (refused,))
        >>> write_page(all_targets_report(found), Path("index.html"))
    """
    lead = (
        f"{len(found.made)} files of {len(found.files)} targets and precisions; "
        f"{sum(not math.isnan(file.psnr_db) for file in found.made)} were run on this machine and "
        "compared with PyTorch before they were kept.",
    )
    sections = [Section("Files", (_files(found.made), _said()))] if found.made else []
    refused = [file for file in found.files if not file.is_made]
    if refused:
        rows = [(file.target, file.precision, file.why) for file in refused]
        sections.append(Section("Not made", (table(("target", "precision", "why"), rows),)))
    return page(f"{found.model} for every target", lead, sections)


def _files(files: tuple[TargetFile, ...]) -> Markup:
    columns = ("file", "against PyTorch", "size", "partitions", "left to the CPU", "ms here")
    rows = []
    for file in files:
        assert file.path is not None
        assert file.report is not None
        report = file.report
        left = ", ".join(dict.fromkeys(report.undelegated)) or "nothing"
        rows.append(
            (
                element("code", file.path.name),
                file.check
                if math.isnan(file.psnr_db)
                else agreement_bar(file.psnr_db, file.gate_db),
                in_bytes(report.size_bytes),
                "—" if report.partitions is None else str(report.partitions),
                "—" if report.partitions is None else left,
                "—" if math.isnan(file.median_s) else f"{1000 * file.median_s:.2f}",
            )
        )
    return table(columns, rows)


def _said() -> Markup:
    return paragraph(
        "Bars: PSNR of the worst output, 0 to 150 dB; the mark is the gate. Of int8 and w8 it is "
        "against PyTorch with the same codes: what the codes themselves cost is told by edge-sdk "
        "verify. Milliseconds are of one thread of this machine's processor, for "
        "comparing files, and no phone's.",
        soft=True,
    )


REPORTS.register("all-targets", Report(AllTargets, all_targets_report))
