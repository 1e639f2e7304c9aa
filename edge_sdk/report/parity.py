"""The report of a parity chain: what every step on the way to the phone keeps."""

from __future__ import annotations

import math

from markupsafe import Markup

from edge_sdk.deploy.layer_differences import LayerDifferences
from edge_sdk.deploy.parity import Parity
from edge_sdk.emulate.parity.gates import OWN_FUNCTION_DB
from edge_sdk.emulate.parity.rows import ParityRow
from edge_sdk.figures import counted, decibels, in_bytes, power, ratio
from edge_sdk.html.charts import level
from edge_sdk.html.markup import element
from edge_sdk.html.page import Section, cards, notes, page, paragraph, table
from edge_sdk.html.pictures import heat, picture
from edge_sdk.quantization.layer_report import LayerError
from edge_sdk.report.kinds import REPORTS, Report

TOP_DB = 150.0
"""Full length of a bar: where float32 itself ends."""
LAYER_TOP_DB = 60.0
LAYER_MARK_DB = 20.0
"""Below this an eighth of a layer's values is noise; an orientation, not a gate."""


def parity_report(found: Parity) -> str:
    """The chain as one HTML page.

    Args:
        found: what :func:`edge_sdk.verify` returned.

    Returns:
        The page as text; it loads nothing from elsewhere.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import Parity, fuse
        >>> from edge_sdk.emulate import Step, parity_chain
        >>> from edge_sdk.report import parity_report, write_page
        >>> model, picture = nn.Conv2d(3, 3, 3), torch.rand(1, 3, 16, 16)
        >>> fused, certificate = fuse(model, picture)
        >>> rows = parity_chain(model, [Step("fused", "fp32", fused)], [], picture)
        >>> found = Parity("conv", rows, (1, 3, 16, 16), "noise", certificate, (), (), ())
        >>> write_page(parity_report(found), Path("parity.html"))
    """
    passed = sum(row.passed for row in found.rows)
    verdict = "Every step passes its gate." if found.passed else "A step misses its gate."
    if found.gate is not None:
        verdict += f" The gate is {found.gate.name} of {found.gate.least:g} at least, not a PSNR."
    sizes = " and ".join("×".join(map(str, each)) for each in (found.shape, *found.further_shapes))
    lead = (
        f"{verdict} {passed} of {len(found.rows)} steps from the trained model to the files that "
        "phones load, each run on this machine and compared with the float32 model.",
        element("span", f"Input {sizes}. Measured on {found.source}.", class_="soft small"),
    )
    sections = [Section("The chain", _chain(found)), Section("What each file is", _files(found))]
    if found.layers:
        sections.append(Section("What int8 keeps of each layer", _layers(found.layers)))
    sections += [
        Section(f"Modules in {each.target}, {each.precision}", _modules(each))
        for each in found.modules
    ]
    if found.maps:
        sections.append(Section("Where the errors are", _maps(found)))
    sections.append(Section("What the model costs", _costs(found)))
    return page(f"{found.model}, from PyTorch to phones", lead, sections)


def _chain(found: Parity) -> tuple[Markup, ...]:
    formed = any(row.own_db is not None for row in found.rows)
    own = ("against its own float form",) if formed else ()
    columns = (
        "step",
        "against float32",
        "worst picture",
        "largest error",
        *own,
        "against int8 in torch",
    )
    rows = [
        (
            element("span", element("code", row.step), f" {row.precision}"),
            _bar(row),
            decibels(row.worst_db),
            power(row.max_abs_error) if row.max_abs_error else "0",
            *((_own_bar(row),) if formed else ()),
            decibels(row.truth_db),
        )
        for row in found.rows
    ]
    content = [
        table(columns, rows),
        paragraph(
            f"Bars: PSNR, 0 to {TOP_DB:.0f} dB; the mark is the gate of the precision.", soft=True
        ),
    ]
    if found.gate is not None:
        scores = [
            (element("code", row.step), "—" if row.score is None else f"{row.score:.4f}")
            for row in found.rows
        ]
        content.append(table(("step", found.gate.name), scores))
    if found.notes:
        content.append(notes(found.notes, warn=False))
    return tuple(content)


