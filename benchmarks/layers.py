"""Every layer of the tests' list in every target: how near its file is to PyTorch, or why none is.

    python benchmarks/layers.py --table docs/measurements/layers.md

The layers are those of ``tests/builders/layers``. Files run in ExecuTorch, LiteRT and the
interpreter of Core ML programs, on two seeded inputs. Exits with 1 where a file is wrong.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pages import head, page_parser, publish, row

if TYPE_CHECKING:
    from tests.builders.layers.outcomes import Outcome

TARGETS = {"executorch": "ExecuTorch", "coreml": "Core ML", "tflite": "TFLite"}
INTRODUCTION = """# Layers and targets

Small layers, each converted in fp32, run on this machine and compared with PyTorch: PSNR in dB,
with the layer's largest value as peak; ∞ where every value is equal. A refusal is one line at
conversion, and no file. Core ML programs run in edge-sdk's interpreter, which proves the graph and
not Apple's kernels. Written by
`python benchmarks/layers.py --table docs/measurements/layers.md`."""


def main() -> int:
    parser = page_parser(__doc__ or "")
    parser.add_argument("--group", action="append", help="group to measure; again for more")
    options = parser.parse_args()
    # The list is the tests' own.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.builders.layers import GROUPS

    warnings.simplefilter("ignore")
    found: dict[str, dict[str, dict[str, Outcome]]] = {}
    for group in GROUPS:
        name = group.__name__
        if options.group is None or name in options.group:
            found[name] = {target: _outcomes(group, target) for target in TARGETS}
            print(f"{name}: {_summary(found[name])}", file=sys.stderr, flush=True)
    publish(_page(found), options.table)
    return int(any(each.kind == "wrong" for each in _every(found)))


def _outcomes(group: object, target: str) -> dict[str, Outcome]:
    from tests.builders.layers.outcomes import outcomes

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        return outcomes(group(), target, Path(folder))  # type: ignore[operator]


def _every(found: dict[str, dict[str, dict[str, Outcome]]]) -> list[Outcome]:
    return [each for group in found.values() for named in group.values() for each in named.values()]


def _summary(group: dict[str, dict[str, Outcome]]) -> str:
    return ", ".join(
        f"{target} {sum(each.kind == 'right' for each in named.values())} of {len(named)}"
        for target, named in group.items()
    )


def _page(found: dict[str, dict[str, dict[str, Outcome]]]) -> str:
    totals = []
    for target, title in TARGETS.items():
        every = [each for group in found.values() for each in group[target].values()]
        counts = [
            sum(each.kind == kind for each in every) for kind in ("right", "refused", "wrong")
        ]
        totals.append(row(title, *map(str, counts)))
    parts = [INTRODUCTION, "\n".join([head("target", "right", "refused", "wrong"), *totals])]
    for name, group in found.items():
        rows = [
            row(f"`{layer}`", *(_cell(group[target][layer]) for target in TARGETS))
            for layer in group["executorch"]
        ]
        parts.append(f"## {name.capitalize()}")
        parts.append("\n".join([head("layer", *TARGETS.values()), *rows]))
    reasons = _reasons(found)
    if reasons:
        parts += ["## Refusals", "\n".join(reasons)]
    return "\n\n".join(parts)


def _cell(outcome: Outcome) -> str:
    if outcome.kind != "right":
        return outcome.kind
    return "∞" if outcome.db == float("inf") else f"{outcome.db:.0f}"


def _reasons(found: dict[str, dict[str, dict[str, Outcome]]]) -> list[str]:
    return [
        f"- {title}, `{layer}`: {_one_line(each.why)}"
        for group in found.values()
        for target, title in TARGETS.items()
        for layer, each in group[target].items()
        if each.kind != "right"
    ]


def _one_line(why: str) -> str:
    """The reason without the layer's path, which the list gave it, and without what to install."""
    text = why.partition("): ")[2] if why.startswith("layers.") else why
    return text.partition(", or install")[0].replace("|", "\\|").replace("_", "\\_")


if __name__ == "__main__":
    sys.exit(main())
