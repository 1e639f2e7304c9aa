"""The page of the ablation: a sweep of rates, then every row at its best."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from ablations.runs import Result, Results, Run
from ablations.variants import BRANCHES, PARTS, RATES, SHORT, Variant
from pages import head, row

INTRODUCTION = f"""# What the parts of a network bring

×2 luma, 16 channels, five layers and the last one, leaky ReLUs, a skip over the layers and one of
the image, 16 patches of 48×48 px in a step (CC0
photographs at half size), stable_adam with 100 steps of warm-up and a cosine to zero, convolutions
in bfloat16 but for the last tenth of the steps (in float32 throughout in the long runs from seeds 1
and 2; after {SHORT:,} steps a plain 3×3 has 33.46 dB in the one and 33.44 in the other), an average
of the weights with decay 0.99, everything else as a recipe has it by default. PSNR of four CC0
photographs of 1440 px that no step sees. Every row has the rate at which its run of {SHORT:,} steps
from seed 0 was best on these same photographs. Most are at an end of the four rates; beyond it a
plain 3×3 has 33.43 dB, two branches 32.77, and five at half of the least 33.33. BatchNorms gather
statistics, all branches running, in a quarter of the steps, and are then frozen. Int8 is by ranges
alone, of the longest run: what it loses against the truth on a quarter of the training photographs,
which the ranges were not chosen by. Numbers in brackets count runs, ± is the standard deviation
over their seeds. Row *leaky_relu* is row 2 once more on another processor: the same run differs by
0.03 dB at most. Seconds are of runs that one processor made.

The rows of branches and presets all deploy as the same network of plain 3×3 convolutions.
"""
READING = {
    BRANCHES: """
What branches bring at equal deployed cost: after 1,200 steps two of them are 0.06 dB ahead of a
plain 3×3, and so is a plain one that starts near the identity. After 20,000 steps nothing remains:
33.664, 33.670 and 33.671 dB for one, two and five, standard deviations of three seeds 0.004 to
0.010. What helps in short runs is the start rather than the branches: two that start each by itself
are where a plain 3×3 is, and a plain one near the identity is where two are (one run each). Row 3
has no step between two kernels: near the identity too, its branches only scale the gradients of a
plain convolution's taps, as RepOpt (Ding et al. 2023) does; that adds nothing to the start.
""",
    "Presets": """
At 5,000 steps presets are 0.01 to 0.05 dB ahead of a plain 3×3, but for ecb, which is 0.04 behind;
one run each, while seeds of other rows lie about 0.01 dB apart. What BatchNorms and fixed filters
bring beyond two plain branches is no more than that.
""",
}
TITLES = {
    BRANCHES: "Branches: N of them, without BatchNorm",
    "Presets": "Presets with BatchNorm or fixed filters",
    "Activations": "Activations",
    "Skips": "Skips",
}


def page(listed: Sequence[Variant], results: Results, command: str) -> str:
    """The whole page, of what is known."""
    known = [variant for variant in listed if results.knows(variant)]
    parts = [INTRODUCTION, *_sweep(known, results)]
    for part in PARTS:
        rows = [variant for variant in known if variant.part == part]
        if rows:
            parts += ["", f"## {TITLES[part]}", "", *_table(rows, results)]
            parts += READING.get(part, "").rstrip().splitlines()
    missing = [variant.name for variant in listed if variant not in known]
    if missing:
        parts += ["", f"Not measured yet: {', '.join(missing)}."]
    parts += ["", f"Written by `{command}` (with `EDGE_SDK_DATA`).", ""]
    return "\n".join(parts)


def _sweep(listed: Sequence[Variant], results: Results) -> Iterator[str]:
    yield f"## Rates: PSNR in dB after {SHORT:,} steps, seed 0"
    yield ""
    yield head("", *(f"{rate:g}" for rate in RATES))
    for variant in listed:
        found = [results.of(Run(variant, rate, SHORT, 0)) for rate in RATES]
        best = max(each.psnr_db or 0.0 for each in (*found, Result(0.0, None, None)) if each)
        cells = [_decibels(each, best) for each in found]
        yield row(variant.name, *cells)


def _decibels(result: Result | None, best: float) -> str:
    if result is None:
        return "not run"
    if result.psnr_db is None:
        return "diverged"
    text = f"{result.psnr_db:.2f}"
    return f"**{text}**" if result.psnr_db == best else text


def _table(rows: Sequence[Variant], results: Results) -> Iterator[str]:
    lengths = sorted({SHORT, *(variant.steps for variant in rows)})
    columns = [f"{steps:,} steps: dB" for steps in lengths]
    yield head("", "rate", *columns, "int8 costs, dB", "time of the longest, s")
    for variant in rows:
        rate = results.best_rate(variant)
        cells, last = [], []
        for steps in lengths:
            is_own = steps in (SHORT, variant.steps)
            found = results.at_best(variant, steps, variant.seeds) if is_own else []
            last = found or last
            cells.append(_mean(found) if is_own else "")
        costs = [each.int8_cost_db for each in last if each.int8_cost_db is not None]
        cost = f"{statistics.mean(costs):.2f}" if costs else ""
        times = [each.seconds for each in last if each.seconds is not None]
        seconds = f"{statistics.median(times):.0f}" if times else ""
        yield row(variant.name, "" if rate is None else f"{rate:g}", *cells, cost, seconds)


def _mean(found: Sequence[Result]) -> str:
    values = [each.psnr_db for each in found if each.psnr_db is not None]
    diverged = len(found) - len(values)
    if not values:
        return "diverged" if diverged else "not run"
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    beside = f", {diverged} diverged" if diverged else ""
    return f"{statistics.mean(values):.3f}{spread} ({len(values)}{beside})"
