"""What ``evaluate`` does with models that tell classes apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.cli.shared.console import note, out, print_json, print_table, progress_bars
from edge_sdk.cli.shared.runtime_option import file_runtimes
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.evaluation import RecognitionRow, RecognitionTable, Recognizer
    from edge_sdk.models.spec import RecognitionSpec

_MOST_NAMED = 8
"""Unreadable files that are named one by one; ``--json`` lists all."""
_MOST_CLASSES = 12
"""Classes up to which what is taken for what is shown; ``--json`` has it for any number."""


def evaluate_classes(
    subjects: list[str],
    model: str | None,
    requested: tuple[str, ...] | None,
    keep_branches: bool,
    data: list[Path],
    labels: Path | None,
    as_json: bool,
) -> None:
    """Score models and files, and print tables or JSON.

    Raises:
        EdgeSdkError: as :func:`edge_sdk.evaluation.evaluate_recognition`, and if there is not one
            folder, or branches are to be kept.
    """
    from edge_sdk.evaluation import evaluate_recognition

    if len(data) > 1:
        raise InputError("models that tell classes apart are scored on one folder; give one --data")
    if keep_branches:
        raise InputError("networks that tell classes apart have no branches to keep; leave it out")
    recognizers = _recognizers(subjects, model, requested)
    with progress_bars() as progress:
        found = evaluate_recognition(recognizers, data[0], labels, progress)
    if as_json:
        print_json({"folder": found.folder, "rows": found.rows, "left_out": found.left_out})
    else:
        _print(found)


def _recognizers(
    subjects: list[str], model: str | None, requested: tuple[str, ...] | None
) -> list[Recognizer]:
    from edge_sdk.emulate.runtimes.names import artifact_suffixes
    from edge_sdk.evaluation import FileRecognizer, ModelRecognizer
    from edge_sdk.models.spec import RecognitionSpec
    from edge_sdk.zoo.catalogue import load_model
    from edge_sdk.zoo.networks import model_spec

    def spec_of(name: str) -> RecognitionSpec:
        spec = model_spec(name)
        assert isinstance(spec, RecognitionSpec)
        return spec

    found: list[Recognizer] = []
    spec = None if model is None else spec_of(model)
    for subject in subjects:
        path = Path(subject)
        if path.suffix not in artifact_suffixes():
            # As it was trained: its BatchNorms are merged where it is converted.
            network, spec = load_model(subject).eval(), spec_of(subject)
            found.append(ModelRecognizer(network, spec, path.stem))
        elif spec is None:
            raise InputError(
                f"{path}: a file does not say its classes; name the model that it was made from by "
                "--model, or before the file"
            )
        else:
            found += [FileRecognizer(path, spec, name) for name in file_runtimes(path, requested)]
    return found


def _print(found: RecognitionTable) -> None:
    rows = [
        (
            row.method,
            row.runtime,
            row.precision or "—",
            f"{row.result.top1:.1%}",
            f"{row.result.balanced_recall:.1%}",
        )
        for row in found.rows
    ]
    count = sum(map(sum, found.rows[0].result.confusion))
    columns = ("method", "runtime", "precision", "top-1", "balanced recall")
    print_table(f"{found.folder.name}: {count} pictures", columns, rows)
    for row in found.rows:
        _print_classes(row)
    for reason in found.left_out[:_MOST_NAMED]:
        note(f"left out: {reason}")
    if len(found.left_out) > _MOST_NAMED:
        note(f"{len(found.left_out) - _MOST_NAMED} more cannot be read (--json lists all)")


def _print_classes(row: RecognitionRow) -> None:
    result = row.result
    shown = result.classes if len(result.classes) <= _MOST_CLASSES else ()
    cells = []
    for name, recall, counts in zip(result.classes, result.recalls, result.confusion, strict=True):
        assert recall is not None  # Folders and tables without pictures of a class are refused.
        cells.append((name, str(sum(counts)), f"{recall:.1%}", *map(str, counts[: len(shown)])))
    columns = ("class", "pictures", "recall", *(f"as {name}" for name in shown))
    print_table(f"{row.method}, {row.runtime}", columns, cells)
    if not shown:
        out.print(f"what {len(result.classes)} classes are taken for: --json", style="dim")
