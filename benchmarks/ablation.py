r"""What branches, presets, activations and skips bring, each at its best rate, and int8's cost.

    EDGE_SDK_DATA=DIR python benchmarks/ablation.py --table docs/measurements/ablation.md

DIR holds splits/cc0_train.txt, splits/cc0_val.txt and the photographs that they name; all runs are
trained and measured on these. Every finished run is written to ``--results``, and a run that was
stopped goes on from its last validation, so that the command can be given again until nothing is
left: all of it takes about five hours of one core. Several processes share the work with
``--parts``, ``--results`` and ``--scratch`` of their own; ``--page-only --results FILE FILE …``
makes one page of what all of them know.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ablations.page import page
from ablations.runs import Results, order
from ablations.variants import PARTS, variants
from pages import page_parser, publish
from photographs import data_folder


def main() -> None:
    parser = page_parser(__doc__, "Markdown file to write")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="tables to make")
    parser.add_argument(
        "--results",
        nargs="+",
        type=Path,
        default=[Path("docs/measurements/ablation.json")],
        help="files of finished runs, the first of which takes new ones "
        "[docs/measurements/ablation.json]",
    )
    parser.add_argument(
        "--scratch", type=Path, default=Path("runs/ablation"), help="folder of the run that goes on"
    )
    parser.add_argument("--page-only", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    listed = [each for each in variants() if each.part in arguments.parts]
    with tempfile.TemporaryDirectory() as photos:
        if not arguments.page_only:
            arguments.scratch.mkdir(parents=True, exist_ok=True)
            root = data_folder()
            for line in (root / "splits" / "cc0_train.txt").read_text().split():
                (Path(photos) / Path(line).name).symlink_to((root / line).resolve())
        scratch = None if arguments.page_only else arguments.scratch
        results = Results(arguments.results, scratch, Path(photos))
        for variant, steps, seeds in order(listed):
            results.at_best(variant, steps, seeds)
        command = "python benchmarks/ablation.py --table docs/measurements/ablation.md"
        publish(page(listed, results, command), arguments.table, always_print=True)


if __name__ == "__main__":
    main()
