"""A converted file on a picture of any size is its model on that picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import ArtifactError, InputError, PictureError
from edge_sdk.evaluation import ArtifactMethod, Degradation, ModelMethod, evaluate
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig
from edge_sdk.models.spec import Task
from edge_sdk.targets import find_converter
from tests.needs import needs
from tests.tolerances import SINGLE

pytestmark = needs("tflite")


PLAIN = EnhanceNetConfig(widths=(4, 4), branches=None, skips=())


def network(config: EnhanceNetConfig = PLAIN) -> EnhanceNet:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return EnhanceNet(config).eval()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    photo = example_photo("coffee")
    write_picture(Picture(photo[:, 100:170, 200:291]), folder / "a.png")
    write_picture(Picture(photo[:, 150:214, 100:164]), folder / "b.png")
    return folder


def converted(net: EnhanceNet, folder: Path, side: int = 24) -> Path:
    path = folder / f"net{side}.tflite"
    example = torch.rand(1, net.spec.color.channels, side, side)
    find_converter("tflite").convert(net, example, path, "fp32")
    return path


@pytest.mark.parametrize("color", list(Color))
def test_tiled_files_equal_the_whole_model(color: Color, photos: Path, tmp_path: Path) -> None:
    net = network(replace(PLAIN, color=color))
    model = ModelMethod(net, net.spec, "net")
    file = ArtifactMethod(converted(net, tmp_path), net.spec)
    low = torch.rand(1, color.channels, 35, 46)
    torch.testing.assert_close(file(low), model(low), **SINGLE)
    rows = evaluate([model, file], [photos], Degradation(2))
    assert [row.method for row in rows] == ["bicubic", "net", "net24.tflite"]
    assert rows[2].precision == "fp32"
    for ours, theirs in zip(rows[1].folders[0].pictures, rows[2].folders[0].pictures, strict=True):
        assert ours.picture == theirs.picture
        assert ours.psnr_db == pytest.approx(theirs.psnr_db, abs=0.01)
        assert ours.ssim == pytest.approx(theirs.ssim, abs=1e-4)


def test_means_are_over_pictures(photos: Path) -> None:
    (row,) = evaluate([], [photos, photos], Degradation(2))
    first, second = row.folders
    assert [picture.picture for picture in first.pictures] == ["a.png", "b.png"]
    assert first.psnr_db == sum(picture.psnr_db for picture in first.pictures) / 2
    assert first == second


def test_denoising_has_the_noisy_picture_as_its_baseline(photos: Path) -> None:
    net = network(replace(PLAIN, scale=1, task=Task.DENOISING))
    rows = evaluate([ModelMethod(net, net.spec, "net")], [photos], Degradation(1, 15.0))
    assert rows[0].method == "noisy, σ = 15/255"
    # 20·log10(255/15) = 24.61 dB, a little more since what is scored is clipped.
    assert rows[0].folders[0].psnr_db == pytest.approx(24.61, abs=0.3)


def test_progress_counts_pictures(photos: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    evaluate([], [photos], Degradation(2), lambda *step: seen.append(step))
    assert seen == [(photos.name, 1, 2), (photos.name, 2, 2)]


def test_methods_that_do_not_fit_are_refused(photos: Path, tmp_path: Path) -> None:
    net, large = network(), network(replace(PLAIN, scale=4))
    small = network(replace(PLAIN, scale=2, task=Task.DOWN_SCALING))
    denoisers = [
        network(replace(PLAIN, scale=1, task=Task.DENOISING, color=color)) for color in Color
    ]

    def named(*nets: EnhanceNet) -> list[ModelMethod]:
        return [ModelMethod(net, net.spec, "net") for net in nets]

    for methods, degradation, reason in [
        (named(net, large), Degradation(2), "one scale"),
        (named(small), Degradation(1, 5), "smaller"),
        (named(net), Degradation(2, 5), "leave sigma out"),
        (named(denoisers[0]), Degradation(1), "needs noise"),
        (named(*denoisers), Degradation(1, 5), "one color"),
    ]:
        with pytest.raises(InputError, match=reason):
            evaluate(methods, [photos], degradation)
    with pytest.raises(InputError, match="no folder"):
        evaluate([], [], Degradation(2))
    with pytest.raises(InputError, match="holds no picture"):
        evaluate([], [tmp_path], Degradation(2))
    with pytest.raises(InputError, match="no such folder"):
        evaluate([], [tmp_path / "none"], Degradation(2))


def test_restored_pictures_are_scored_against_the_degraded_ones(
    photos: Path, tmp_path: Path
) -> None:
    config = replace(PLAIN, scale=1, task=Task.RESTORATION, color=Color.RGB, kernels=(5, 3, 3))
    strided = replace(config, stride=2)
    net = network(strided)
    torch.nn.init.zeros_(net.reconstruct.weight)
    torch.nn.init.zeros_(net.reconstruct.bias)
    methods = [ModelMethod(net, net.spec, "nothing")]
    methods.append(ArtifactMethod(converted(net, tmp_path), net.spec))
    baseline, *rows = evaluate(methods, [photos], Degradation(recipe="document"))
    assert baseline.method == "degraded, document"
    again, other = (
        evaluate(methods[:1], [photos], Degradation(recipe="document", seed=seed))[0]
        for seed in (0, 1)
    )
    assert again == baseline
    assert other.folders[0].psnr_db != baseline.folders[0].psnr_db
    for row in rows:
        assert row.folders[0].psnr_db == pytest.approx(baseline.folders[0].psnr_db, abs=1e-3)
    for keys, reason in [
        ({"recipe": "documnt"}, "is no recipe"),
        ({"recipe": "document", "sigma": 5.0}, "leave sigma and scale out"),
        ({"recipe": "document", "scale": 2}, "leave sigma and scale out"),
    ]:
        with pytest.raises(InputError, match=reason):
            Degradation(**keys)


@pytest.mark.slow
def test_files_that_do_not_fit_are_refused(photos: Path, tmp_path: Path) -> None:
    net = network()
    path = converted(net, tmp_path)
    for spec, reason in [
        (network(replace(PLAIN, color=Color.RGB)).spec, "3 channel"),
        (network(replace(PLAIN, scale=4)).spec, "another task"),
        (replace(net.spec, halo_px=12), "larger --size"),
        (replace(net.spec, size_multiple=5), "multiples of 5"),
    ]:
        with pytest.raises(ArtifactError, match=reason):
            ArtifactMethod(path, spec)
    oblong = tmp_path / "oblong.tflite"
    find_converter("tflite").convert(net, torch.rand(1, 1, 24, 32), oblong, "fp32")
    with pytest.raises(ArtifactError, match="equal sides"):
        ArtifactMethod(oblong, net.spec)
    wide = ArtifactMethod(converted(net, tmp_path, 40), net.spec)
    with pytest.raises(PictureError, match=r"a\.png.*45×35 px.*smaller --size"):
        evaluate([wide], [photos], Degradation(2))
