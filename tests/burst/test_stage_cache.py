"""Stages that a zoom converts for itself: once, whole, and by any number of processes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.converted import by_name as networks
from edge_sdk.burst.converted.by_name import ZoomNetwork, convert_stages, zoom_network
from edge_sdk.burst.converted.graphs import STAGES
from edge_sdk.burst.converted.manifest import read_manifest
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.inputs.calibration import NOISE_LEVELS, burst_calibration
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.deploy.quantize import QuantizeOptions, quantize_loaded
from edge_sdk.imaging import Picture, psnr, write_picture
from edge_sdk.models import save_checkpoint
from edge_sdk.targets import LoweringReport
from edge_sdk.zoo.loading import load_any
from tests.builders.burst_networks import SMALL_SIZES, small_network
from tests.needs import each_needing

pytestmark = pytest.mark.slow


class Cache:
    """A cache of its own, of small stages, and how often it was filled.

    Args:
        folder: where it lies.
        stages: what converting for TFLite in fp32 gives.
    """

    def __init__(self, folder: Path, stages: Path) -> None:
        self.place = folder
        self.stages = stages
        self.conversions: list[Path] = []
        self.reports: dict[str, LoweringReport] = {}
        self.meanwhile: Callable[[], object] = lambda: None

    def convert(
        self, model: str, target: str, precision: str, folder: Path, on_progress: object
    ) -> dict[str, LoweringReport]:
        """Convert, or copy what was converted, and do something else before that is done."""
        self.conversions.append(folder)
        self.meanwhile()
        if (target, precision) == ("tflite", "fp32"):
            shutil.copytree(self.stages, folder, dirs_exist_ok=True)
            return {}
        self.reports = convert_stages(model, target, precision, folder, sizes=SMALL_SIZES)
        return self.reports

    def zoom_network(self) -> ZoomNetwork:
        return zoom_network(str(self.place / "small.safetensors"), 2, "tflite")

    @property
    def folders(self) -> list[Path]:
        return [path for path in (self.place / "stages").iterdir() if path.is_dir()]


@pytest.fixture
def cache(tmp_path: Path, stages: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    small_network(tmp_path)
    made = Cache(tmp_path, stages)
    monkeypatch.setattr(networks, "user_cache_path", lambda name: tmp_path)
    monkeypatch.setattr(networks, "convert_stages", made.convert)
    return made


def test_a_second_zoom_converts_nothing_and_a_damaged_folder_is_made_again(cache: Cache) -> None:
    first = cache.zoom_network()
    (folder,) = cache.folders
    assert cache.conversions != [folder]
    assert cache.zoom_network().name == first.name
    assert len(cache.conversions) == 1
    whole = (folder / "decode.tflite").read_bytes()
    (folder / "decode.tflite").write_bytes(whole[:-1])
    assert cache.zoom_network().name == first.name
    assert len(cache.conversions) == 2
    assert cache.folders == [folder]
    assert len((folder / "decode.tflite").read_bytes()) == len(whole)


def test_who_comes_second_waits_and_converts_nothing(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looks, second_looked = networks._opened, [], threading.Event()

    def counted(folder: Path, runtime: str) -> StageFiles | None:
        found = look(folder, runtime)
        looks.append(threading.current_thread())
        if looks[-1] is not looks[0]:
            second_looked.set()
        return found

    monkeypatch.setattr(networks, "_opened", counted)
    with ThreadPoolExecutor(1) as pool:
        second: list[Future[ZoomNetwork]] = []

        def come_second() -> None:
            second.append(pool.submit(cache.zoom_network))
            assert second_looked.wait(60)

        cache.meanwhile = come_second
        first = cache.zoom_network()
        assert second[0].result(60).name == first.name
    assert len(cache.conversions) == 1
    (folder,) = cache.folders
    names = {path.name for path in folder.iterdir()}
    assert names == {"stages.json", *(f"{stage}.tflite" for stage in STAGES)}


def test_stages_of_another_package_are_not_taken(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.zoom_network()
    monkeypatch.setattr(networks, "_version", lambda package: "99")
    cache.zoom_network()
    assert len(cache.conversions) == len(cache.folders) == 2


@pytest.mark.parametrize("runtime", each_needing(["executorch", "coreml"]))
def test_other_runtimes_give_the_picture_that_pytorch_gives(cache: Cache, runtime: str) -> None:
    burst = simulate_burst(example_photo("coffee")[:, :110, :130], CameraConfig(frames=2))
    config = ZoomConfig(reference=0)
    model = str(cache.place / "small.safetensors")
    expected = zoom(burst.frames, zoom_network(model, 2).network, config)
    found = zoom(burst.frames, zoom_network(model, 2, runtime).network, config)
    assert expected.used == 2
    assert psnr(found.pixels, expected.pixels) > 70
    assert set(cache.reports) == set(STAGES)
    for report in cache.reports.values():
        assert report.undelegated == ()
        assert report.partitions == (1 if runtime == "executorch" else None)


def test_the_noise_of_int8_ranges_travels_to_the_manifest(cache: Cache) -> None:
    pictures = cache.place / "pictures"
    pictures.mkdir()
    write_picture(Picture(example_photo("coffee")), pictures / "coffee.png")
    loaded = load_any(str(cache.place / "small.safetensors")).resized(22, 22)
    made = quantize_loaded(
        loaded,
        loaded.single_example,
        pictures,
        QuantizeOptions(samples=4),
        read=burst_calibration,
    )
    assert made.scheme.noise_levels == NOISE_LEVELS
    path = cache.place / "coded.safetensors"
    save_checkpoint(made.model, path, made.scheme)
    convert_stages(str(path), "tflite", "int8", cache.place / "int8", sizes=SMALL_SIZES)
    assert tuple(read_manifest(cache.place / "int8").noise_levels or ()) == NOISE_LEVELS
