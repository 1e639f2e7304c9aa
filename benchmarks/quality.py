r"""How well the quality classifier scores degraded pictures of photographs that it never saw.

    EDGE_SDK_DATA=DIR python benchmarks/quality.py --table docs/measurements/quality.md

Regions of photographs are degraded at all severities, scored against their originals, and scored by
the classifier without them. Writes the tables of the page between its marks, or prints them. Needs
the sets of EDGE_SDK_DATA; about five minutes of one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from edge_sdk.data.quality.cuts import contact_sheet
from edge_sdk.data.quality.grades import CLASSES, expected_score
from edge_sdk.data.quality.making import scored_sheets
from edge_sdk.deploy.scoring import DEFAULT_CLASSIFIER
from edge_sdk.errors import ModelError
from edge_sdk.evaluation import QualityFigures, quality_figures, score_threshold
from edge_sdk.imaging import read_picture
from edge_sdk.models.spec import RecognitionSpec
from edge_sdk.quantization import apply_scheme
from edge_sdk.zoo.catalogue import load_int8
from edge_sdk.zoo.networks import fused_by_name
from pages import head, page_parser, publish_between_marks, row
from photographs import data_folder, kodak_paths

SEED = 2026
PRECISION = 0.95
HELD_OUT = 10
"""Every tenth photograph of the training list is not trained on."""


@dataclass(frozen=True)
class Judged:
    """Pictures with true scores, and what a network says of them."""

    name: str
    photographs: int
    logits: Tensor
    scores: Tensor

    @property
    def figures(self) -> QualityFigures:
        return quality_figures(self.logits, self.scores)

    @property
    def expected(self) -> Tensor:
        return expected_score(self.logits)


def main() -> None:
    parser = page_parser(__doc__, "Markdown page whose tables are replaced")
    parser.add_argument("--regions", type=int, default=480, help="of each set (default 480)")
    parser.add_argument("--model", default=DEFAULT_CLASSIFIER, help="shipped name, or a file")
    arguments = parser.parse_args()
    network = fused_by_name(arguments.model)
    assert isinstance(network.spec, RecognitionSpec)
    side = network.spec.preview_px
    held_out = listed("cc0_train_2.txt")[HELD_OUT - 1 :: HELD_OUT]
    sets = {
        "CC0, held out of training": held_out,
        "CC0, never looked at": listed("cc0_val.txt"),
        "Kodak24": kodak_paths(),
    }
    sheets = {name: degraded_sheets(paths, arguments.regions, side) for name, paths in sets.items()}
    judged = [judge(name, len(sets[name]), *sheets[name], network) for name in sets]
    coded = int8_form(arguments.model, side)
    codes = [
        judge(f"{name}, int8", len(sets[name]), *sheets[name], coded)
        for name in sets
        if coded is not None
    ]
    lines = [
        *tables_of([*judged, *codes]),
        "",
        *curated(judged),
        "",
        *pristine(network, {name: paths for name, paths in sets.items() if name != "Kodak24"}),
        *pristine_row(network, "Kodak24", sets["Kodak24"]),
        "",
        *shaken(network, side),
    ]
    publish_between_marks("\n".join(lines), arguments.table)


def listed(name: str) -> list[Path]:
    path = data_folder() / "splits" / name
    if not path.is_file():
        raise SystemExit(f"{path}: no such list; set EDGE_SDK_DATA to the folder of the sets")
    return [data_folder() / line for line in path.read_text(encoding="utf-8").split()]


def degraded_sheets(paths: Sequence[Path], regions: int, side: int) -> tuple[Tensor, Tensor]:
    made = [
        one
        for number, path in enumerate(paths)
        for one in scored_sheets(
            read_picture(path).pixels, -(-regions // len(paths)), side, SEED + number, str(path)
        )
    ]
    return torch.stack([one.sheet for one in made]), torch.tensor([one.score for one in made])


@torch.no_grad()
def judge(
    name: str, photographs: int, sheets: Tensor, scores: Tensor, network: nn.Module
) -> Judged:
    logits = torch.cat([network(sheet[None].float() / 255) for sheet in sheets])
    return Judged(name, photographs, logits, scores)


def int8_form(model: str, side: int) -> nn.Module | None:
    try:
        shipped = load_int8(model)
    except ModelError:
        return None
    if shipped is None or shipped.scheme is None:
        return None
    return apply_scheme(shipped.model, torch.rand(1, 3, side, side), shipped.scheme).model


def tables_of(judged: Sequence[Judged]) -> list[str]:
    classes = list(CLASSES)
    lines = [
        head(
            "pictures of", "photographs", "pictures", "balanced recall", *classes, "far confusions",
            "mean error", "bias", "rank correlation",
        )
    ]  # fmt: skip
    for each in judged:
        found = each.figures
        recalls = ("—" if recall is None else f"{recall:.1%}" for recall in found.recalls)
        lines.append(
            row(
                each.name,
                str(each.photographs),
                str(len(each.scores)),
                f"{found.balanced_recall:.1%}",
                *recalls,
                f"{found.far_confusions:.2%}",
                f"{found.mean_error:.1f}",
                f"{found.bias:+.1f}",
                f"{found.rank_correlation:.3f}",
            )
        )
    for each in judged[:3]:
        lines += [
            "",
            f"What is taken for what, {each.name}, a row for each true class:",
            "",
            head("true", *classes),
            *(row(c, *map(str, r)) for c, r in zip(classes, each.figures.confusion, strict=True)),
        ]
    return lines


def curated(judged: Sequence[Judged]) -> list[str]:
    first = judged[0]
    wanted = score_threshold(first.expected, first.scores, PRECISION)
    lines = [
        f"The least expected score from which on {PRECISION:.0%} are truly good, on the first set: "
        f"**{wanted:.0f}**. Kept from it on, and from 60 on:",
        "",
        head("pictures of", "kept from", "kept", "truly good", "truly medium", "truly poor",
             "good ones kept"),
    ]  # fmt: skip
    for each in judged:
        for least in (60.0, float(round(wanted))):
            kept = each.scores[each.expected >= least]
            good = kept >= CLASSES["good"]
            poor = kept < CLASSES["medium"]
            count = max(1, len(kept))
            lines.append(
                row(
                    each.name,
                    f"{least:.0f}",
                    str(len(kept)),
                    f"{int(good.sum()) / count:.1%}",
                    str(len(kept) - int(good.sum()) - int(poor.sum())),
                    str(int(poor.sum())),
                    f"{int(good.sum()) / max(1, int((each.scores >= CLASSES['good']).sum())):.1%}",
                )
            )
    return lines


def pristine(network: nn.Module, sets: dict[str, list[Path]]) -> list[str]:
    lines = [
        "Whole photographs as they are, whose true score is 100:",
        "",
        head("photographs", "number", "least score", "median", "below 60"),
    ]
    return [
        *lines,
        *(line for name, paths in sets.items() for line in pristine_row(network, name, paths)),
    ]


def pristine_row(network: nn.Module, name: str, paths: Sequence[Path]) -> list[str]:
    scores = torch.tensor([whole_score(network, path) for path in paths])
    cells = (f"{float(scores.min()):.0f}", f"{float(scores.median()):.0f}")
    return [row(name, str(len(paths)), *cells, str(int((scores < 60).sum())))]


@torch.no_grad()
def whole_score(network: nn.Module, path: Path, side: int | None = None) -> float:
    spec = network.spec
    assert isinstance(spec, RecognitionSpec)
    sheet = contact_sheet(read_picture(path).pixels, side or spec.preview_px, str(path))
    return float(expected_score(network(sheet[None]))[0])


def shaken(network: nn.Module, side: int) -> list[str]:
    """A scene from a tripod, and 14 frames of it that a hand shook, none of them trained on."""
    folder = data_folder() / "burst_real" / "fba_psf_with_tripod_truth"
    truth = whole_score(network, folder / "sharp_000.jpg", side)
    frames = [whole_score(network, path, side) for path in sorted(folder.glob("REG_*.jpg"))]
    return [
        f"A scene taken from a tripod scores {truth:.0f}, and the {len(frames)} frames of it "
        f"that a hand shook {min(frames):.0f} to {max(frames):.0f}, "
        f"{sum(frames) / len(frames):.0f} in "
        "the mean.",
    ]


if __name__ == "__main__":
    main()
