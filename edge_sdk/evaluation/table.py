"""The table: every method on every picture of every folder, and means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from edge_sdk.data.samples.patches import list_pictures
from edge_sdk.emulate.whole_pictures import ArtifactMethod as ArtifactMethod
from edge_sdk.emulate.whole_pictures import Method as Method
from edge_sdk.emulate.whole_pictures import ModelMethod as ModelMethod
from edge_sdk.emulate.whole_pictures import check_task
from edge_sdk.errors import InputError, PictureError
from edge_sdk.evaluation.protocol import Degradation, Example, Score, bicubic, degraded, score
from edge_sdk.models.spec import Color
from edge_sdk.progress import Progress, silent


@dataclass(frozen=True)
class PictureScore:
    """Score of one method on one picture, named by its file.

    Attributes:
        picture: name of its file.
        psnr_db: PSNR in dB, infinite for equal pictures.
        ssim: structural similarity, at most 1.

    Example:
        >>> from edge_sdk.evaluation import PictureScore
        >>> PictureScore("baby.png", psnr_db=38.6, ssim=0.963).picture
        'baby.png'
    """

    picture: str
    psnr_db: float
    ssim: float


@dataclass(frozen=True)
class FolderScore:
    """Score of one method on a folder.

    Attributes:
        folder: the folder.
        pictures: scores by picture, sorted by path.
        left_out: pictures that no method was scored on, since one takes no picture so small.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.evaluation import FolderScore, PictureScore
        >>> pictures = (PictureScore("a.png", 30.0, 0.9), PictureScore("b.png", 34.0, 0.95))
        >>> FolderScore(Path("set5"), pictures).psnr_db
        32.0
    """

    folder: Path
    pictures: tuple[PictureScore, ...]
    left_out: tuple[str, ...] = ()

    @property
    def psnr_db(self) -> float:
        """Mean over the pictures of their PSNR, in dB."""
        return sum(picture.psnr_db for picture in self.pictures) / len(self.pictures)

    @property
    def ssim(self) -> float:
        """Mean over the pictures of their SSIM."""
        return sum(picture.ssim for picture in self.pictures) / len(self.pictures)


@dataclass(frozen=True)
class MethodScores:
    """One row of the table.

    Attributes:
        method: name of the method.
        runtime: what ran it; empty for the baseline.
        precision: what it computes in; ``None`` if unknown.
        folders: scores by folder, in the order given.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.evaluation import FolderScore, MethodScores, PictureScore
        >>> folder = FolderScore(Path("set5"), (PictureScore("a.png", 30.0, 0.9),))
        >>> row = MethodScores("sr_x2_y", "PyTorch", "fp32", (folder,))
        >>> [each.psnr_db for each in row.folders]
        [30.0]
    """

    method: str
    runtime: str
    precision: str | None
    folders: tuple[FolderScore, ...]


class _TooSmallError(PictureError):
    """A picture that is smaller than the window of a file."""


def evaluate(
    methods: Sequence[Method],
    folders: Sequence[Path],
    degradation: Degradation,
    on_progress: Progress | None = None,
) -> tuple[MethodScores, ...]:
    """Score methods on folders of pictures, the baseline first.

    The baseline is bicubic interpolation of luma, or for denoising the noisy picture itself. A
    picture that is smaller than a file's window is left out of all rows, so that they stay means
    over the same pictures.

    Args:
        methods: what to score, all of the degradation's scale; may be none.
        folders: folders of pictures, searched recursively.
        degradation: what the pictures suffer.
        on_progress: called after each picture, with the folder's name as label.

    Returns:
        The baseline, then a row per method in order.

    Raises:
        InputError: if a folder is missing or empty, or the methods do not fit each other or the
            degradation.
        PictureError: if a picture cannot be read or is too small to be scored, or all of a folder
            are smaller than a file's window.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, load_model, resize_bicubic, write_picture
        >>> from edge_sdk.evaluation import Degradation, ModelMethod, evaluate
        >>> photo = resize_bicubic(torch.rand(3, 8, 12), 6).clamp(0, 1)
        >>> Path("photos").mkdir()
        >>> written = write_picture(Picture(photo), "photos/photo.png")
        >>> network = load_model("sr_x2_y")
        >>> method = ModelMethod(network, network.spec, "sr_x2_y")
        >>> rows = evaluate([method], [Path("photos")], Degradation(scale=2))
        >>> [row.method for row in rows]
        ['bicubic', 'sr_x2_y']
        >>> rows[1].folders[0].psnr_db > rows[0].folders[0].psnr_db
        True
    """
    report = on_progress or silent
    _check(methods, folders, degradation)
    pictures = [(folder, list_pictures(folder)) for folder in folders]
    scores: list[list[FolderScore]] = [[] for _ in range(len(methods) + 1)]
    for folder, paths in pictures:
        columns: list[list[PictureScore]] = [[] for _ in scores]
        left_out: list[tuple[str, _TooSmallError]] = []
        for index, path in enumerate(paths):
            try:
                results = _picture(path, index, methods, degradation)
            except _TooSmallError as error:
                left_out.append((path.name, error))
                results = []
            for column, result in zip(columns, results, strict=bool(results)):
                column.append(PictureScore(path.name, result.psnr_db, result.ssim))
            report(folder.name, index + 1, len(paths))
        if len(left_out) == len(paths):
            raise left_out[0][1]
        for row, column in zip(scores, columns, strict=True):
            row.append(FolderScore(folder, tuple(column), tuple(name for name, _ in left_out)))
    heads = [
        (_baseline(degradation), "", None),
        *((m.name, m.runtime, m.precision) for m in methods),
    ]
    return tuple(MethodScores(*head, tuple(row)) for head, row in zip(heads, scores, strict=True))


def _baseline(degradation: Degradation) -> str:
    if degradation.recipe is not None:
        return f"degraded, {degradation.recipe}"
    return "bicubic" if degradation.scale > 1 else f"noisy, σ = {degradation.sigma:g}/255"


def _check(methods: Sequence[Method], folders: Sequence[Path], degradation: Degradation) -> None:
    if not folders:
        raise InputError("no folder of pictures given; name one")
    for method in methods:
        check_task(method.name, method.spec)
        if method.spec.scale != degradation.scale:
            raise InputError(
                f"{method.name} enlarges ×{method.spec.scale}, the table is for "
                f"×{degradation.scale}; evaluate models of one scale together"
            )
    if degradation.scale > 1 and degradation.sigma:
        raise InputError("noise is for denoising models (×1); leave sigma out for super-resolution")
    if degradation.scale == 1:
        if not degradation.sigma and degradation.recipe is None:
            raise InputError(
                "denoising needs noise to remove and restoration something to restore; give "
                "sigma, such as 15, or a recipe of degradation, such as document"
            )
        colors = {method.spec.color for method in methods}
        if len(colors) > 1:
            raise InputError(
                "noise on luma and noise on red, green, blue are not alike; evaluate models of one "
                "color together"
            )


def _picture(
    path: Path, index: int, methods: Sequence[Method], degradation: Degradation
) -> list[Score]:
    """Baseline's and methods' scores on one picture."""
    examples: dict[Color, Example] = {}

    def example(color: Color) -> Example:
        if color not in examples:
            examples[color] = degraded(path, color, degradation, index)
        return examples[color]

    # Noise is drawn in the color of the methods; bicubic is scored on luma, as in the papers.
    noisy = degradation.scale == 1 and bool(methods)
    base = example(methods[0].spec.color if noisy else Color.Y)
    for method in methods:
        _check_size(method, example(method.spec.color).low, path)
    results = [score(bicubic(base.low, degradation.scale), base, degradation)]
    for method in methods:
        given = example(method.spec.color)
        results.append(score(method(given.low), given, degradation))
    return results


def _check_size(method: Method, low: Tensor, path: Path) -> None:
    height, width = low.shape[-2:]
    if min(height, width) < method.min_px:
        raise _TooSmallError(
            f"{path}: {width}×{height} px is what {method.name} gets of it, less than its window; "
            "convert with a smaller --size, or leave the picture out"
        )
