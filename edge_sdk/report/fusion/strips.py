"""A forward pass as a strip of operators, each as long as the bytes that it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from edge_sdk.figures import counted, in_bytes
from edge_sdk.html.charts import legend, strip
from edge_sdk.html.markup import element
from edge_sdk.html.page import paragraph, table
from edge_sdk.reparam import Certificate, OperatorCost

_KINDS = (
    ("convolution", "convolution", ("conv",)),
    ("norm", "normalization", ("norm",)),
    (
        "activation",
        "activation",
        ("relu", "gelu", "silu", "sigmoid", "tanh", "swish", "clamp", "softmax", "elu"),
    ),
    ("sum", "sum, product, join", ("add", "sub", "mul", "div", "cat", "sum", "stack")),
    ("border", "padding", ("pad",)),
    ("resize", "pooling, resizing", ("pool", "upsample", "shuffle", "mean", "interpolate")),
    ("other", "other", ("",)),
)
"""Class of the color, name, and parts of operators' names, the first that fits."""


def operator_strips(certificate: Certificate) -> tuple[Markup, ...]:
    """The pass before and after fusing on one scale, with a table of what ran how often."""
    before, after = certificate.operators_before, certificate.operators_after
    total = max(certificate.bytes_before, certificate.bytes_after)
    seen = {_kind(cost.name) for cost in (*before, *after)}
    return (
        _strip("before", before, total),
        _strip("after", after, total),
        legend([(f"k-{kind}", name) for kind, name, _ in _KINDS if kind in seen]),
        paragraph(
            "Each piece is an operator, in the order of running, as long as its bytes.",
            soft=True,
        ),
        _counts(before, after),
    )


def _strip(when: str, costs: Sequence[OperatorCost], total: int) -> Markup:
    moved = sum(cost.bytes_moved for cost in costs)
    caption = f"{when}: {len(costs)} operators, {in_bytes(moved)}"
    segments = [
        (
            cost.bytes_moved,
            f"k-{_kind(cost.name)}",
            f"{_plain(cost.name)}: {in_bytes(cost.bytes_moved)}, {counted(cost.macs)} MACs",
        )
        for cost in costs
    ]
    return element(
        "div",
        element("p", caption, class_="small"),
        strip(segments, total, caption),
        class_="strip",
    )


def _counts(before: Sequence[OperatorCost], after: Sequence[OperatorCost]) -> Markup:
    sums: list[Counter[str]] = []
    counts: list[Counter[str]] = []
    for costs in (before, after):
        counts.append(Counter(_plain(cost.name) for cost in costs))
        moved: Counter[str] = Counter()
        for cost in costs:
            moved[_plain(cost.name)] += cost.bytes_moved
        sums.append(moved)
    names = sorted({*sums[0], *sums[1]}, key=lambda name: -sums[0][name])
    rows = [
        (
            element("code", name),
            f"{counts[0][name]} → {counts[1][name]}",
            f"{in_bytes(sums[0][name])} → {in_bytes(sums[1][name])}",
        )
        for name in names
    ]
    return table(("operator", "runs", "bytes moved"), rows)


def _kind(name: str) -> str:
    return next(kind for kind, _, parts in _KINDS if any(part in name for part in parts))


def _plain(name: str) -> str:
    return name.strip("_").removesuffix("_kernel")
