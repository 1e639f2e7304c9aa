r"""Two installed versions of edge-sdk on the same inputs: are pictures, weights and files the same?

Each commit needs an environment of its own with all extras; a worktree holds the earlier one:

    git worktree add ../earlier COMMIT
    make -C ../earlier .venv/.all
    make .venv/.all
    .venv/bin/python benchmarks/two_commits.py --before ../earlier/.venv/bin/python \
        --after .venv/bin/python --work ../compared --table FILE.md

These environments are editable: a version is what its worktree holds while it runs, so leave both
alone until the end.

Both versions are driven through ``edge-sdk COMMAND --json`` alone, on one thread, with bursts that
the first one simulates from a photograph of scikit-image, and with recipes spelled as a version's
own shipped ones. Commands that need the same libraries (a batch of commits/cases.py) run one after
the other in one process, each in a folder of its own, the caches empty at the start.

``--work DIR`` keeps everything to look at: DIR/before/BATCH/CASE and DIR/after/BATCH/CASE hold
stdout.json, stderr.txt, status.txt and the files of a case, BATCH/log.txt what the process printed
beside. The next run with DIR repeats the second version alone. What the first one wrote is known
by its interpreter's path, the commands and the pictures, not by its code or the recipes: give
another folder when one of these changes.

What it does not tell: text for people is not compared, since every case asks for JSON; nor are
messages on stderr, but for those of refusals. Checkpoints to resume from are left out. A command or
an option that one version alone knows is a difference. Times are disturbed by other work on the
machine; ``--rounds 0`` leaves them out. ``--quick`` leaves out the conversion of all models but
sr_x2_y, the other runtimes and the stages.

The page goes to ``--table FILE`` or is printed, and progress to stderr; the status is 1 if anything
differs. Needs the extras coreml and examples where it runs, and Linux or macOS.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from commits.cases import batches
from commits.inputs import write_bursts, write_photographs
from commits.outputs import compare
from commits.times import timed
from commits.version import Version
from pages import head, page_parser, publish, row


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--before", type=Path, required=True, help="Python of the first version")
    parser.add_argument("--after", type=Path, required=True, help="Python of the second version")
    parser.add_argument("--work", type=Path, help="folder to keep the first version's results in")
    parser.add_argument("--quick", action="store_true", help="convert one model, and no stages")
    parser.add_argument("--rounds", type=int, default=5, help="of timing; 0 for none [5]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = (arguments.work or Path(scratch)).absolute()
        before = Version(arguments.before.absolute(), work / "before")
        after = Version(arguments.after.absolute(), work / "after")
        shutil.rmtree(after.folder, ignore_errors=True)
        rows = list(compared(before, after, work / "inputs", arguments.quick))
        costs = timed((before, after), work / "inputs" / "burst", arguments.rounds)
    differing = sum("**" in line for line in rows)
    lines = [PAGE.format(differing=differing, count=len(rows))]
    lines += [head("batch", "case", "compared by", "result"), *rows]
    if costs:
        lines.append(COSTS.format(rounds=arguments.rounds))
        lines += [head("process", "threads", "before", "after", "after / before"), *costs]
    publish("\n".join(lines), arguments.table)
    if differing:
        raise SystemExit(1)


def compared(before: Version, after: Version, inputs: Path, quick: bool) -> Iterator[str]:
    """Rows of the table."""
    stamp = write_photographs(inputs)
    for batch, cases in batches(quick).items():
        for version in (before, after):
            version.ensure(batch, cases, stamp)
        if batch == "simulate":
            stamp = write_bursts(before.folder / "simulate" / "plain" / "burst", inputs)
        for name in cases:
            how, result = compare(*(each.folder / batch / name for each in (before, after)))
            line = row(batch, name, how, result.replace("|", "/"))
            if "**" in line:
                print(line, file=sys.stderr, flush=True)
            yield line


PAGE = """# Two versions of edge-sdk on the same inputs

{differing} of {count} cases differ. Both versions ran through their command line on one thread, on
bursts that the first one simulated from a photograph of scikit-image, and on cuts of three others;
`python benchmarks/two_commits.py --before PYTHON --after PYTHON --table FILE` makes this page anew.

Files are compared byte for byte, also ExecuTorch's and TFLite's with their seals, but for what two
runs of one version write differently:

- JSON is compared without times and without the folder that a recipe lies in;
- the metadata of `.safetensors` files is compared key by key, since its order changes;
- Core ML's tools put a date into the program (`.mlmodel`), write its maps in any order, and draw
  the identifiers of `Manifest.json`: these are left out, and the maps sorted. Weights are compared
  byte for byte;
- checkpoints to resume from are left out: they hold Python objects.

`respelled` names JSON and metadata whose keys or words are the same but for British and American
spelling. A refusal is the same if both versions end with status 2 and the same message.
"""
COSTS = """
## Time

Medians of {rounds} rounds in which the versions took turns, each time in a fresh process: `zoom` of
two frames of 212×136 px, `import torch` by the same interpreter, and `--help`.
"""


if __name__ == "__main__":
    main()
