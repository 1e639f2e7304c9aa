"""Models and converted files that tell classes apart, on pictures whose classes are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from edge_sdk.data.recognition.pictures import LabelledFile, labelled_files, read_labelled_file
from edge_sdk.data.recognition.regions import RegionRange
from edge_sdk.data.recognition.samples import resized
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ArtifactError, InputError, PictureError
from edge_sdk.evaluation.classes import Recognition, recognition
from edge_sdk.models.spec import RecognitionSpec
from edge_sdk.progress import Progress, silent


class Recognizer(Protocol):
    """Scores of classes for one picture, as its spec says it is prepared.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import ModelRecognizer, Recognizer
        >>> from edge_sdk.models import RecognitionNet, recognition_preset
        >>> def scores(recognizer: Recognizer) -> torch.Size:
        ...     return recognizer(torch.rand(1, 3, 32, 32)).shape
        >>> network = RecognitionNet(recognition_preset("tiny", ["disk", "square"])).eval()
        >>> scores(ModelRecognizer(network, network.spec, "ours"))
        torch.Size([1, 2])
    """

    name: str
    runtime: str
    precision: str | None
    spec: RecognitionSpec
    size: tuple[int, int]
    """Height and width of what it takes."""

    def __call__(self, x: Tensor) -> Tensor:
        """Float32 [1, C, H, W], normalized, to logits [1, K]."""
        ...


class ModelRecognizer:
    """A model in PyTorch, at the size of its preview.

    Args:
        network: in evaluation mode; float32 [1, C, H, W] to logits [1, K].
        spec: what it says of itself.
        name: what tables call it.
        precision: what it computes in.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import ModelRecognizer
        >>> from edge_sdk.models import RecognitionNet, recognition_preset
        >>> network = RecognitionNet(recognition_preset("tiny", ["disk", "square"])).eval()
        >>> ModelRecognizer(network, network.spec, "mine").size
        (32, 32)
    """

    runtime = "PyTorch"

    def __init__(
        self, network: nn.Module, spec: RecognitionSpec, name: str, precision: str = "fp32"
    ) -> None:
        self._network = network
        self.spec = spec
        self.name = name
        self.precision: str | None = precision
        self.size = (spec.preview_px, spec.preview_px)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Run the model."""
        scores: Tensor = self._network(x)
        return scores


class FileRecognizer:
    """A converted file in its runtime, at the size that it was made for.

    Args:
        path: the file.
        spec: of the model that it was made from.
        runtime: a name in :data:`~edge_sdk.emulate.runtimes.names.RUNTIMES`; ``None`` for the
            suffix's own.

    Raises:
        MissingExtraError: if the runtime is not installed.
        InputError: if the runtime is unknown or does not run such files.
        ArtifactError: if the file is damaged, or takes or gives something else than the spec says.

    Example:
        >>> from edge_sdk import convert
        >>> from edge_sdk.evaluation import FileRecognizer
        >>> from edge_sdk.models import RecognitionNet, recognition_preset
        >>> network = RecognitionNet(recognition_preset("tiny", ["disk", "square"])).eval()
        >>> made = convert(network, "executorch", "shapes.pte", size=(40, 48))
        >>> FileRecognizer(made.path, network.spec).size
        (40, 48)
    """

    def __init__(self, path: Path, spec: RecognitionSpec, runtime: str | None = None) -> None:
        self._runner = open_artifact(path, runtime)
        self.spec = spec
        self.name = path.name
        self.runtime = self._runner.info.runtime
        self.precision = self._runner.precision
        inputs, outputs = self._runner.input_shapes, self._runner.output_shapes
        (self._input, taken), (self._output, given) = (
            next(iter(ends.items())) for ends in (inputs, outputs)
        )
        alone = len(inputs) == len(outputs) == 1 and len(taken) == 4
        wanted = ((1, spec.input_channels), (1, len(spec.classes)))
        if not alone or (tuple(taken[:2]), tuple(given)) != wanted:
            raise ArtifactError(
                f"{path}: takes {_shape(taken)} and gives {_shape(given)}, which is not a picture "
                f"of {spec.input_channels} channels and scores of {len(spec.classes)} classes; "
                "name the model that it was made from"
            )
        self.size = (taken[2], taken[3])

    def __call__(self, x: Tensor) -> Tensor:
        """Run the file."""
        return torch.from_numpy(self._runner.run({self._input: x.numpy()})[self._output])