def _bar(row: ParityRow) -> Markup:
    if row.missing is not None:
        return element("span", row.missing, class_="warned")
    return agreement_bar(row.psnr_db, row.gate_db if row.own_db is None else OWN_FUNCTION_DB)


def _own_bar(row: ParityRow) -> Markup:
    if row.own_db is None:
        return element("span", "—")
    return agreement_bar(row.own_db, row.gate_db)


def agreement_bar(psnr_db: float, gate_db: float) -> Markup:
    """A PSNR as a bar up to :data:`TOP_DB`, which is full where nothing differs, and its gate."""
    shown = TOP_DB if psnr_db == math.inf else psnr_db
    return level(shown, decibels(psnr_db), top=TOP_DB, threshold=gate_db)


def _files(found: Parity) -> tuple[Markup, ...]:
    rows = []
    for row in found.rows:
        if row.runner is None:
            continue
        left = row.delegation
        delegated = "no delegate"
        if left is not None:
            others = ", ".join(left.undelegated) or "nothing left over"
            delegated = f"{left.delegate}, {left.partitions} partition(s), {others}"
        rows.append(
            (
                element("code", row.step),
                in_bytes(row.size_bytes or 0),
                row.runner.runtime,
                delegated,
                row.runner.proves,
            )
        )
    if not rows:
        return (paragraph("No file was compared."),)
    columns = ("file", "size", "runtime", "delegate", "agreement proves")
    return (table(columns, rows),)


def _layers(layers: tuple[LayerError, ...]) -> tuple[Markup, ...]:
    rows = [
        (
            element("code", layer.name),
            level(
                min(layer.sqnr_db, LAYER_TOP_DB),
                decibels(layer.sqnr_db),
                top=LAYER_TOP_DB,
                threshold=LAYER_MARK_DB,
            ),
            f"{layer.clipped:.2%}" if layer.codes else "—",
            f"{layer.codes.scale:.3g}, zero at {layer.codes.zero_point}"
            if layer.codes
            else "floating point",
        )
        for layer in layers
    ]
    return (
        table(("layer", "signal over error", "clipped", "step"), rows),
        paragraph(
            "Each value of the int8 model against the float model's, under the name of the module "
            "that makes it; what earlier layers lost is part of it. A layer may read low and cost "
            "little, where what follows weighs it low.",
            soft=True,
        ),
    )


def _modules(found: LayerDifferences) -> tuple[Markup, ...]:
    if found.why:
        return (paragraph(found.why),)
    rows = [
        (
            element("code", each.module),
            agreement_bar(each.psnr_db, 0.0),
            power(each.max_abs_error) if each.max_abs_error else "0",
        )
        for each in found.modules
    ]
    return (table(("module", "against PyTorch", "largest error"), rows),)


def _maps(found: Parity) -> tuple[Markup, ...]:
    largest = max(float(each.error.max()) for each in found.maps) or 1.0
    first = found.maps[0]
    shown = [picture(first.reference.clamp(0, 1), "the float32 model's output")]
    shown += [
        picture(heat(each.error, largest), f"{each.step}: |error|, white is {largest:.1e}")
        for each in found.maps
    ]
    return (cards(shown),)


def _costs(found: Parity) -> tuple[Markup, ...]:
    proof = found.certificate
    rows = [
        (name, form(before), form(after), ratio(before, after))
        for name, before, after, form in (
            ("multiply–accumulates", proof.macs_before, proof.macs_after, counted),
            ("parameters", proof.parameters_before, proof.parameters_after, counted),
            ("bytes moved in float32", proof.bytes_before, proof.bytes_after, in_bytes),
        )
    ]
    return (
        table(("", "as trained", "fused", ""), rows),
        paragraph(
            "For the certificate's example input. Fused and original differ by "
            f"{power(proof.error_float64)} of the output in float64.",
            soft=True,
        ),
    )


REPORTS.register("parity", Report(Parity, parity_report))
