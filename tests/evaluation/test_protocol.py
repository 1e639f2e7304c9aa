"""The protocol gives the papers' figures, and does to a picture what it says."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError, PictureError
from edge_sdk.evaluation import Degradation, bicubic, degraded, evaluate, score
from edge_sdk.imaging import Metadata, Picture, psnr_y, quantize, read_picture, write_picture
from edge_sdk.models import Color


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    write_picture(Picture(example_photo("coffee")[:, 100:201, 200:333]), path)
    return path


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "scale", "psnr_db"),
    [
        ("Set5", 2, 33.66),
        ("Set14", 2, 30.24),
        ("B100", 2, 29.56),
        ("Set5", 4, 28.42),
        ("Set14", 4, 26.00),
        ("B100", 4, 25.96),
    ],
)
def test_bicubic_gives_the_published_figures(
    picture_sets: Path, folder: str, scale: int, psnr_db: float
) -> None:
    (row,) = evaluate([], [picture_sets / "sr_bench" / folder], Degradation(scale))
    assert row.folders[0].psnr_db == pytest.approx(psnr_db, abs=0.02)


def test_sizes_and_levels(photo: Path) -> None:
    for scale in (2, 3, 4):
        for color in Color:
            example = degraded(photo, color, Degradation(scale))
            height, width = 101 // scale, 133 // scale
            assert example.low.shape == (1, color.channels, height, width)
            assert example.truth.shape == (1, scale * height, scale * width)
            torch.testing.assert_close(quantize(example.low), example.low, rtol=0, atol=0)


def test_the_truth_scores_as_exact_and_an_offset_as_it_should(photo: Path) -> None:
    degradation = Degradation(2)
    example = degraded(photo, Color.Y, degradation)
    exact = score(example.truth[None], example, degradation)
    assert exact.psnr_db == math.inf
    assert exact.ssim == pytest.approx(1)
    off = score(example.truth[None] - 4 / 255, example, degradation)
    assert off.psnr_db == pytest.approx(20 * math.log10(255 / 4), abs=0.01)
    assert score(example.truth[None] * torch.nan, example, degradation).psnr_db == -math.inf


def test_the_border_does_not_count(photo: Path) -> None:
    degradation = Degradation(3)
    example = degraded(photo, Color.Y, degradation)
    altered = example.truth.clone()
    for edge in (altered[:, :3], altered[:, -3:], altered[..., :3], altered[..., -3:]):
        edge.zero_()
    assert score(altered[None], example, degradation).psnr_db == math.inf
    altered[:, 3, 3] = 0
    assert score(altered[None], example, degradation).psnr_db < math.inf


def test_color_results_are_scored_by_their_luma(photo: Path) -> None:
    degradation = Degradation(2)
    example = degraded(photo, Color.RGB, degradation)
    result = bicubic(example.low, 2)
    truth = read_picture(photo).pixels[:, :100, :132]
    expected = psnr_y(result[0].clamp(0, 1), truth, border=2)
    assert score(result, example, degradation).psnr_db == pytest.approx(expected, abs=0.01)


def test_a_gray_file_is_luma_already(tmp_path: Path) -> None:
    gray = example_photo("coffee")[:1, 100:160, 200:260].expand(3, -1, -1).contiguous()
    write_picture(Picture(gray, Metadata(gray=True)), tmp_path / "gray.png")
    example = degraded(tmp_path / "gray.png", Color.Y, Degradation(2))
    assert example.gray
    torch.testing.assert_close(example.truth, quantize(gray[:1]))
    colored = degraded(tmp_path / "gray.png", Color.RGB, Degradation(2))
    results = [score(bicubic(e.low, 2), e, Degradation(2)) for e in (example, colored)]
    assert results[0].psnr_db == pytest.approx(results[1].psnr_db, abs=1e-3)


def test_noise_has_its_deviation_and_its_seed(photo: Path) -> None:
    clean = degraded(photo, Color.Y, Degradation(1, 0)).truth
    low = degraded(photo, Color.Y, Degradation(1, 25)).low[0]
    assert 255 * float((low - clean).std()) == pytest.approx(25, rel=0.02)
    again = degraded(photo, Color.Y, Degradation(1, 25)).low[0]
    torch.testing.assert_close(low, again, rtol=0, atol=0)
    for other in (Degradation(1, 25, seed=1), None):
        drawn = degraded(photo, Color.Y, other or Degradation(1, 25), index=int(other is None))
        assert not torch.equal(drawn.low[0], low)


def test_bad_numbers_and_pictures(tmp_path: Path) -> None:
    for numbers in ((0,), (17,), (1, -1.0), (1, math.nan), (1, 256), (1, 1, -1)):
        with pytest.raises(InputError):
            Degradation(*numbers)  # type: ignore[arg-type]
    write_picture(Picture(torch.rand(3, 14, 40)), tmp_path / "small.png")
    with pytest.raises(PictureError, match=r"small\.png.*14 px is too small"):
        degraded(tmp_path / "small.png", Color.Y, Degradation(2))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(PictureError, match=r"text\.png"):
        degraded(tmp_path / "text.png", Color.Y, Degradation(2))


def test_denoising_compares_what_the_method_works_on(photo: Path) -> None:
    degradation = Degradation(1, 25.0)
    color, luma = (degraded(photo, each, degradation) for each in (Color.RGB, Color.Y))
    assert color.truth.shape[0] == color.low.shape[1] == 3
    assert luma.truth.shape[0] == luma.low.shape[1] == 1
    for example in (color, luma):
        noise = example.low[0] - example.truth
        # The noise is in the input as it was drawn: beyond [0, 1], and of the strength requested.
        assert float(noise.std()) * 255 == pytest.approx(25, rel=0.02)
        assert score(example.truth[None], example, degradation).psnr_db == math.inf
    # An error in blue alone is nearly unseen in luma (weight 0.1), a third of the error in color.
    altered = color.truth.clone()
    altered[2] = (altered[2] - 0.1).clamp(0, 1)
    mse = float((quantize(altered) - color.truth).square().mean())
    found = score(altered[None], color, degradation).psnr_db
    assert found == pytest.approx(-10 * math.log10(mse), abs=1e-3)