@dataclass(frozen=True)
class RecognitionRow:
    """One row of the table.

    Attributes:
        method: name of the model or file.
        runtime: what ran it.
        precision: what it computes in; ``None`` if unknown.
        result: top-1, recalls and what is taken for what.

    Example:
        >>> from edge_sdk.evaluation import Recognition, RecognitionRow
        >>> result = Recognition(("a", "b"), 1.0, 1.0, (1.0, 1.0), ((3, 0), (0, 4)), 0.1)
        >>> RecognitionRow("net", "PyTorch", "fp32", result).result.top1
        1.0
    """

    method: str
    runtime: str
    precision: str | None
    result: Recognition


@dataclass(frozen=True)
class RecognitionTable:
    """Every method on the same pictures.

    Attributes:
        folder: where they lie.
        rows: one a method, in their order.
        left_out: of every file that could not be read the reason, one line that names it.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.evaluation import RecognitionTable
        >>> RecognitionTable(Path("pets"), ()).left_out
        ()
    """

    folder: Path
    rows: tuple[RecognitionRow, ...]
    left_out: tuple[str, ...] = ()


def evaluate_recognition(
    methods: Sequence[Recognizer],
    folder: str | Path,
    table: str | Path | None = None,
    on_progress: Progress | None = None,
) -> RecognitionTable:
    """Score models and files on labelled pictures.

    Of each picture the largest square in its middle is resized to what a method takes, and put
    through its spec's normalization, as training validates. One that cannot be read is left out of
    all rows, and named.

    Args:
        methods: what to score, one or more, all of the same classes.
        folder: a folder for each class, searched recursively; with a table, the root of its paths.
        table: CSV of ``file,label``, with this header.
        on_progress: called after each picture.

    Raises:
        InputError: if there is no method, their classes differ, the folder or the table is missing,
            it holds one class alone, a class has no picture or is not known, or a file is listed
            that does not exist or is no picture.
        PictureError: if no picture of a class can be read.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.data.recognition.shapes import write_shapes
        >>> from edge_sdk.evaluation import ModelRecognizer, evaluate_recognition
        >>> from edge_sdk.models import RecognitionNet, recognition_preset
        >>> write_shapes(Path("shapes"), 2, 40, seed=0, noise_std=0.05)
        >>> classes = sorted(path.name for path in Path("shapes").iterdir())
        >>> network = RecognitionNet(recognition_preset("tiny", classes)).eval()
        >>> found = evaluate_recognition([ModelRecognizer(network, network.spec, "net")], "shapes")
        >>> sum(map(sum, found.rows[0].result.confusion)) == 2 * len(classes)
        True
    """
    if not methods:
        raise InputError("no model given; name one")
    classes = methods[0].spec.classes
    for method in methods:
        if method.spec.classes != classes:
            raise InputError(
                f"{method.name} tells apart {', '.join(method.spec.classes)}, and "
                f"{methods[0].name} {', '.join(classes)}; evaluate models of the same classes "
                "together"
            )
    folder = Path(folder)
    files = labelled_files(folder, classes, None if table is None else Path(table))
    report = on_progress or silent
    scores: list[list[Tensor]] = [[] for _ in methods]
    labels: list[int] = []
    left_out: dict[LabelledFile, str] = {}
    for done, file in enumerate(files, 1):
        try:
            results = _scored(file, methods)
        except PictureError as error:
            left_out[file] = str(error)
            results = []
        labels += [file.label] * bool(results)
        for column, result in zip(scores, results, strict=bool(results)):
            column.append(result)
        report(folder.name, done, len(files))
    for file, reason in left_out.items():
        if file.label not in labels:
            raise PictureError(f"class '{classes[file.label]}' has no readable picture: {reason}")
    truth = torch.tensor(labels)
    rows = tuple(
        RecognitionRow(
            method.name,
            method.runtime,
            method.precision,
            recognition(torch.cat(column), truth, classes),
        )
        for method, column in zip(methods, scores, strict=True)
    )
    return RecognitionTable(folder, rows, tuple(left_out.values()))


def _scored(file: LabelledFile, methods: Sequence[Recognizer]) -> list[Tensor]:
    """Scores of every method on one picture.

    Raises:
        PictureError: if it cannot be read, or is too small.
    """
    picture = read_labelled_file(file)
    regions = RegionRange()
    height, width = picture.pixels.shape[-2:]
    regions.check(height, width, picture.name)
    found = []
    for method in methods:
        # A file may be wider than high: the square is then resized to that, as a caller would.
        pixels = resized(picture, regions.whole(height, width), method.size)[None]
        normalization = method.spec.normalization
        found.append(method(pixels if normalization is None else normalization.applied(pixels)))
    return found


def _shape(sides: Sequence[int]) -> str:
    return "×".join(map(str, sides))
